"""Every table, in one import: for migrations, erasure and tests."""

from sqlmodel import SQLModel

from data import (
    alerts,
    audit,
    checkins,
    concerns,
    experiments,
    explorations,
    goals,
    inbox,
    messages,
    outbox,
    patients,
    physios,
    privacy,
    thoughts,
)

metadata = SQLModel.metadata

__all__ = [
    "alerts",
    "audit",
    "checkins",
    "concerns",
    "experiments",
    "explorations",
    "goals",
    "inbox",
    "messages",
    "metadata",
    "outbox",
    "patients",
    "physios",
    "privacy",
    "thoughts",
]
