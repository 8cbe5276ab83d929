from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calldron.domain.quota import Quota

MOSCOW = ZoneInfo("Europe/Moscow")
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dials(*texts: str) -> list[datetime]:
    return [at(text) for text in texts]


# ---------------------------------------------------------------- single limits


def test_without_a_limit_nothing_counts() -> None:
    now = at("2026-11-24 12:00")
    quota = Quota(MOSCOW)
    assert not quota.any
    assert quota.free_at([now] * 100, now) == now
    assert quota.since(now) == now


def test_a_number_below_its_limit_is_free_now() -> None:
    now = at("2026-11-24 12:00")
    assert Quota(MOSCOW, day=2).free_at(dials("2026-11-24 09:00"), now) == now


@pytest.mark.parametrize(
    ("quota", "free"),
    [
        (Quota(MOSCOW, day=1), "2026-11-24 21:00"),  # midnight in Moscow
        (Quota(MOSCOW, week=1), "2026-11-29 21:00"),  # 2026-11-24 is a Tuesday
        (Quota(MOSCOW, month=1), "2026-11-30 21:00"),
        (Quota(MOSCOW, day=1, week=1, month=1), "2026-11-30 21:00"),
        (Quota(MOSCOW, day=1, week=2, month=9), "2026-11-24 21:00"),
    ],
)
def test_a_number_is_free_again_when_the_last_of_its_periods_ends(quota: Quota, free: str) -> None:
    assert quota.free_at(dials("2026-11-24 09:00"), at("2026-11-24 12:00")) == at(free)


def test_yesterday_is_another_day_by_the_clock_of_the_zone() -> None:
    dial, now = at("2026-11-23 20:59:59"), at("2026-11-23 21:00")
    assert Quota(MOSCOW, day=1).free_at([dial], now) == now
    assert Quota(ZoneInfo("UTC"), day=1).free_at([dial], now) == at("2026-11-24 00:00")


@pytest.mark.parametrize(
    ("now", "free"),
    [
        ("2026-12-31 12:00", "2027-01-01 00:00"),
        ("2028-02-29 12:00", "2028-03-01 00:00"),
        ("2026-02-28 12:00", "2026-03-01 00:00"),
        ("2026-01-31 12:00", "2026-02-01 00:00"),
    ],
)
def test_a_month_ends_with_its_last_day(now: str, free: str) -> None:
    assert Quota(ZoneInfo("UTC"), month=1).free_at([at(now)], at(now)) == at(free)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)],
)
def test_a_day_is_as_long_as_it_is_on_the_clock(day: str, hours: int) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert Quota(ZoneInfo("Europe/Berlin"), day=1).free_at([midnight], midnight) == midnight + hours * HOUR


def test_a_day_whose_midnight_is_in_the_gap_begins_when_the_clock_jumps() -> None:
    cairo = Quota(ZoneInfo("Africa/Cairo"), day=1)  # on 2026-04-24 it is 01:00 right after 23:59
    dial = at("2026-04-23 20:00")
    assert cairo.free_at([dial], dial) == at("2026-04-23 22:00")
    late = at("2026-04-23 22:30")
    assert cairo.free_at([dial], late) == late


# ---------------------------------------------------------------- for all of them

# Since 2012 no zone has set its clock back over midnight, so that each date is one stretch of time.
ZONES = [
    "Europe/Moscow",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kathmandu",
]
ZONES += ["America/Asuncion", "America/Havana", "America/Nuuk", "Pacific/Apia", "Atlantic/Azores"]

limits = st.sampled_from([0, 0, 1, 2, 3])
quotas = st.builds(Quota, st.sampled_from(ZONES).map(ZoneInfo), limits, limits, limits)
moments = st.datetimes(datetime(2012, 1, 3), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive)
ages = st.lists(st.integers(0, 35 * 86_400).map(lambda seconds: timedelta(seconds=seconds)), max_size=8)


def allowed(quota: Quota, dials: Sequence[datetime], now: datetime) -> bool:
    """Counted date by date."""
    today = now.astimezone(quota.zone).date()
    dates = [dial.astimezone(quota.zone).date() for dial in dials]
    for limit, same in (
        (quota.day, [date for date in dates if date == today]),
        (quota.week, [date for date in dates if date.isocalendar()[:2] == today.isocalendar()[:2]]),
        (quota.month, [date for date in dates if (date.year, date.month) == (today.year, today.month)]),
    ):
        if limit and len(same) >= limit:
            return False
    return True


@given(quotas, moments, ages)
@example(Quota(ZoneInfo("Africa/Cairo"), day=1), at("2026-10-29 21:30"), [2 * HOUR])
@example(Quota(ZoneInfo("America/Havana"), day=1), at("2026-11-01 05:30"), [HOUR])
@example(Quota(ZoneInfo("America/Nuuk"), day=1, week=1), at("2026-03-29 01:00"), [SECOND])
def test_a_number_is_free_as_soon_as_no_period_is_full(quota: Quota, now: datetime, ages: list[timedelta]) -> None:
    dials = [now - age for age in ages]
    free = quota.free_at(dials, now)
    assert free >= now
    assert free.tzinfo is UTC
    assert allowed(quota, dials, free)
    assert (free == now) is allowed(quota, dials, now)
    moment = now
    while moment < free:
        assert not allowed(quota, dials, moment)
        moment = min(moment + HOUR, free - SECOND) if moment < free - SECOND else free


@given(quotas, moments, ages)
def test_older_dials_change_nothing(quota: Quota, now: datetime, ages: list[timedelta]) -> None:
    dials = [now - age for age in ages]
    since = quota.since(now)
    assert quota.free_at([dial for dial in dials if dial >= since], now) == quota.free_at(dials, now)


@given(quotas, moments, ages)
def test_who_dials_whenever_the_number_is_free_keeps_the_limits(
    quota: Quota, now: datetime, ages: list[timedelta]
) -> None:
    made: list[datetime] = []
    for age in sorted(ages, reverse=True):
        made.append(quota.free_at(made, max([now - age, *made])))
    for place, dial in enumerate(made):
        assert allowed(quota, made[:place], dial)
