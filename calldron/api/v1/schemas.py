"""JSON Schemas of what the API takes and gives (OpenAPI 3.1), as exact as the readers of the services."""

from calldron.api.v1.schema_parts import (
    A_SECOND,
    ADDRESS,
    BOOLEAN,
    CLOCK,
    DAYS,
    DIGITS,
    E164,
    FLAG,
    KEY,
    KEYS,
    NUMBER,
    PHONE_NUMBER,
    PRINTABLE_LINES,
    RATE,
    RETRY,
    SECONDS,
    STRING,
    TEXT,
    TIME,
    TIME_OF_DAY,
    Schema,
    given,
    object_of,
    whole,
)
from calldron.domain.batch import BatchState, BatchType, Confirmation
from calldron.domain.call import CallStatus
from calldron.domain.numbers import SIP_URI
from calldron.domain.outcome import Fault, Outcome, Result
from calldron.services.batch_fields import MOST_CHANNELS

BATCH_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "description": "The fields of a batch. Their names are read without regard to case.",
    "properties": {
        "name": given({**TEXT, "maxLength": 200}, about='Default: "Batch" and the id.', examples=["Reminders"]),
        "description": given(
            {"type": "string", "pattern": PRINTABLE_LINES, "maxLength": 10_000}, about="For your own use."
        ),
        "type": given(
            {"enum": [str(word) for word in BatchType]},
            about="`batch` (default): a list in its window; `instant`: at once; `callback`: operator, then client.",
        ),
        "confirmation": given(
            {"enum": [str(word) for word in Confirmation]},
            about="`timeout` (default): who hears the intro out confirms; `dtmf`: who presses a key.",
        ),
        "confirm_digits": given(*KEYS, about="Keys that confirm; default any."),
        "opt_out_digit": given(
            *KEY, about="The key that puts the number on the account's stop list; none of `confirm_digits`."
        ),
        "time_zone": given(
            {"type": "string", "format": "time-zone"},
            about="A Rails zone name (`Moscow`, `Eastern Time (US & Canada)`) or an IANA one (`Europe/Moscow`). "
            "Default: the account's, Europe/Moscow at first. `callee`: the zone that each number tells.",
            examples=["Moscow", "Europe/Moscow", "callee"],
        ),
        "time_zone_fallback": given(
            {"type": "string", "format": "time-zone"},
            about="With `time_zone` `callee`: the zone of numbers that tell none, mobile ones above all. "
            "Default: the account's.",
            examples=["Europe/Moscow"],
        ),
        "time_from": given(
            {"type": "string", "pattern": CLOCK},
            about="Calls go out from this time of day in `time_zone`; date and UTC offset are ignored. "
            "Default for type `batch`: 09:00.",
            examples=["08:00", "2000-01-01T08:00:00+03:00"],
        ),
        "time_to": given(
            {"type": "string", "pattern": CLOCK},
            about="Until this time of day; earlier than `time_from`: across midnight; equal: all day. "
            "Default for type `batch`: 21:00.",
            examples=["19:00", "2000-01-01T19:00:00+03:00"],
        ),
        "attempts": given(*whole(1, 20), about="How often one number may be dialled in all; default 1."),
        "call_delay": given(*whole(0, 604_800), about="Seconds from the end of one attempt to the next; default 30."),
        "days": given(
            DAYS,
            about="Days of the week that have hours of their own, or none, and holidays, on which no call goes out: "
            "dates, days of every year, and the public holidays of countries or their parts (ISO 3166).",
            examples=[{"fri": "09:00-16:00", "sat": False, "sun": False, "holidays": ["RU", "2026-12-31", "07-01"]}],
        ),
        "retry": given(
            RETRY,
            about="What single outcomes mean. `false`: never tried again; `true`: tried again; an object: at most so "
            "many attempts that end so, and so many seconds to the next. Default: all but `machine` are tried again, "
            "as `attempts` and `call_delay` say.",
            examples=[{"busy": {"attempts": 3, "delay": 600}, "no_answer": False}],
        ),
        "cps": given(*RATE, about="Calls a second of this batch; default 0: as fast as trunks and account let it."),
        "channels": given(
            *whole(0, MOST_CHANNELS),
            about="Calls of this batch at once; default 0: as many as trunks and account let it.",
        ),
        "ring_timeout": given(*whole(5, 120), about="Seconds of ringing; default 30."),
        "timeout_before_intro_callback": given(
            *whole(0, 3_600), about="Seconds the operator may be late before the secretary calls; default 30."
        ),
        "callback": given(
            *NUMBER,
            {"type": "string", "pattern": f"^{SIP_URI.pattern}$"},
            about="The operator: a phone number or a SIP URI.",
        ),
        "from": given(*NUMBER, about="The caller id shown; default: the account's."),
        "intro": given(
            {"type": "string", "format": "base64-audio", "contentEncoding": "base64"},
            about="An mp3, wav or ogg file in Base64, up to 10 MB and 10 minutes.",
        ),
        "intro_filename": given({**TEXT, "maxLength": 255}, about="For your own use."),
        "record": given(FLAG, about="Whether answered calls are recorded; default true."),
        "autostart": given(FLAG, about="Whether the batch starts when it gets its first call; default true."),
    },
}

CALL_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["phone_number"],
    "properties": {"phone_number": PHONE_NUMBER},
}

ID: Schema = object_of(id=DIGITS)
SWITCHED: Schema = object_of(id=DIGITS, status={"enum": [str(word) for word in BatchState]})

BATCH: Schema = object_of(
    id=DIGITS,
    name=STRING,
    description=STRING,
    attempts=DIGITS,
    call_delay=DIGITS,
    callback={**STRING, "description": "As it was given."},
    **{"from": {**STRING, "description": "As it was given."}},
    confirmation={"enum": [str(word) for word in Confirmation]},
    status={"enum": [str(word) for word in BatchState]},
    type={"enum": [str(word) for word in BatchType]},
    time_zone=STRING,
    time_from=TIME_OF_DAY,
    time_to=TIME_OF_DAY,
    time_zone_fallback={**STRING, "description": '"": the account\'s.'},
    days={"type": "object", "description": "As it was given; `{}`: every day has the usual hours."},
    retry={"type": "object", "description": "As it was given; `{}`: the usual."},
    cps=A_SECOND,
    channels=DIGITS,
    ring_timeout=DIGITS,
    timeout_before_intro_callback=DIGITS,
    confirm_digits=STRING,
    opt_out_digit=STRING,
    intro_filename=STRING,
    record=BOOLEAN,
    autostart=BOOLEAN,
    calls={**DIGITS, "description": "How many there are."},
    calls_left={**DIGITS, "description": "How many of them are not final."},
    created_at=TIME,
    started_at=TIME,
    finished_at=TIME,
)

CALL: Schema = object_of(
    id=DIGITS,
    phone_number=E164,
    duration={**SECONDS, "description": "Seconds of talk.", "examples": ["60.0"]},
    status={"enum": [str(word) for word in CallStatus]},
    result={"enum": [*(str(word) for word in Result), None], "description": "What the call achieved."},
    final={**BOOLEAN, "description": "Whether no attempt can follow."},
    dialed_at=TIME,
    ended_at=TIME,
    record_url={**ADDRESS, "description": "`null` until the recording is ready; needs the key."},
    record_link={**ADDRESS, "description": "The same with a signature: opens without a key for a day."},
    digits={**STRING, "description": "The keys pressed."},
    suspect={**BOOLEAN, "description": "Whether no numbering plan has such a number."},
    created_at=TIME,
)

TRY: Schema = object_of(
    number=DIGITS,
    started_at=TIME,
    ended_at=TIME,
    outcome={"enum": [*(str(word) for word in Outcome), None]},
    result={"enum": [*(str(word) for word in Result), None]},
    fault={"enum": [*(str(word) for word in Fault), None], "description": "Whose doing a failure was."},
    sip_code={"type": ["string", "null"], "pattern": "^[1-6][0-9]{2}$"},
    duration=SECONDS,
)
_TRIES: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Try"}}
CALL_SHOWN: Schema = object_of(**CALL["properties"], tries=_TRIES)

ROOT: Schema = object_of(
    version={"const": "v1"},
    account=object_of(id=DIGITS, name=STRING),
    links=object_of(**{key: {**STRING, "format": "uri"} for key in ("batches", "account", "stop_list", "reference")}),
)

PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Where this kind of problem is explained."},
        "title": STRING,
        "status": {"type": "integer"},
        "detail": {**STRING, "description": "What a person can do about it."},
        "errors": {
            "type": "array",
            "description": "With 422: every value that can't be used, up to 100 of them.",
            "items": object_of(
                field={**STRING, "description": "In your own terms: `[3].call.phone_number`."}, message=STRING
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
