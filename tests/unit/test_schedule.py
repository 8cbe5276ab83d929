from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calldron.domain.schedule import Window
from calldron.domain.zones import zone

MINUTE = timedelta(minutes=1)

# Zones whose clocks jump by an hour, by half an hour, by a whole day (Apia), at midnight (Asuncion, Cairo), often
# (Casablanca), and not at all.
ZONES = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Asuncion",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Antarctica/Troll",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(name: str, opens: str | None, closes: str | None) -> Window:
    def minute(text: str | None) -> int | None:
        return None if text is None else int(text[:2]) * 60 + int(text[3:])

    return Window(zone(name), minute(opens), minute(closes))


def local(moment: datetime, name: str) -> str:
    return moment.astimezone(ZoneInfo(name)).strftime("%Y-%m-%d %H:%M:%S %z")


# ---------------------------------------------------------------- plain days


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-01-15 05:59:59.999999", False),  # Moscow is UTC+3
        ("2026-01-15 06:00:00", True),
        ("2026-01-15 17:59:59.999999", True),
        ("2026-01-15 18:00:00", False),
    ],
)
def test_the_first_minute_is_in_and_the_last_edge_is_out(now: str, is_open: bool) -> None:
    assert window("Moscow", "09:00", "21:00").is_open(at(now)) is is_open


def test_a_closed_window_opens_today_or_tomorrow() -> None:
    hours = window("Moscow", "09:00", "21:00")
    assert hours.opens_at(at("2026-01-15 02:10:07.5")) == at("2026-01-15 06:00")
    assert hours.opens_at(at("2026-01-15 18:00")) == at("2026-01-16 06:00")


def test_an_open_window_opens_now_and_closes_at_its_edge() -> None:
    hours = window("Moscow", "09:00", "21:00")
    now = at("2026-01-15 12:34:56.789")
    assert hours.opens_at(now) == now
    assert hours.closes_at(now) == at("2026-01-15 18:00")


def test_a_closed_window_is_closed_now() -> None:
    now = at("2026-01-15 02:10:07.5")
    assert window("Moscow", "09:00", "21:00").closes_at(now) == now


def test_a_window_may_cross_midnight() -> None:
    night = window("Moscow", "22:00", "06:00")
    assert night.is_open(at("2026-01-15 19:00"))
    assert night.is_open(at("2026-01-15 02:59:59"))
    assert not night.is_open(at("2026-01-15 03:00"))
    assert night.opens_at(at("2026-01-15 03:00")) == at("2026-01-15 19:00")
    assert night.closes_at(at("2026-01-15 22:00")) == at("2026-01-16 03:00")


@pytest.mark.parametrize(("opens", "closes"), [("09:00", "09:00"), (None, None), ("00:00", None)])
def test_equal_edges_are_the_whole_day(opens: str | None, closes: str | None) -> None:
    always = window("Moscow", opens, closes)
    now = at("2026-01-15 02:10:07.5")
    assert always.is_open(now)
    assert always.opens_at(now) == now
    assert always.closes_at(now) is None


def test_a_missing_edge_is_midnight() -> None:
    assert window("UTC", "18:00", None).closes_at(at("2026-01-15 19:00")) == at("2026-01-16 00:00")
    assert window("UTC", None, "06:00").opens_at(at("2026-01-15 19:00")) == at("2026-01-16 00:00")


@pytest.mark.parametrize("minute", [-1, 1440])
def test_a_minute_that_no_day_has_is_refused(minute: int) -> None:
    with pytest.raises(ValueError, match="0 to 1439"):
        Window(zone("UTC"), minute, 60)


# ---------------------------------------------------------------- days on which the clock jumps


def test_a_window_whose_start_is_in_the_gap_opens_when_the_clock_jumps() -> None:
    hours = window("Europe/Berlin", "02:30", "12:00")  # on 2026-03-29 it is 03:00 right after 01:59
    opens = hours.opens_at(at("2026-03-29 00:15"))
    assert local(opens, "Europe/Berlin") == "2026-03-29 03:00:00 +0200"


def test_a_window_whose_end_is_in_the_gap_closes_when_the_clock_jumps() -> None:
    hours = window("Europe/Berlin", "01:00", "02:30")
    closes = hours.closes_at(at("2026-03-29 00:15"))
    assert closes is not None
    assert local(closes, "Europe/Berlin") == "2026-03-29 03:00:00 +0200"


def test_a_window_within_the_gap_does_not_open_that_day() -> None:
    hours = window("Europe/Berlin", "02:10", "02:50")
    opens = hours.opens_at(at("2026-03-29 00:15"))
    assert local(opens, "Europe/Berlin") == "2026-03-30 02:10:00 +0200"


def test_an_hour_that_comes_twice_counts_twice() -> None:
    hours = window("Europe/Berlin", "02:00", "02:30")  # on 2026-10-25 it is 02:00 again right after 02:59
    first_end = hours.closes_at(at("2026-10-25 00:10"))
    assert first_end == at("2026-10-25 00:30")
    assert hours.opens_at(at("2026-10-25 00:30")) == at("2026-10-25 01:00")
    assert hours.closes_at(at("2026-10-25 01:00")) == at("2026-10-25 01:30")


def test_a_clock_set_back_over_the_start_closes_the_window_again() -> None:
    hours = window("Europe/Berlin", "02:30", "12:00")
    assert hours.closes_at(at("2026-10-25 00:45")) == at("2026-10-25 01:00")
    assert hours.opens_at(at("2026-10-25 01:00")) == at("2026-10-25 01:30")


def test_a_day_that_never_was_opens_nothing() -> None:
    hours = window("Pacific/Apia", "09:00", "18:00")  # Samoa left out 2011-12-30
    opens = hours.opens_at(at("2011-12-30 05:00"))
    assert local(opens, "Pacific/Apia") == "2011-12-31 09:00:00 +1400"


# ---------------------------------------------------------------- for all of them

zones = st.sampled_from(ZONES).map(ZoneInfo)
edges = st.none() | st.integers(0, 1439)
windows = st.builds(Window, zones, edges, edges)
moments = st.datetimes(datetime(2010, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive)

GAP = Window(ZoneInfo("Europe/Berlin"), 150, 170), at("2026-03-29 00:15")
FOLD = Window(ZoneInfo("Australia/Lord_Howe"), 95, 110), at("2026-04-04 14:40")


def minutes_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """``start`` and every whole minute up to ``end``: offsets are whole minutes, so nothing changes in between."""
    moment = start
    while moment < end:
        yield moment
        moment = moment.replace(second=0, microsecond=0) + MINUTE


@given(windows, moments)
@example(*GAP)
@example(*FOLD)
def test_it_opens_at_the_first_open_minute(hours: Window, now: datetime) -> None:
    opens = hours.opens_at(now)
    assert opens >= now
    assert opens.tzinfo is UTC
    assert hours.is_open(opens)
    assert not any(hours.is_open(minute) for minute in minutes_between(now, opens))


@given(windows, moments)
@example(*FOLD)
def test_it_closes_at_the_first_closed_minute(hours: Window, now: datetime) -> None:
    closes = hours.closes_at(now)
    if closes is None:
        assert hours.always_open
        return
    assert closes >= now
    assert not hours.is_open(closes)
    assert all(hours.is_open(minute) for minute in minutes_between(now, closes))


@given(windows, moments)
def test_open_hours_are_what_the_wall_clock_says(hours: Window, now: datetime) -> None:
    shown = now.astimezone(hours.zone).strftime("%H:%M")
    opens, closes = (f"{(edge or 0) // 60:02}:{(edge or 0) % 60:02}" for edge in (hours.minute_from, hours.minute_to))
    if opens < closes:
        assert hours.is_open(now) is (opens <= shown < closes)
    elif opens > closes:
        assert hours.is_open(now) is not (closes <= shown < opens)


@given(windows, moments)
def test_a_moment_means_the_same_in_any_zone_it_is_written_in(hours: Window, now: datetime) -> None:
    elsewhere = now.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert hours.opens_at(elsewhere) == hours.opens_at(now)
    assert hours.closes_at(elsewhere) == hours.closes_at(now)
