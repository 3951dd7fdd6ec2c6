"""Whatever happens in whatever order, an alert is owned, closed, or on its way to somebody: see incidents.py."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from bot.content import Library
from tests.proof.conftest import Copies, Tell
from tests.proof.incidents import Incidents

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def whatever_happens(copies: Copies, library: Library, *, examples: int, steps: int, **more: Any) -> dict[str, int]:
    figures: dict[str, int] = {}
    machine = lambda: Incidents(copies.fresh, library, figures)  # noqa: E731
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=SLOW, **more
        ),
    )
    return figures


def test_whatever_happens_an_alert_is_owned_closed_or_on_its_way(copies: Copies, library: Library) -> None:
    figures = whatever_happens(copies, library, examples=10 if copies.is_sqlite else 3, steps=25)

    assert figures["runs"] > 0


@pytest.mark.soak
def test_whatever_happens_for_long(copies: Copies, library: Library, tell: Tell) -> None:
    figures = whatever_happens(copies, library, examples=100 if copies.is_sqlite else 30, steps=50)

    tell(f"incidents: {figures}")
