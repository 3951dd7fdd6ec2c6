"""Every table, in one import: for migrations, erasure and tests."""

from sqlmodel import SQLModel

from data import (
    activity,
    alerts,
    at_risk,
    audit,
    checkins,
    concerns,
    experiments,
    explorations,
    flares,
    goals,
    inbox,
    measures,
    messages,
    modules,
    outbox,
    patients,
    physios,
    privacy,
    programme,
    rota,
    thoughts,
    timers,
)

metadata = SQLModel.metadata

__all__ = [
    "activity",
    "alerts",
    "at_risk",
    "audit",
    "checkins",
    "concerns",
    "experiments",
    "explorations",
    "flares",
    "goals",
    "inbox",
    "measures",
    "messages",
    "metadata",
    "modules",
    "outbox",
    "patients",
    "physios",
    "privacy",
    "programme",
    "rota",
    "thoughts",
    "timers",
]
