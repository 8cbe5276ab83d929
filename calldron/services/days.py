"""The field ``days`` of a batch: what days of the week have hours of their own, or none, and what its holidays are."""

import re
from datetime import date

from django.utils.translation import gettext as _

from calldron.domain.calendar import WEEKDAYS, Hours
from calldron.domain.errors import InvalidInput
from calldron.services import values
from calldron.store import public_holidays

MOST_HOLIDAYS = 366
MOST_COUNTRIES = 20

_HOLIDAYS = "holidays"
_SHOWN = 40  # characters of a value in an error
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(rf"\s*({_CLOCK})\s*[-–]\s*({_CLOCK}|24:00)\s*", re.ASCII)
_DATE = re.compile(r"(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}", re.ASCII)
_COUNTRY = re.compile(r"[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?", re.ASCII)


def read(value: object) -> dict[str, object]:
    """The form in which it is kept (``Calendar.read``): days that have the usual hours are left out, and so are
    ``holidays`` where there are none. Raises ``InvalidInput``; its ``field`` is the key in question."""
    given = values.parts(value)
    for name in given:
        if name not in (*WEEKDAYS, _HOLIDAYS):
            raise InvalidInput(
                _('There is no such key: these are "mon", "tue", "wed", "thu", "fri", "sat", "sun" and "holidays".'),
                name,
            )
    kept: dict[str, object] = {day: hours for day in WEEKDAYS if (hours := _day(day, given.get(day))) is not True}
    if list(kept.values()) == [False] * len(WEEKDAYS):
        raise InvalidInput(_("No day is left on which to call."))
    holidays = _holidays(given.get(_HOLIDAYS))
    if holidays:
        kept[_HOLIDAYS] = holidays
    return kept


def _day(day: str, value: object) -> str | bool:
    """``True``: the usual hours."""
    if value is None or value == "":
        return True
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return str(Hours.read(f"{match[1]}-{match[2].replace('24:00', '00:00')}"))
    try:
        return values.flag(value)
    except InvalidInput as error:
        raise InvalidInput(
            _('This must be hours like "09:00-18:00", true (the usual hours) or false (no calls).'), day
        ) from error


def _holidays(value: object) -> list[str]:
    if value is None or value == "":
        return []
    if not isinstance(value, list) or len(value) > MOST_HOLIDAYS:
        raise InvalidInput(_("This must be a list of at most %(most)d entries.") % {"most": MOST_HOLIDAYS}, _HOLIDAYS)
    entries = list(dict.fromkeys(_holiday(entry, f"{_HOLIDAYS}[{place}]") for place, entry in enumerate(value)))
    if sum(entry[0].isalpha() for entry in entries) > MOST_COUNTRIES:
        raise InvalidInput(_("There may be at most %(most)d countries in it.") % {"most": MOST_COUNTRIES}, _HOLIDAYS)
    return entries


def _holiday(entry: object, place: str) -> str:
    if isinstance(entry, str) and _DATE.fullmatch(entry):
        if not _is_day(entry):
            raise InvalidInput(_("The calendar has no day %(day)s.") % {"day": entry}, place)
        return entry
    if isinstance(entry, str) and _COUNTRY.fullmatch(entry):
        if not public_holidays.is_known(entry.upper()):
            raise InvalidInput(_('The holidays of "%(code)s" are not known.') % {"code": entry}, place)
        return entry.upper()
    raise InvalidInput(
        _(
            '"%(entry)s" is neither a date like "2026-12-31", nor a day of every year like "01-07", nor the code of a '
            'country like "RU" or of a part of it like "US-CA".'
        )
        % {"entry": str(entry)[:_SHOWN]},
        place,
    )


def _is_day(written: str) -> bool:
    try:
        date.fromisoformat(written if len(written) > len("01-07") else f"2000-{written}")  # a leap year has them all
    except ValueError:
        return False
    return True
