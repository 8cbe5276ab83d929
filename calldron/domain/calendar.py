"""Which hours each day of the week has, and which dates are holidays."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``minute_from`` until just before ``minute_to``, minutes of the day (0 to 1439). From later than to crosses
    midnight, and all of it belongs to the day on which it begins. Equal edges mean the whole day."""

    minute_from: int
    minute_to: int

    def __post_init__(self) -> None:
        for edge in (self.minute_from, self.minute_to):
            if not 0 <= edge < _MINUTES_A_DAY:
                raise ValueError(f"A minute of the day is 0 to 1439, not {edge}.")

    @classmethod
    def read(cls, kept: str) -> "Hours":
        """From "09:00-18:00"."""
        opening, closing = (int(clock[:2]) * 60 + int(clock[3:]) for clock in kept.split("-"))
        return cls(opening, closing)

    def __str__(self) -> str:
        return "-".join(f"{edge // 60:02}:{edge % 60:02}" for edge in (self.minute_from, self.minute_to))

    @property
    def whole_day(self) -> bool:
        """Whether they leave no minute of the day out."""
        return self.minute_from == self.minute_to


@dataclass(frozen=True, slots=True)
class Holidays:
    """Single dates, days of every year as (month, day), and lists that are known elsewhere, such as a country's."""

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    public: tuple[Container[date], ...] = ()

    def __contains__(self, day: date) -> bool:
        return (
            day in self.dates or (day.month, day.day) in self.yearly or any(day in holidays for holidays in self.public)
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """``week``: the hours of Monday to Sunday; ``True`` stands for the usual ones, ``False`` for none. On a holiday
    nothing opens; what crosses midnight from the day before goes on. ``None``: there are no holidays."""

    week: tuple[Hours | bool, ...] = (True,) * 7
    holidays: Holidays | None = None

    def __post_init__(self) -> None:
        if len(self.week) != len(WEEKDAYS):
            raise ValueError(f"A week has 7 days, not {len(self.week)}.")

    @classmethod
    def read(cls, kept: Mapping[str, Any], public: Callable[[str], Container[date]]) -> "Calendar":
        """From the form in which it is kept, checked before: ``{"mon": "09:00-18:00", "sun": false, "holidays": ["RU",
        "2026-12-31", "01-07"]}``. ``public`` gives the holidays of a country by its code."""
        week = tuple(_day(kept.get(weekday, True)) for weekday in WEEKDAYS)
        return cls(week, _holidays(kept.get("holidays", ()), public))


ALL_DAYS_ALIKE = Calendar()


def _day(kept: str | bool) -> Hours | bool:
    return Hours.read(kept) if isinstance(kept, str) else kept


def _holidays(kept: list[str] | tuple[()], public: Callable[[str], Container[date]]) -> Holidays | None:
    if not kept:
        return None
    codes = [entry for entry in kept if entry[0].isalpha()]
    days = [entry for entry in kept if not entry[0].isalpha()]
    yearly = [entry.split("-") for entry in days if len(entry) == len("01-07")]
    return Holidays(
        dates=frozenset(date.fromisoformat(entry) for entry in days if len(entry) > len("01-07")),
        yearly=frozenset((int(month), int(day)) for month, day in yearly),
        public=tuple(public(code) for code in codes),
    )
