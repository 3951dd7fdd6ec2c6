"""Who is on duty: the weekly pattern, closed days, cover, swaps, and the nights on which the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.coaching.rota import Cover, Rota, Shift
from bot.coaching.service_hours import WEEKDAYS, Closed, hours

ANNA, BEN, CARA = 1, 2, 3
SINCE = date(2026, 1, 1)
CLINIC = hours("Europe/London", {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}, "england")
WEEK = tuple(Shift(ANNA, day, time(9), time(17), SINCE) for day in range(5))


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


def test_the_pattern_repeats_every_week_and_its_end_is_not_in_it():
    rota = Rota(CLINIC, WEEK)

    assert rota.on_duty(london("2026-11-27T09:00")) == [ANNA]
    assert rota.on_duty(london("2026-11-27T16:59")) == [ANNA]
    assert rota.on_duty(london("2026-11-27T17:00")) == []
    assert rota.next_duty(london("2026-11-27T17:00")) == london("2026-11-30T09:00")


def test_on_a_bank_holiday_nobody_works_unless_it_was_agreed():
    christmas_monday = london("2026-12-28T10:00")
    agreed = hours("Europe/London", {}, "england", [Closed(date(2026, 12, 28), date(2026, 12, 28), is_open=True)])

    assert Rota(CLINIC, WEEK).on_duty(christmas_monday) == []
    assert Rota(CLINIC, WEEK).next_duty(london("2026-12-24T17:00")) == london("2026-12-29T09:00")
    assert Rota(agreed, WEEK).on_duty(christmas_monday) == [ANNA]


def test_a_night_shift_runs_into_the_next_day():
    rota = Rota(hours("Europe/London", {}, None), (Shift(BEN, 4, time(20), time(8), SINCE),))

    assert rota.on_duty(london("2026-11-28T07:59")) == [BEN]
    assert rota.on_duty(london("2026-11-28T08:00")) == []


def test_a_night_shift_over_a_clock_change_ends_by_the_clock():
    night = (Shift(BEN, 5, time(20), time(8), SINCE),)  # Saturdays
    rota = Rota(hours("Europe/London", {}, None), night)

    (forward,), (back,) = (
        rota.duties(date(2026, 3, 28), date(2026, 3, 28)),
        rota.duties(date(2026, 10, 24), date(2026, 10, 24)),
    )

    assert forward.ends_at - forward.starts_at == timedelta(hours=11)
    assert back.ends_at - back.starts_at == timedelta(hours=13)
    assert rota.on_duty(london("2026-10-25T07:59")) == [BEN]


def test_cover_takes_over_for_as_long_as_it_was_agreed():
    cover = Cover(ANNA, BEN, london("2026-11-27T12:00"), london("2026-11-27T14:00"))
    rota = Rota(CLINIC, WEEK, (cover,))

    assert [rota.on_duty(london(f"2026-11-27T{at}")) for at in ("11:59", "12:00", "13:59", "14:00")] == [
        [ANNA], [BEN], [BEN], [ANNA],
    ]  # fmt: skip
    assert [(duty.physio, duty.of) for duty in rota.duties(date(2026, 11, 27), date(2026, 11, 27))] == [
        (ANNA, ANNA), (BEN, ANNA), (ANNA, ANNA),
    ]  # fmt: skip


def test_somebody_away_without_cover_leaves_a_gap_that_is_seen():
    rota = Rota(CLINIC, WEEK, (Cover(ANNA, None, london("2026-11-30T00:00"), london("2026-12-01T00:00")),))

    assert rota.on_duty(london("2026-11-30T10:00")) == []
    assert rota.next_duty(london("2026-11-30T10:00")) == london("2026-12-01T09:00")
    assert rota.duties(date(2026, 11, 30), date(2026, 11, 30))[0].physio is None


def test_cover_for_the_one_who_covers():
    day = (london("2026-11-30T00:00"), london("2026-12-01T00:00"))
    rota = Rota(CLINIC, WEEK, (Cover(ANNA, BEN, *day), Cover(BEN, CARA, *day)))

    assert rota.on_duty(london("2026-11-30T10:00")) == [CARA]


def test_a_swap_of_overlapping_shifts_leaves_both_on_duty():
    shifts = (Shift(ANNA, 0, time(9), time(13), SINCE), Shift(BEN, 0, time(12), time(17), SINCE))
    early = (london("2026-11-30T09:00"), london("2026-11-30T13:00"))
    late = (london("2026-11-30T12:00"), london("2026-11-30T17:00"))
    rota = Rota(CLINIC, shifts, (Cover(ANNA, BEN, *early), Cover(BEN, ANNA, *late)))

    assert rota.on_duty(london("2026-11-30T10:00")) == [BEN]
    assert sorted(rota.on_duty(london("2026-11-30T12:30"))) == [ANNA, BEN]
    assert rota.on_duty(london("2026-11-30T15:00")) == [ANNA]


def test_what_is_agreed_last_counts():
    day = (london("2026-11-30T00:00"), london("2026-12-01T00:00"))
    rota = Rota(CLINIC, WEEK, (Cover(ANNA, BEN, *day), Cover(ANNA, CARA, *day)))

    assert rota.on_duty(london("2026-11-30T10:00")) == [CARA]


def test_a_pattern_begins_and_ends_on_its_days():
    rota = Rota(CLINIC, (Shift(ANNA, 0, time(9), time(17), date(2026, 12, 7), date(2026, 12, 7)),))

    assert [rota.on_duty(london(f"2026-{day}T10:00")) for day in ("11-30", "12-07", "12-14")] == [[], [ANNA], []]
    assert rota.next_duty(london("2026-12-14T10:00")) is None


shifts = st.lists(
    st.builds(
        Shift, st.integers(1, 3), st.integers(0, 6), st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.just(SINCE),
    ),
    max_size=5,
)  # fmt: skip
FIRST = datetime(2026, 3, 20, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=235)).map(lambda span: FIRST + span)


@st.composite
def agreed(draw: st.DrawFn) -> Cover:
    starts = draw(moments)
    return Cover(
        draw(st.integers(1, 3)),
        draw(st.none() | st.integers(1, 3)),
        starts,
        starts + timedelta(hours=draw(st.integers(1, 200))),
    )


@settings(max_examples=60, deadline=None)
@given(shifts, st.lists(agreed(), max_size=4), moments)
def test_whatever_is_agreed_the_list_and_the_moment_say_the_same(
    shifts: list[Shift], covers: list[Cover], now: datetime
):
    rota = Rota(CLINIC, tuple(shifts), tuple(covers))
    listed = rota.duties(now.date() - timedelta(days=2), now.date() + timedelta(days=1))

    assert set(rota.on_duty(now)) == {each.physio for each in listed if each.starts_at <= now < each.ends_at} - {None}
    coming = rota.next_duty(now)
    assert coming is None or rota.on_duty(coming)
    assert coming is None or coming == now or not rota.on_duty(now)
