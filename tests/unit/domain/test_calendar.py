from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.calendar import ALL_DAYS_ALIKE, Calendar, Holidays, Hours

CHRISTMAS = frozenset({date(2026, 12, 25)})


def of_country(code: str) -> frozenset[date]:
    return {"DE": CHRISTMAS, "RU": frozenset({date(2027, 1, 7)})}[code]


def test_a_calendar_is_read_as_it_is_kept() -> None:
    kept = {"mon": "09:00-18:00", "fri": "22:00-04:30", "sun": False, "holidays": ["DE", "2026-12-31", "01-07", "RU"]}
    calendar = Calendar.read(kept, of_country)
    assert calendar.week == (Hours(540, 1080), True, True, True, Hours(1320, 270), True, False)
    assert calendar.holidays == Holidays(
        frozenset({date(2026, 12, 31)}), frozenset({(1, 7)}), (CHRISTMAS, frozenset({date(2027, 1, 7)}))
    )


@pytest.mark.parametrize("kept", [{}, {"holidays": []}, {"mon": True}])
def test_where_nothing_is_said_all_days_are_alike(kept: dict[str, object]) -> None:
    assert Calendar.read(kept, of_country) == ALL_DAYS_ALIKE


def test_a_calendar_can_be_a_key() -> None:
    kept = {"mon": "09:00-18:00", "holidays": ["DE", "2026-12-31", "01-07"]}
    assert len({Calendar.read(kept, of_country), Calendar.read(dict(reversed(kept.items())), of_country)}) == 1


@pytest.mark.parametrize(
    ("day", "free"),
    [
        (date(2026, 12, 31), True),
        (date(2027, 12, 31), False),
        (date(2026, 1, 7), True),
        (date(2031, 1, 7), True),
        (date(2026, 12, 25), True),
        (date(2027, 12, 25), False),
        (date(2028, 2, 29), True),
        (date(2028, 3, 1), False),
    ],
)
def test_holidays_come_once_every_year_or_from_elsewhere(day: date, free: bool) -> None:
    holidays = Calendar.read({"holidays": ["2026-12-31", "01-07", "02-29", "DE"]}, of_country).holidays
    assert holidays is not None
    assert (day in holidays) is free


def test_a_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="7 days"):
        Calendar((True,) * 6)


@pytest.mark.parametrize(("opens", "closes"), [(-1, 60), (0, 1440), (1440, 0)])
def test_a_minute_that_no_day_has_is_refused(opens: int, closes: int) -> None:
    with pytest.raises(ValueError, match="0 to 1439"):
        Hours(opens, closes)


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_hours_are_read_as_they_are_written(opens: int, closes: int) -> None:
    assert Hours.read(str(Hours(opens, closes))) == Hours(opens, closes)


@given(st.frozensets(st.dates(), max_size=5), st.dates(date(1, 1, 2), date(9999, 12, 30)))
def test_a_date_is_a_holiday_for_one_day(dates: frozenset[date], day: date) -> None:
    holidays = Holidays(dates=dates | {day})
    assert day in holidays
    assert (day + timedelta(days=1) in holidays) is (day + timedelta(days=1) in dates)
