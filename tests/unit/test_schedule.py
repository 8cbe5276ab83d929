from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calldron.domain.calendar import ALL_DAYS_ALIKE, WEEKDAYS, Calendar, Holidays, Hours
from calldron.domain.schedule import HORIZON, Window
from calldron.domain.zones import zone

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Zones whose clocks jump by an hour, by half an hour, by a whole day (Apia), at midnight (Asuncion, Cairo, Nuuk), back
# over midnight (St. John's), often (Casablanca), once for good (Moscow, 2011 and 2014), and not at all.
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
    "America/Nuuk",
    "America/St_Johns",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(name: str, opens: str | None, closes: str | None, calendar: Calendar = ALL_DAYS_ALIKE) -> Window:
    def minute(text: str | None) -> int | None:
        return None if text is None else int(text[:2]) * 60 + int(text[3:])

    return Window(zone(name), minute(opens), minute(closes), calendar)


def days(**week: str | bool) -> Calendar:
    return Calendar.read(week, lambda code: frozenset())


def without(*holidays: str) -> Calendar:
    return Calendar.read({"holidays": list(holidays)}, lambda code: frozenset())


def local(moment: datetime | None, name: str) -> str:
    assert moment is not None
    return moment.astimezone(zone(name)).strftime("%Y-%m-%d %H:%M:%S %z")


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


# ---------------------------------------------------------------- days of the week, and holidays


def test_a_day_may_have_hours_of_its_own_or_none() -> None:
    hours = window("Moscow", "09:00", "21:00", days(sat="10:00-15:00", sun=False))
    friday_night = at("2026-11-27 20:00")
    saturday = hours.opens_at(friday_night)
    assert local(saturday, "Moscow") == "2026-11-28 10:00:00 +0300"
    assert local(hours.closes_at(at("2026-11-28 08:00")), "Moscow") == "2026-11-28 15:00:00 +0300"
    assert local(hours.opens_at(at("2026-11-28 12:00")), "Moscow") == "2026-11-30 09:00:00 +0300"
    assert not hours.is_open(at("2026-11-29 12:00"))


def test_what_crosses_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    hours = window("Moscow", "09:00", "18:00", days(fri="22:00-04:00", sat=False))
    assert hours.is_open(at("2026-11-28 00:30"))  # Saturday, 03:30
    assert local(hours.closes_at(at("2026-11-27 20:00")), "Moscow") == "2026-11-28 04:00:00 +0300"
    assert not hours.is_open(at("2026-11-27 00:30"))  # Friday, 03:30: Thursday was over at 18:00


def test_hours_that_follow_on_a_night_make_one_opening() -> None:
    hours = window("UTC", "09:00", "18:00", days(fri="22:00-10:00", sat="08:00-12:00"))
    assert hours.closes_at(at("2026-11-27 23:00")) == at("2026-11-28 12:00")


def test_on_a_holiday_nothing_opens_but_the_night_before_it_goes_on() -> None:
    hours = window("UTC", "20:00", "02:00", without("2026-12-31", "01-01"))
    assert hours.closes_at(at("2026-12-30 21:00")) == at("2026-12-31 02:00")
    assert hours.opens_at(at("2026-12-31 02:00")) == at("2027-01-02 20:00")
    assert hours.opens_at(at("2027-12-31 12:00")) == at("2027-12-31 20:00")
    assert not hours.is_open(at("2028-01-01 21:00"))


def test_holidays_are_the_dates_of_the_window_s_zone() -> None:
    hours = window("Asia/Kamchatka", None, None, without("2026-12-31"))  # UTC+12
    assert not hours.always_open
    assert hours.closes_at(at("2026-12-01 00:00")) == at("2026-12-30 12:00")
    assert hours.opens_at(at("2026-12-30 12:00")) == at("2026-12-31 12:00")


def test_a_whole_day_ends_at_its_midnight() -> None:
    hours = window("UTC", "09:00", "18:00", days(sat="10:00-10:00", sun=False))
    assert hours.opens_at(at("2026-11-27 19:00")) == at("2026-11-28 00:00")
    assert hours.closes_at(at("2026-11-28 11:00")) == at("2026-11-29 00:00")


def test_a_week_of_whole_days_is_always_open() -> None:
    assert window("UTC", "09:00", "18:00", days(**dict.fromkeys(WEEKDAYS, "00:00-00:00"))).always_open
    assert not window("UTC", None, None, days(mon=False)).always_open


def test_a_window_that_never_opens_says_so() -> None:
    hours = window("Moscow", "09:00", "21:00", days(**dict.fromkeys(WEEKDAYS, False)))
    assert hours.opens_at(at("2026-01-15 02:10")) is None
    assert hours.closes_at(at("2026-01-15 02:10")) == at("2026-01-15 02:10")


def test_nobody_looks_beyond_the_horizon() -> None:
    now = at("2026-01-15 12:00")
    far = window("UTC", None, None, without("2028-01-01"))
    assert far.closes_at(now) is None
    assert far.closes_at(at("2026-12-15 12:00")) == at("2028-01-01 00:00")


def test_the_hours_of_one_day_may_fall_into_the_gap() -> None:
    hours = window("Europe/Berlin", "09:00", "18:00", days(sun="02:30-12:00"))
    assert local(hours.opens_at(at("2026-03-29 00:15")), "Europe/Berlin") == "2026-03-29 03:00:00 +0200"
    within = window("Europe/Berlin", "09:00", "18:00", days(sun="02:10-02:50"))
    assert local(within.opens_at(at("2026-03-29 00:15")), "Europe/Berlin") == "2026-03-30 09:00:00 +0200"


def test_the_hours_of_one_day_may_come_twice() -> None:
    hours = window("Australia/Lord_Howe", "09:00", "18:00", days(sun="01:35-01:50"))  # 02:00 is 01:30 again
    assert hours.opens_at(at("2026-04-04 14:40")) == at("2026-04-04 14:40")
    assert hours.closes_at(at("2026-04-04 14:40")) == at("2026-04-04 14:50")
    assert hours.opens_at(at("2026-04-04 14:50")) == at("2026-04-04 15:05")


def test_days_are_kept_as_they_are_on_the_wall_where_one_never_was() -> None:
    hours = window("Pacific/Apia", "09:00", "18:00", days(thu="22:00-06:00", fri=False))
    # Thursday 2011-12-29 was followed by Saturday the 31st, the day after a closed Friday.
    assert hours.closes_at(at("2011-12-30 09:00")) == at("2011-12-30 10:00")


# ---------------------------------------------------------------- for all of them

zones = st.sampled_from(ZONES).map(ZoneInfo)
edges = st.none() | st.integers(0, 1439)
some_hours = st.builds(Hours, st.integers(0, 1439), st.integers(0, 1439))
plain = st.builds(Window, zones, edges, edges)
moments = st.datetimes(datetime(2010, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive)

GAP = Window(ZoneInfo("Europe/Berlin"), 150, 170), at("2026-03-29 00:15")
FOLD = Window(ZoneInfo("Australia/Lord_Howe"), 95, 110), at("2026-04-04 14:40")
BACK_OVER_MIDNIGHT = Window(ZoneInfo("America/St_Johns"), 1410, 10, days(sat=False)), at("2010-11-07 02:25")

# Moments within two days of a jump of the clock, which chance alone would seldom find.
JUMPS = [
    (name, at(moment))
    for name, moment in [
        ("Europe/Moscow", "2011-03-26 23:00"),
        ("Europe/Moscow", "2014-10-25 22:00"),
        ("America/New_York", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 06:00"),
        ("Australia/Lord_Howe", "2026-04-04 15:00"),
        ("Australia/Lord_Howe", "2026-10-03 15:30"),
        ("Africa/Casablanca", "2026-02-15 02:00"),
        ("Africa/Casablanca", "2026-03-22 02:00"),
        ("Africa/Cairo", "2026-04-23 22:00"),
        ("Africa/Cairo", "2026-10-29 21:00"),
        ("America/Asuncion", "2023-10-01 04:00"),
        ("America/Nuuk", "2026-03-29 01:00"),
        ("America/St_Johns", "2010-11-07 02:31"),
        ("Pacific/Apia", "2011-12-30 10:00"),
        ("Antarctica/Troll", "2026-03-29 01:00"),
    ]
]


@st.composite
def calendars(draw: st.DrawFn, around: date) -> Calendar:
    week = draw(st.tuples(*[st.booleans() | some_hours] * 7))
    near = [around + offset * DAY for offset in draw(st.lists(st.integers(-2, 12), max_size=12))]
    kind = draw(st.sampled_from(["none", "dates", "yearly", "public"]))
    holidays = {
        "none": None,
        "dates": Holidays(dates=frozenset(near)),
        "yearly": Holidays(yearly=frozenset((day.month, day.day) for day in near)),
        "public": Holidays(public=(frozenset(near[::2]), frozenset(near[1::2]))),
    }
    return Calendar(week, holidays[kind])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Window, datetime]:
    """A window and a moment at which to ask."""
    if draw(st.booleans()):
        name, jump = draw(st.sampled_from(JUMPS))
        place, now = ZoneInfo(name), jump + draw(st.integers(-2 * 86_400, 2 * 86_400)) * timedelta(seconds=1)
    else:
        place, now = draw(zones), draw(moments)
    return Window(place, draw(edges), draw(edges), draw(calendars(now.date()))), now


def open_by_the_wall(hours: Window, now: datetime) -> bool:
    """Whether the wall clock's reading lies in an opening of today or of the day before, drawn without any zone."""
    shown = now.astimezone(hours.zone).replace(tzinfo=None)
    usual = Hours(hours.minute_from or 0, hours.minute_to or 0)
    for day in (shown.date() - DAY, shown.date()):
        own = hours.calendar.week[day.weekday()]
        if own is False or (hours.calendar.holidays is not None and day in hours.calendar.holidays):
            continue
        opens, closes = (usual.minute_from, usual.minute_to) if own is True else (own.minute_from, own.minute_to)
        midnight = datetime.combine(day, time())
        if opens == closes:
            start, end = midnight, midnight + DAY
        else:
            start = midnight + opens * MINUTE
            end = midnight + closes * MINUTE + (DAY if closes < opens else timedelta(0))
        if start <= shown < end:
            return True
    return False


def minutes_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """``start`` and every whole minute up to ``end``: offsets are whole minutes, so nothing changes in between. Of a
    long time every hour, and every minute at either end."""
    moment = start
    while moment < end:
        yield moment
        moment = moment.replace(second=0, microsecond=0) + MINUTE
        if start + DAY < moment < end - DAY:
            moment += timedelta(minutes=59)


@given(cases())
@example(GAP)
@example(FOLD)
@example(BACK_OVER_MIDNIGHT)
def test_it_is_open_when_the_wall_clock_says_so(case: tuple[Window, datetime]) -> None:
    hours, now = case
    for step in range(-3, 27):
        moment = now + step * timedelta(hours=1)
        assert hours.is_open(moment) is open_by_the_wall(hours, moment)


@given(cases())
@example(GAP)
@example(FOLD)
@example(BACK_OVER_MIDNIGHT)
def test_it_opens_at_the_first_open_minute(case: tuple[Window, datetime]) -> None:
    hours, now = case
    opens = hours.opens_at(now)
    if opens is not None:
        assert opens >= now
        assert opens.tzinfo is UTC
        assert hours.is_open(opens)
    assert not any(hours.is_open(minute) for minute in minutes_between(now, opens or now + HORIZON))


@given(cases())
@example(FOLD)
@example(BACK_OVER_MIDNIGHT)
def test_it_closes_at_the_first_closed_minute(case: tuple[Window, datetime]) -> None:
    hours, now = case
    closes = hours.closes_at(now)
    if closes is not None:
        assert closes >= now
        assert closes.tzinfo is UTC
        assert not hours.is_open(closes)
    assert all(hours.is_open(minute) for minute in minutes_between(now, closes or now + HORIZON))


@given(plain, moments)
def test_a_plain_window_opens_and_closes_within_a_few_days(hours: Window, now: datetime) -> None:
    opens, closes = hours.opens_at(now), hours.closes_at(now)
    assert opens is not None
    assert opens - now < timedelta(days=3)  # of a day that never was, and one whose gap took the window
    assert closes is None if hours.always_open else closes is not None and closes - now < timedelta(days=3)


@given(cases())
def test_always_open_is_never_closed(case: tuple[Window, datetime]) -> None:
    hours, now = case
    if hours.always_open:
        assert hours.is_open(now)
        assert hours.closes_at(now) is None


@given(cases())
def test_a_moment_means_the_same_in_any_zone_it_is_written_in(case: tuple[Window, datetime]) -> None:
    hours, now = case
    elsewhere = now.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert hours.opens_at(elsewhere) == hours.opens_at(now)
    assert hours.closes_at(elsewhere) == hours.closes_at(now)
