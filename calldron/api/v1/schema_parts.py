"""The pieces of which the schemas are made: values as the API takes and gives them."""

from typing import Any

from calldron.domain.calendar import WEEKDAYS
from calldron.domain.retry import OVERRIDABLE
from calldron.services.batch_fields import FASTEST
from calldron.services.days import MOST_COUNTRIES, MOST_HOLIDAYS
from calldron.services.retries import ATTEMPTS, DELAY
from calldron.services.values import NUMBER_LENGTH, SLOWEST_RATE

Schema = dict[str, Any]

_DASHES = r" \t\u00a0\u2009\u202f()\[\]\-\u2010-\u2014\u2212"
PHONE = rf"^[{_DASHES}]*\+?[{_DASHES}]*([0-9][{_DASHES}]*){{7,15}}$"
CLOCK = (
    r"^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ])?([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?$"
)
_DAY_OF_YEAR = "^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
_PRINTABLE = r"^[^\u0000-\u001f\u007f]*$"
PRINTABLE_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
_NOTHING: Schema = {"enum": [None, ""]}


def given(*kinds: Schema, about: str, **more: object) -> Schema:
    """A field of a request: one of these kinds, or nothing, which stands for the default."""
    return {"description": about, "anyOf": [*kinds, _NOTHING], **more}


# Decimal numbers from ... to ..., as regular expressions.
WHOLE = {
    (0, 1_000): "[0-9]{1,3}|1000",
    (0, 3_600): "[0-9]{1,3}|[12][0-9]{3}|3[0-5][0-9]{2}|3600",
    (0, 100_000): "[0-9]{1,5}|100000",
    (0, 604_800): "[0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2}|604800",
    (1, 20): "[1-9]|1[0-9]|20",
    (5, 120): "[5-9]|[1-9][0-9]|1[01][0-9]|120",
}


def whole(least: int, most: int) -> tuple[Schema, Schema]:
    """A whole number, as a number or as digits."""
    return (
        {"type": "integer", "minimum": least, "maximum": most},
        {"type": "string", "pattern": f"^0*({WHOLE[least, most]})$", "maxLength": 9},
    )


RATE: tuple[Schema, Schema, Schema] = (
    {"const": 0},
    {"type": "number", "minimum": SLOWEST_RATE, "maximum": FASTEST},
    {"type": "string", "pattern": r"^(0?[0-9]{1,3}(\.[0-9]{1,3})?|1000(\.0{1,3})?)$"},
)
TEXT: Schema = {"type": "string", "pattern": _PRINTABLE}
NUMBER: tuple[Schema, Schema] = (
    {"type": "string", "pattern": PHONE, "maxLength": NUMBER_LENGTH},
    {"type": "integer", "minimum": 1_000_000, "maximum": 999_999_999_999_999},
)
PHONE_NUMBER: Schema = {
    "description": '"+" and 7 to 15 digits; blanks, brackets and dashes are dropped.',
    "anyOf": list(NUMBER),
    "examples": ["+79997778855"],
}
FLAG: Schema = {"enum": [True, False, "true", "false", "1", "0"]}
KEYS: tuple[Schema, Schema] = (
    {"type": "string", "pattern": "^[0-9*#]{1,12}$"},
    {"type": "integer", "minimum": 0, "maximum": 999_999_999_999},
)
KEY: tuple[Schema, Schema] = (
    {"type": "string", "pattern": "^[0-9*#]$"},
    {"type": "integer", "minimum": 0, "maximum": 9},
)
_AGAIN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "attempts": given(
            *whole(*ATTEMPTS), about="How many attempts at a call may end so; default: as many as the batch's."
        ),
        "delay": given(*whole(*DELAY), about="Seconds to the next attempt; default: the batch's `call_delay`."),
    },
}
RETRY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {str(outcome): given(FLAG, _AGAIN, about=f"After `{outcome}`.") for outcome in sorted(OVERRIDABLE)},
}
_BLANKS = r"[ \t\n\r\f\v]*"
_CLOCK_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_NO_CALLS: Schema = {"enum": [False, "false", "0"]}
DAYS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{
            day: given(
                {
                    "type": "string",
                    "pattern": rf"^{_BLANKS}{_CLOCK_TIME}{_BLANKS}[-–]{_BLANKS}({_CLOCK_TIME}|24:00){_BLANKS}$",
                },
                FLAG,
                about="Its hours; `true` (default): the usual ones; `false`: none.",
            )
            for day in WEEKDAYS
        },
        "holidays": given(
            {
                "type": "array",
                "maxItems": MOST_HOLIDAYS,
                "items": {
                    "anyOf": [
                        {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                        {"type": "string", "pattern": _DAY_OF_YEAR},
                        {"type": "string", "format": "holidays"},
                    ]
                },
            },
            about=f"Up to {MOST_HOLIDAYS}, and up to {MOST_COUNTRIES} countries among them.",
        ),
    },
    "not": {"required": list(WEEKDAYS), "properties": dict.fromkeys(WEEKDAYS, _NO_CALLS)},
}

DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$"}
E164: Schema = {"type": "string", "pattern": r"^\+[0-9]{7,15}$"}
A_SECOND: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})?$", "description": "0: no limit."}
SECONDS: Schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]$"}
TIME: Schema = {
    "type": ["string", "null"],
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$",
    "description": "UTC",
    "examples": ["2016-11-22 15:36:39"],
}
TIME_OF_DAY: Schema = {"type": ["string", "null"], "pattern": "^[0-9]{2}:[0-9]{2}$"}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
ADDRESS: Schema = {"type": ["string", "null"], "format": "uri"}


def object_of(**properties: Schema) -> Schema:
    """An object of an answer, which has all of these and nothing else."""
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}
