"""Reading single values as people and programs send them: each reader takes what JSON or a form can hold and gives the
value, or raises ``InvalidInput`` in words."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput, InvalidNumber, UnknownZone
from calldron.domain.numbers import SIP_URI, normalise
from calldron.domain.zones import zone
from calldron.store.turns import CALLEE

Reader = Callable[[object], object]
Choice = TypeVar("Choice", bound=StrEnum)

# What no text may hold: control characters, and halves of surrogate pairs, which JSON can spell and UTF-8 cannot.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_UNPRINTABLE_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_WALL_CLOCK = re.compile(
    r"(?:[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ])?"
    r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?",
    re.ASCII,
)

_RATE = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", re.ASCII)

SLOWEST_RATE = 0.001  # a second
NUMBER_LENGTH = 64  # of a phone number with its blanks and dashes, as it is sent


def text(longest: int, *, lines: bool = False) -> Reader:
    """A text of so many characters, without control characters; ``lines``: line breaks and tabs are welcome."""
    unprintable = _UNPRINTABLE_LINES if lines else _UNPRINTABLE

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise InvalidInput(_("This must be text."))
        if len(value) > longest:
            raise InvalidInput(_("This is longer than %(longest)d characters.") % {"longest": longest})
        if unprintable.search(value):
            raise InvalidInput(_("There is a character in it that cannot be printed."))
        return value

    return read


def whole(least: int, most: int) -> Reader:
    """A whole number from ``least`` to ``most``, as a number or as digits."""

    def read(value: object) -> int:
        number = _as_whole(value)
        if number is None or not least <= number <= most:
            raise InvalidInput(
                _("This must be a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
            )
        return number

    return read


def _as_whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
        return int(value)
    return None


def rate(most: int) -> Reader:
    """Things a second, 0 for no limit: slower than once in 1,000 s is nobody's wish."""

    def read(value: object) -> float:
        number = float(value) if isinstance(value, str) and _RATE.fullmatch(value) else value
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            raise InvalidInput(_rate_words(most))
        if number and not SLOWEST_RATE <= number <= most:
            raise InvalidInput(_rate_words(most))
        return float(number) or 0.0  # nor is there a -0.0

    return read


def _rate_words(most: int) -> str:
    return _("This must be a number from 0.001 to %(most)d, or 0 for no limit.") % {"most": most}


def choice(words: type[Choice]) -> Reader:
    """One of an enumeration's words."""
    known = {str(word): word for word in words}

    def read(value: object) -> Choice:
        word = known.get(value) if isinstance(value, str) else None
        if word is None:
            raise InvalidInput(_("This must be one of: %(words)s.") % {"words": ", ".join(known)})
        return word

    return read


def flag(value: object) -> bool:
    """True or false, as JSON, a word or a digit."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "1"):
        return True
    if isinstance(value, str) and value in ("false", "0"):
        return False
    raise InvalidInput(_("This must be true or false."))


def parts(value: object) -> dict[str, object]:
    """An object's parts; their names are read without regard to case."""
    if not isinstance(value, Mapping):
        raise InvalidInput(_("This must be an object: {…}."))
    lower = {str(name).lower(): part for name, part in value.items()}
    if len(lower) < len(value):
        raise InvalidInput(_("A name is given twice in it."))
    return lower


def time_zone(value: object) -> str:
    """The name of a zone, Rails' or IANA's, as it was given."""
    if not isinstance(value, str):
        raise InvalidInput(_("This must be text."))
    try:
        zone(value)
    except UnknownZone as error:
        raise InvalidInput(
            _('This is neither a Rails nor an IANA time zone; "Moscow" and "Europe/Moscow" are.')
        ) from error
    return value


def zone_or_callee(value: object) -> str:
    """The name of a zone, or ``callee`` in any case: the zone of each number."""
    if isinstance(value, str) and value.lower() == CALLEE:
        return CALLEE
    if not isinstance(value, str):
        raise InvalidInput(_("This must be text."))
    try:
        return time_zone(value)
    except InvalidInput as error:
        raise InvalidInput(
            _('This is neither "callee" nor a Rails or IANA time zone; "Moscow" and "Europe/Moscow" are.')
        ) from error


def wall_clock(value: object) -> tuple[int, str]:
    """A time of day as (minute of the day, UTC offset as written or ""). The date of a timestamp is Rails' dummy."""
    match = _WALL_CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(_('This must be a time of day like "08:00" or "2000-01-01T08:00:00+03:00".'))
    return int(match["hour"]) * 60 + int(match["minute"]), match["offset"] or ""


def keys(value: object) -> str:
    """Keys of a telephone."""
    number = None if isinstance(value, str) else _as_whole(value)
    if number is not None:
        value = str(number)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9*#]{1,12}", value, re.ASCII):
        raise InvalidInput(_("This must be 1 to 12 keys of a telephone: digits, * and #."))
    return value


def key(value: object) -> str:
    """One key of a telephone."""
    number = None if isinstance(value, str) else _as_whole(value)
    if number is not None:
        value = str(number)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9*#]", value, re.ASCII):
        raise InvalidInput(_("This must be one key of a telephone: a digit, * or #."))
    return value


def phone_number(value: object) -> str:
    """A phone number in E.164."""
    try:
        return normalise(_number_text(value))
    except InvalidNumber as error:
        raise InvalidInput(_('A phone number is "+" and 7 to 15 digits.')) from error


def caller_id(value: object) -> str:
    """A phone number, kept as it was written."""
    phone_number(value)
    return _number_text(value)


def operator(value: object) -> str:
    """A phone number or a SIP URI, kept as it was written."""
    if isinstance(value, str) and SIP_URI.fullmatch(value):
        return value
    try:
        return caller_id(value)
    except InvalidInput as error:
        raise InvalidInput(
            _('This must be a phone number ("+" and 7 to 15 digits) or a SIP URI (sip:user@host).')
        ) from error


def _number_text(value: object) -> str:
    number = None if isinstance(value, str) else _as_whole(value)
    if number is not None and 0 <= number < 10**15:
        return str(number)
    if not isinstance(value, str) or len(value) > NUMBER_LENGTH:
        raise InvalidNumber("")
    return value
