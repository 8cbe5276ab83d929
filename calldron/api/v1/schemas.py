"""JSON Schemas of what the API takes and gives (OpenAPI 3.1), as exact as the readers of the services."""

from typing import Any

from calldron.domain.batch import BatchState, BatchType, Confirmation
from calldron.domain.calendar import WEEKDAYS
from calldron.domain.call import CallStatus
from calldron.domain.numbers import SIP_URI
from calldron.domain.outcome import Fault, Outcome, Result
from calldron.domain.retry import OVERRIDABLE
from calldron.services.batch_fields import FASTEST, MOST_CHANNELS
from calldron.services.days import MOST_COUNTRIES, MOST_HOLIDAYS
from calldron.services.retries import ATTEMPTS, DELAY
from calldron.services.values import NUMBER_LENGTH, SLOWEST_RATE

Schema = dict[str, Any]

_DASHES = r" \t\u00a0\u2009\u202f()\[\]\-\u2010-\u2014\u2212"
PHONE = rf"^[{_DASHES}]*\+?[{_DASHES}]*([0-9][{_DASHES}]*){{7,15}}$"
_CLOCK = (
    r"^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ])?([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?$"
)
_DAY_OF_YEAR = "^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
_PRINTABLE = r"^[^\u0000-\u001f\u007f]*$"
_PRINTABLE_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
_NOTHING: Schema = {"enum": [None, ""]}


def _given(*kinds: Schema, about: str, **more: object) -> Schema:
    """A field of a request: one of these kinds, or nothing, which stands for the default."""
    return {"description": about, "anyOf": [*kinds, _NOTHING], **more}


# Decimal numbers from ... to ..., as regular expressions.
WHOLE = {
    (0, 3_600): "[0-9]{1,3}|[12][0-9]{3}|3[0-5][0-9]{2}|3600",
    (0, 100_000): "[0-9]{1,5}|100000",
    (0, 604_800): "[0-9]{1,5}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2}|604800",
    (1, 20): "[1-9]|1[0-9]|20",
    (5, 120): "[5-9]|[1-9][0-9]|1[01][0-9]|120",
}


def _whole(least: int, most: int) -> tuple[Schema, Schema]:
    return (
        {"type": "integer", "minimum": least, "maximum": most},
        {"type": "string", "pattern": f"^0*({WHOLE[least, most]})$", "maxLength": 9},
    )


_RATE: tuple[Schema, Schema, Schema] = (
    {"const": 0},
    {"type": "number", "minimum": SLOWEST_RATE, "maximum": FASTEST},
    {"type": "string", "pattern": r"^(0?[0-9]{1,3}(\.[0-9]{1,3})?|1000(\.0{1,3})?)$"},
)
_TEXT: Schema = {"type": "string", "pattern": _PRINTABLE}
_NUMBER: tuple[Schema, Schema] = (
    {"type": "string", "pattern": PHONE, "maxLength": NUMBER_LENGTH},
    {"type": "integer", "minimum": 1_000_000, "maximum": 999_999_999_999_999},
)
_FLAG: Schema = {"enum": [True, False, "true", "false", "1", "0"]}
_KEYS: tuple[Schema, Schema] = (
    {"type": "string", "pattern": "^[0-9*#]{1,12}$"},
    {"type": "integer", "minimum": 0, "maximum": 999_999_999_999},
)
_KEY: tuple[Schema, Schema] = (
    {"type": "string", "pattern": "^[0-9*#]$"},
    {"type": "integer", "minimum": 0, "maximum": 9},
)
_AGAIN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "attempts": _given(
            *_whole(*ATTEMPTS), about="How many attempts at a call may end so; default: as many as the batch's."
        ),
        "delay": _given(*_whole(*DELAY), about="Seconds to the next attempt; default: the batch's `call_delay`."),
    },
}
_RETRY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {str(outcome): _given(_FLAG, _AGAIN, about=f"After `{outcome}`.") for outcome in sorted(OVERRIDABLE)},
}
_BLANKS = r"[ \t\n\r\f\v]*"
_CLOCK_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_NO_CALLS: Schema = {"enum": [False, "false", "0"]}
_DAYS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{
            day: _given(
                {
                    "type": "string",
                    "pattern": rf"^{_BLANKS}{_CLOCK_TIME}{_BLANKS}[-–]{_BLANKS}({_CLOCK_TIME}|24:00){_BLANKS}$",
                },
                _FLAG,
                about="Its hours; `true` (default): the usual ones; `false`: none.",
            )
            for day in WEEKDAYS
        },
        "holidays": _given(
            {
                "type": "array",
                "maxItems": MOST_HOLIDAYS,
                "items": {
                    "anyOf": [
                        {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                        {"type": "string", "pattern": _DAY_OF_YEAR},
                        {"type": "string", "format": "holidays", "pattern": "^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$"},
                    ]
                },
            },
            about=f"Up to {MOST_HOLIDAYS}, and up to {MOST_COUNTRIES} countries among them.",
        ),
    },
    "not": {"required": list(WEEKDAYS), "properties": dict.fromkeys(WEEKDAYS, _NO_CALLS)},
}

BATCH_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "description": "The fields of a batch. Their names are read without regard to case.",
    "properties": {
        "name": _given({**_TEXT, "maxLength": 200}, about='Default: "Batch" and the id.', examples=["Reminders"]),
        "description": _given(
            {"type": "string", "pattern": _PRINTABLE_LINES, "maxLength": 10_000}, about="For your own use."
        ),
        "type": _given(
            {"enum": [str(word) for word in BatchType]},
            about="`batch` (default): a list in its window; `instant`: at once; `callback`: operator, then client.",
        ),
        "confirmation": _given(
            {"enum": [str(word) for word in Confirmation]},
            about="`timeout` (default): who hears the intro out confirms; `dtmf`: who presses a key.",
        ),
        "confirm_digits": _given(*_KEYS, about="Keys that confirm; default any."),
        "opt_out_digit": _given(
            *_KEY, about="The key that puts the number on the account's stop list; none of `confirm_digits`."
        ),
        "time_zone": _given(
            {"type": "string", "format": "time-zone"},
            about="A Rails zone name (`Moscow`, `Eastern Time (US & Canada)`) or an IANA one (`Europe/Moscow`). "
            "Default: the account's, Europe/Moscow at first. `callee`: the zone that each number tells.",
            examples=["Moscow", "Europe/Moscow", "callee"],
        ),
        "time_zone_fallback": _given(
            {"type": "string", "format": "time-zone"},
            about="With `time_zone` `callee`: the zone of numbers that tell none, mobile ones above all. "
            "Default: the account's.",
            examples=["Europe/Moscow"],
        ),
        "time_from": _given(
            {"type": "string", "pattern": _CLOCK},
            about="Calls go out from this time of day in `time_zone`; date and UTC offset are ignored. "
            "Default for type `batch`: 09:00.",
            examples=["08:00", "2000-01-01T08:00:00+03:00"],
        ),
        "time_to": _given(
            {"type": "string", "pattern": _CLOCK},
            about="Until this time of day; earlier than `time_from`: across midnight; equal: all day. "
            "Default for type `batch`: 21:00.",
            examples=["19:00", "2000-01-01T19:00:00+03:00"],
        ),
        "attempts": _given(*_whole(1, 20), about="How often one number may be dialled in all; default 1."),
        "call_delay": _given(*_whole(0, 604_800), about="Seconds from the end of one attempt to the next; default 30."),
        "days": _given(
            _DAYS,
            about="Days of the week that have hours of their own, or none, and holidays, on which no call goes out: "
            "dates, days of every year, and the public holidays of countries or their parts (ISO 3166).",
            examples=[{"fri": "09:00-16:00", "sat": False, "sun": False, "holidays": ["RU", "2026-12-31", "07-01"]}],
        ),
        "retry": _given(
            _RETRY,
            about="What single outcomes mean. `false`: never tried again; `true`: tried again; an object: at most so "
            "many attempts that end so, and so many seconds to the next. Default: all but `machine` are tried again, "
            "as `attempts` and `call_delay` say.",
            examples=[{"busy": {"attempts": 3, "delay": 600}, "no_answer": False}],
        ),
        "cps": _given(*_RATE, about="Calls a second of this batch; default 0: as fast as trunks and account let it."),
        "channels": _given(
            *_whole(0, MOST_CHANNELS),
            about="Calls of this batch at once; default 0: as many as trunks and account let it.",
        ),
        "ring_timeout": _given(*_whole(5, 120), about="Seconds of ringing; default 30."),
        "timeout_before_intro_callback": _given(
            *_whole(0, 3_600), about="Seconds the operator may be late before the secretary calls; default 30."
        ),
        "callback": _given(
            *_NUMBER,
            {"type": "string", "pattern": f"^{SIP_URI.pattern}$"},
            about="The operator: a phone number or a SIP URI.",
        ),
        "from": _given(*_NUMBER, about="The caller id shown; default: the account's."),
        "intro": _given(
            {"type": "string", "format": "base64-audio", "contentEncoding": "base64"},
            about="An mp3, wav or ogg file in Base64, up to 10 MB and 10 minutes.",
        ),
        "intro_filename": _given({**_TEXT, "maxLength": 255}, about="For your own use."),
        "record": _given(_FLAG, about="Whether answered calls are recorded; default true."),
        "autostart": _given(_FLAG, about="Whether the batch starts when it gets its first call; default true."),
    },
}

CALL_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["phone_number"],
    "properties": {
        "phone_number": {
            "description": '"+" and 7 to 15 digits; blanks, brackets and dashes are dropped.',
            "anyOf": list(_NUMBER),
            "examples": ["+79997778855"],
        }
    },
}

_DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_A_SECOND: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})?$", "description": "0: no limit."}
_SECONDS: Schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]$"}
_TIME: Schema = {
    "type": ["string", "null"],
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$",
    "description": "UTC",
    "examples": ["2016-11-22 15:36:39"],
}
_TIME_OF_DAY: Schema = {"type": ["string", "null"], "pattern": "^[0-9]{2}:[0-9]{2}$"}
_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_ADDRESS: Schema = {"type": ["string", "null"], "format": "uri"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


ID: Schema = _object(id=_DIGITS)
SWITCHED: Schema = _object(id=_DIGITS, status={"enum": [str(word) for word in BatchState]})

BATCH: Schema = _object(
    id=_DIGITS,
    name=_STRING,
    description=_STRING,
    attempts=_DIGITS,
    call_delay=_DIGITS,
    callback={**_STRING, "description": "As it was given."},
    **{"from": {**_STRING, "description": "As it was given."}},
    confirmation={"enum": [str(word) for word in Confirmation]},
    status={"enum": [str(word) for word in BatchState]},
    type={"enum": [str(word) for word in BatchType]},
    time_zone=_STRING,
    time_from=_TIME_OF_DAY,
    time_to=_TIME_OF_DAY,
    time_zone_fallback={**_STRING, "description": '"": the account\'s.'},
    days={"type": "object", "description": "As it was given; `{}`: every day has the usual hours."},
    retry={"type": "object", "description": "As it was given; `{}`: the usual."},
    cps=_A_SECOND,
    channels=_DIGITS,
    ring_timeout=_DIGITS,
    timeout_before_intro_callback=_DIGITS,
    confirm_digits=_STRING,
    opt_out_digit=_STRING,
    intro_filename=_STRING,
    record=_BOOLEAN,
    autostart=_BOOLEAN,
    calls={**_DIGITS, "description": "How many there are."},
    calls_left={**_DIGITS, "description": "How many of them are not final."},
    created_at=_TIME,
    started_at=_TIME,
    finished_at=_TIME,
)

CALL: Schema = _object(
    id=_DIGITS,
    phone_number={"type": "string", "pattern": r"^\+[0-9]{7,15}$"},
    duration={**_SECONDS, "description": "Seconds of talk.", "examples": ["60.0"]},
    status={"enum": [str(word) for word in CallStatus]},
    result={"enum": [*(str(word) for word in Result), None], "description": "What the call achieved."},
    final={**_BOOLEAN, "description": "Whether no attempt can follow."},
    dialed_at=_TIME,
    ended_at=_TIME,
    record_url={**_ADDRESS, "description": "`null` until the recording is ready; needs the key."},
    record_link={**_ADDRESS, "description": "The same with a signature: opens without a key for a day."},
    digits={**_STRING, "description": "The keys pressed."},
    suspect={**_BOOLEAN, "description": "Whether no numbering plan has such a number."},
    created_at=_TIME,
)

TRY: Schema = _object(
    number=_DIGITS,
    started_at=_TIME,
    ended_at=_TIME,
    outcome={"enum": [*(str(word) for word in Outcome), None]},
    result={"enum": [*(str(word) for word in Result), None]},
    fault={"enum": [*(str(word) for word in Fault), None], "description": "Whose doing a failure was."},
    sip_code={"type": ["string", "null"], "pattern": "^[1-6][0-9]{2}$"},
    duration=_SECONDS,
)
_TRIES: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Try"}}
CALL_SHOWN: Schema = _object(**CALL["properties"], tries=_TRIES)

ROOT: Schema = _object(
    version={"const": "v1"},
    account=_object(id=_DIGITS, name=_STRING),
    links=_object(batches={"type": "string", "format": "uri"}, reference={"type": "string", "format": "uri"}),
)

PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Where this kind of problem is explained."},
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": {**_STRING, "description": "What a person can do about it."},
        "errors": {
            "type": "array",
            "description": "With 422: every value that can't be used, up to 100 of them.",
            "items": _object(
                field={**_STRING, "description": "In your own terms: `[3].call.phone_number`."}, message=_STRING
            ),
        },
    },
}

SCHEMAS: dict[str, Schema] = {
    "BatchGiven": BATCH_GIVEN,
    "CallGiven": CALL_GIVEN,
    "Id": ID,
    "Switched": SWITCHED,
    "Batch": BATCH,
    "Call": CALL,
    "CallShown": CALL_SHOWN,
    "Try": TRY,
    "Root": ROOT,
    "Problem": PROBLEM,
}
