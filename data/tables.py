"""Every table, in one import: for migrations, erasure and tests."""

from sqlmodel import SQLModel

from data import alerts, checkins, concerns, goals, inbox, messages, outbox, patients, physios

metadata = SQLModel.metadata

__all__ = [
    "alerts",
    "checkins",
    "concerns",
    "goals",
    "inbox",
    "messages",
    "metadata",
    "outbox",
    "patients",
    "physios",
]
