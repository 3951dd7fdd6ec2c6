"""The rota as a service edits it, and what follows for the next alert."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import RotaRefused
from bot.services.rota_desk import RotaDesk, whole_day
from data import rota
from data.audit import AuditEvent
from data.database import Database
from data.physios import Physio
from tests.unit.ward import Ward

TODAY = date(2026, 12, 1)  # a Tuesday
LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def ward(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Ward:
    return Ward(sqlite_database, clock, library)


class Editing:
    """One edit after the other, by the admin."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.desk = RotaDesk(ward.escalation.rotas)

    def works(self, physio: int, days: list[int], span: str, **more: date) -> None:
        with self.ward.database.transaction() as session:
            who = session.get_one(Physio, physio)
            self.desk.add_shifts(session, who, days, span, **({"first_on": TODAY} | more), **self._by())

    def covers(self, physio: int, instead: int | None, edges: tuple[datetime, datetime]) -> None:
        with self.ward.database.transaction() as session:
            other = session.get(Physio, instead) if instead else None
            self.desk.cover(session, session.get_one(Physio, physio), other, edges, **self._by())

    def swap(self, one: int, on: date, other: int, other_on: date) -> None:
        with self.ward.database.transaction() as session:
            pair = session.get_one(Physio, one), session.get_one(Physio, other)
            self.desk.swap(session, pair[0], on, pair[1], other_on, **self._by())

    def service(self, session: Session) -> rota.Service:
        return rota.service(session, rota.FIRST)

    def shows(self, first: date, number: int = 1) -> list[str]:
        with self.ward.database.transaction() as session:
            days = self.desk.days(session, self.service(session), first, number, self.ward.clock.now())
            return [
                f"{day.on:%a}: {day.closed}"
                + ", ".join(f"{each.starts:%H:%M}-{each.ends:%H:%M} {each.name or 'NOBODY'}" for each in day.spans)
                for day in days
            ]

    def _by(self) -> dict:
        return {"by": "admin", "now": self.ward.clock.now()}


@pytest.fixture
def rotas(ward: Ward) -> Editing:
    return Editing(ward)


def test_a_weekly_pattern_puts_people_on_duty_and_shows_gaps(ward: Ward, rotas: Editing):
    anna = ward.physio("Anna", on_duty=False)
    rotas.works(anna, [1, 2], "08:00-12:00")

    assert ward.on_duty() == ["Anna"]
    assert rotas.shows(TODAY, 3) == ["Tue: 08:00-12:00 Anna", "Wed: 08:00-12:00 Anna", "Thu: "]


def test_the_next_alert_goes_to_whoever_the_rota_names_then(ward: Ward, rotas: Editing):
    anna, ben = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False)
    rotas.works(anna, [1], "08:00-12:00")
    rotas.works(ben, [1], "12:00-20:00")

    ward.raises(ward.patient("P-EARLY"))
    ward.clock.move(timedelta(hours=4))
    ward.raises(ward.patient("P-LATER"))

    assert "P-EARLY" in ward.cards(anna)[0].text
    assert ["P-LATER" in each.text for each in ward.cards(ben)] == [True]


def test_an_edit_of_the_rota_counts_from_the_next_step_of_an_alert_that_runs(ward: Ward, rotas: Editing):
    anna, ben = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False)
    rotas.works(anna, [1], "08:00-20:00")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    rotas.covers(anna, ben, whole_day(TODAY, "Europe/London"))
    ward.time_passes(minutes=120)

    assert "not closed in time" in ward.cards(ben)[-1].text


def test_swapping_days(ward: Ward, rotas: Editing):
    anna, ben = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False)
    rotas.works(anna, [1], "09:00-17:00")
    rotas.works(ben, [2], "09:00-13:00")

    rotas.swap(anna, TODAY, ben, TODAY + timedelta(days=1))

    assert rotas.shows(TODAY, 2) == ["Tue: 09:00-17:00 Ben", "Wed: 09:00-13:00 Anna"]
    assert rotas.shows(TODAY + timedelta(days=7), 2) == ["Tue: 09:00-17:00 Anna", "Wed: 09:00-13:00 Ben"]


def test_a_bank_holiday_is_shown_by_its_name_and_can_be_worked(ward: Ward, rotas: Editing):
    anna = ward.physio("Anna", on_duty=False)
    rotas.works(anna, [0, 1, 2, 3, 4], "09:00-17:00")
    christmas = date(2026, 12, 25)
    assert rotas.shows(christmas) == ["Fri: Christmas Day"]

    with ward.database.transaction() as session:
        rotas.desk.close(
            session,
            rotas.service(session),
            christmas,
            christmas,
            "on call",
            is_open=True,
            by="admin",
            now=ward.clock.now(),
        )

    assert rotas.shows(christmas) == ["Fri: 09:00-17:00 Anna"]


def test_a_closure_can_be_undone(ward: Ward, rotas: Editing):
    anna = ward.physio("Anna", on_duty=False)
    rotas.works(anna, [1], "09:00-17:00")
    now = ward.clock.now()
    with ward.database.transaction() as session:
        made = rotas.desk.close(session, rotas.service(session), TODAY, TODAY, "Team day", by="admin", now=now)
    closed = rotas.shows(TODAY)

    with ward.database.transaction() as session:
        rotas.desk.undo_closure(session, made.id, by="admin", now=now)

    assert (closed, rotas.shows(TODAY)) == (["Tue: Team day"], ["Tue: 09:00-17:00 Anna"])


def test_going_off_duty_in_the_middle_of_a_shift_leaves_it_until_it_ends(ward: Ward, rotas: Editing):
    anna = ward.physio("Anna", on_duty=False)
    rotas.works(anna, [1, 2], "08:00-17:00")

    ward.writes(anna, "/duty off")

    assert ward.on_duty() == []
    ward.clock.move(timedelta(days=1))
    assert ward.on_duty() == ["Anna"]


def test_the_pattern_of_somebody_who_leaves_ends(ward: Ward, rotas: Editing):
    anna = ward.physio("Anna", on_duty=False)
    rotas.works(anna, [1], "09:00-17:00")
    with ward.database.transaction() as session:
        rotas.desk.end_shifts(session, session.get_one(Physio, anna), last_on=TODAY, by="admin", now=ward.clock.now())

    assert [rotas.shows(TODAY), rotas.shows(TODAY + timedelta(days=7))] == [["Tue: 09:00-17:00 Anna"], ["Tue: "]]


def test_what_cannot_be_is_refused_in_plain_words_and_changes_nothing(ward: Ward, rotas: Editing):
    anna, ben = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False)
    today = whole_day(TODAY, "Europe/London")
    last_year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    rows = len(_audit(ward))

    for attempt, problem in (
        (lambda: rotas.works(anna, [1], "9 to 5"), "write it like 09:00-17:00"),
        (lambda: rotas.works(anna, [1], "09:00-17:00", last_on=date(2026, 11, 1)), "before the first"),
        (lambda: rotas.covers(anna, anna, today), "cover for themselves"),
        (lambda: rotas.covers(anna, ben, today[::-1]), "before the beginning"),
        (lambda: rotas.covers(anna, ben, last_year), "over already"),
        (lambda: rotas.swap(anna, TODAY, ben, TODAY), "has no shift on Tuesday 01 December"),
    ):
        with pytest.raises(RotaRefused, match=problem):
            attempt()

    assert len(_audit(ward)) == rows


def test_hours_are_set_a_day_at_a_time_and_a_wrong_zone_is_refused(ward: Ward, rotas: Editing):
    now = ward.clock.now()
    with ward.database.transaction() as session:
        service = rotas.service(session)
        rotas.desk.set_hours(
            session, service, weekdays=["sat"], spans=["10:00-12:00"], nation="scotland", by="admin", now=now
        )
    with pytest.raises(RotaRefused, match="no time zone"), ward.database.transaction() as session:
        rotas.desk.set_hours(session, rotas.service(session), zone="Europe/Atlantis", by="admin", now=now)

    with ward.database.transaction() as session:
        service = rotas.service(session)
        assert (service.hours["sat"], service.nation, service.time_zone) == (
            ["10:00-12:00"],
            "scotland",
            "Europe/London",
        )
        assert service.hours["mon"] == ["09:00-17:00"]


def test_every_edit_is_on_record(ward: Ward, rotas: Editing):
    anna, ben = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False)
    rotas.works(anna, [1], "09:00-17:00")
    rotas.covers(anna, ben, whole_day(TODAY, "Europe/London"))

    assert _audit(ward) == ["rota_shifts_added", "rota_cover_agreed"]


def _audit(ward: Ward) -> list[str]:
    with ward.database.transaction() as session:
        return [each.what for each in session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()]
