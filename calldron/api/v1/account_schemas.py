"""JSON Schemas of the account and its stop list."""

from typing import Any

from calldron.api.v1.schema_parts import (
    A_SECOND,
    BOOLEAN,
    DIGITS,
    E164,
    FLAG,
    NUMBER,
    PHONE_NUMBER,
    STRING,
    TEXT,
    TIME,
    Schema,
    given,
    object_of,
    whole,
)
from calldron.services.account_fields import HIGHEST_QUOTA, LONGEST_NAME
from calldron.services.stop_list import LONGEST_COMMENT

_QUOTA = whole(0, HIGHEST_QUOTA)

ACCOUNT_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "description": "The fields of the account. Their names are read without regard to case.",
    "properties": {
        "name": {**TEXT, "minLength": 1, "maxLength": LONGEST_NAME, "description": "Whose account it is."},
        "from": given(*NUMBER, about="The caller id of batches that name none; default: the trunk's."),
        "time_zone": given(
            {"type": "string", "format": "time-zone"},
            about="Of quotas, of batches that name no zone, and of numbers that tell none; default Europe/Moscow.",
        ),
        "strict_numbers": given(FLAG, about="Refuse numbers that no numbering plan has; default false."),
        "quota_day": given(*_QUOTA, about="How often one number may be dialled a day; default 0: no limit."),
        "quota_week": given(*_QUOTA, about="The same a week, from Monday."),
        "quota_month": given(*_QUOTA, about="The same a month, from the 1st."),
    },
}
ACCOUNT: Schema = object_of(
    id=DIGITS,
    name=STRING,
    **{"from": {**STRING, "description": "As it was given."}},
    time_zone=STRING,
    strict_numbers=BOOLEAN,
    quota_day=DIGITS,
    quota_week=DIGITS,
    quota_month=DIGITS,
    cps={**A_SECOND, "description": "Calls a second over all its batches, set by the operator; 0: no limit."},
    channels={**DIGITS, "description": "Calls at once over all its batches, set by the operator; 0: no limit."},
    created_at=TIME,
)

STOP_GIVEN: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["number"],
    "properties": {
        "number": PHONE_NUMBER,
        "comment": given({**TEXT, "maxLength": LONGEST_COMMENT}, about="For your own use."),
    },
}
STOP: Schema = object_of(
    number=E164,
    comment=STRING,
    source={
        "enum": ["api", "csv", "cabinet", "opt_out"],
        "description": "Who put it there; `opt_out`: the client, by a key; `cabinet`: a person, in a browser.",
    },
    created_at=TIME,
)
STOPS_ADDED: Schema = object_of(
    added={**DIGITS, "description": "How many are new."},
    known={**DIGITS, "description": "How many were on the list already."},
)
STOPS_REMOVED: Schema = object_of(
    removed={**DIGITS, "description": "How many were on the list."},
    unknown={**DIGITS, "description": "How many were not."},
)
STOP_REMOVED: Schema = object_of(number=E164)

STOPS_CSV: Schema = {
    "type": "string",
    "format": "stop-list-csv",
    "description": "The number in the first column, a comment in the second.",
}
STOPS_CSV_EXAMPLES: dict[str, Any] = {
    "header": {"summary": "With a header", "value": "number,comment\r\n+79997778855,asked on the phone\r\n"},
    "bare": {"summary": "The shortest", "value": "+79997778855\r\n+79997778856\r\n"},
}

ACCOUNT_SCHEMAS: dict[str, Schema] = {
    "AccountGiven": ACCOUNT_GIVEN,
    "Account": ACCOUNT,
    "StopGiven": STOP_GIVEN,
    "Stop": STOP,
    "StopsAdded": STOPS_ADDED,
    "StopsRemoved": STOPS_REMOVED,
    "StopRemoved": STOP_REMOVED,
}
