"""JSON Schemas of the reports (OpenAPI 3.1)."""

from calldron.api.v1.schema_parts import DIGITS, SECONDS, TIME, Schema, object_of
from calldron.api.v1.schemas import TRY
from calldron.domain.call import CallStatus
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Result
from calldron.domain.rule import Rule
from calldron.services.statistics import MOMENT, MOST_BUCKETS, Step

_EXACT: Schema = {
    "type": ["string", "null"],
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}$",
    "description": "UTC",
    "examples": ["2016-11-22 15:36:39.123"],
}
_RATIO: Schema = {"type": ["string", "null"], "pattern": r"^[01]\.[0-9]{3}$"}
_WORDS: Schema = {"type": "string", "minLength": 1, "description": "In the language of the request."}
_NAME: Schema = {"type": ["string", "null"], "description": "`null`: removed since."}


_LEG: Schema = object_of(
    role={"enum": [str(role) for role in Role]},
    number={"type": "string"},
    trunk=_NAME,
    intended_at=_EXACT,
    ringing_at=_EXACT,
    answered_at=_EXACT,
    ended_at=_EXACT,
    ended_by={"enum": [*(str(word) for word in EndedBy), None]},
    outcome=TRY["properties"]["outcome"],
    fault=TRY["properties"]["fault"],
    sip_code=TRY["properties"]["sip_code"],
    q850={"type": ["string", "null"], "pattern": "^[0-9]{1,5}$", "description": "The cause of a Reason header field."},
    words=_WORDS,
)
_ATTEMPT: Schema = object_of(
    number=TRY["properties"]["number"],
    trunk=_NAME,
    started_at=_EXACT,
    ended_at=_EXACT,
    outcome=TRY["properties"]["outcome"],
    result=TRY["properties"]["result"],
    fault=TRY["properties"]["fault"],
    sip_code=TRY["properties"]["sip_code"],
    digits={"type": "string", "description": "The keys pressed."},
    duration=SECONDS,
    counted={
        "type": "boolean",
        "description": "Whether it is one of the call's `attempts`: one that the trunk refused was given back.",
    },
    words=_WORDS,
    legs={"type": "array", "items": _LEG, "description": "One for each INVITE."},
)

_TALLY: dict[str, Schema] = {
    "attempts": {**DIGITS, "description": "Without those that a trunk refused: they were given back."},
    "answered": DIGITS,
    "confirmed": {**DIGITS, "description": "Answered, and the client said yes."},
    "seconds": {**SECONDS, "description": "Talk, in all."},
}
_STATISTICS: Schema = object_of(
    calls=DIGITS,
    calls_left=DIGITS,
    by_status=object_of(**{str(status): DIGITS for status in CallStatus}),
    by_result=object_of(**{str(result): DIGITS for result in Result}),
    **_TALLY,
    answer_rate={**_RATIO, "description": "The share of attempts with an end that were answered."},
    confirm_rate={**_RATIO, "description": "The share of answered attempts that were confirmed."},
    average_duration={**SECONDS, "description": "Seconds of talk an answered attempt."},
    step={"enum": [str(step) for step in Step]},
    series={
        "type": "array",
        "maxItems": MOST_BUCKETS,
        "items": object_of(at={**TIME, "type": "string", "description": "When the step begins, UTC."}, **_TALLY),
    },
)

_REASON: dict[str, Schema] = {
    "code": {"enum": [str(rule) for rule in Rule], "description": "The first rule that holds it."},
    "reason": _WORDS,
    "eligible_at": {
        **TIME,
        "description": "UTC: when everything that goes by time lets it go. `null`: something else has to happen, or "
        "nothing follows.",
    },
}
_WHY: Schema = object_of(
    **_REASON,
    rules={
        "type": "array",
        "minItems": 1,
        "items": {"enum": [str(rule) for rule in Rule]},
        "description": "Every rule that holds it now, that of `code` first.",
    },
)
_WHY_OF_BATCH: Schema = object_of(
    **_REASON,
    calls={
        "type": "object",
        "description": "How many calls each rule holds.",
        "propertyNames": {"enum": [str(rule) for rule in Rule]},
        "additionalProperties": DIGITS,
    },
)

REPORTS: dict[str, Schema] = {
    "Attempt": _ATTEMPT,
    "Stats": _STATISTICS,
    "Why": _WHY,
    "WhyOfBatch": _WHY_OF_BATCH,
}

_MOMENT: Schema = {"type": "string", "pattern": f"^{MOMENT}$", "format": "moment"}
SPAN: tuple[tuple[str, Schema, str], ...] = (
    ("step", {"enum": [str(step) for step in Step]}, "Default: the finest that makes no more than 500 steps."),
    ("from", _MOMENT, "Attempts that started from this moment in UTC, or this day; default: from the first."),
    ("to", _MOMENT, "Until just before this one, later than `from`; default: to the last."),
)
