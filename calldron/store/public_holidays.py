"""The public holidays of countries and their parts, by ISO 3166 codes ("RU", "US-CA"), of the library ``holidays``.

It takes a third of a second and 24 MB to load, so who names no country never loads it. What it doesn't know yet, such
as the days off that a government moves next year, comes with its updates.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The dates of a country or a part of it; those of a year are computed when they are first asked for. Where the
    library, after an update, no longer knows the code, every day is a holiday: nobody is called against the rules."""

    code: str

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        dates = _dates(self.code, day.year)
        return dates is None or day in dates


@lru_cache(maxsize=4096)
def is_known(code: str) -> bool:
    """Whether there is a list for this code."""
    try:
        _computed(code, 2000)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=1024)
def _dates(code: str, year: int) -> frozenset[date] | None:
    try:
        return _computed(code, year)
    except NotImplementedError:
        log.warning("holidays.unknown", code=code, year=year)
        return None


def _computed(code: str, year: int) -> frozenset[date]:
    """Raises ``NotImplementedError`` for a code that the library doesn't know."""
    import holidays  # noqa: PLC0415 - costly, and most never need it

    country, _, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
