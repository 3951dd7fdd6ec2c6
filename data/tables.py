"""Every table, in one import: for migrations, erasure and tests."""

from sqlmodel import SQLModel

from data import (
    alerts,
    audit,
    checkins,
    concerns,
    experiments,
    explorations,
    flares,
    goals,
    inbox,
    messages,
    modules,
    outbox,
    patients,
    physios,
    privacy,
    thoughts,
    timers,
)

metadata = SQLModel.metadata

__all__ = [
    "alerts",
    "audit",
    "checkins",
    "concerns",
    "experiments",
    "explorations",
    "flares",
    "goals",
    "inbox",
    "messages",
    "metadata",
    "modules",
    "outbox",
    "patients",
    "physios",
    "privacy",
    "thoughts",
    "timers",
]
