"""The OpenAPI document: the operations as django-ninja knows them, completed by what they take and answer."""

from functools import lru_cache
from typing import Any

from calldron.api.v1.account_schemas import ACCOUNT_SCHEMAS, STOPS_CSV, STOPS_CSV_EXAMPLES
from calldron.api.v1.api import api
from calldron.api.v1.batches import MOST as MOST_BATCHES
from calldron.api.v1.calls import MOST as MOST_CALLS
from calldron.api.v1.paging import LARGEST_LIMIT, LARGEST_OFFSET, LIMIT
from calldron.api.v1.problems import TYPES
from calldron.api.v1.report_schemas import REPORTS, SPAN
from calldron.api.v1.schema_parts import NUMBER, Schema
from calldron.api.v1.schemas import SCHEMAS
from calldron.api.v1.stop_list import CSV
from calldron.api.v1.stop_list import MOST as MOST_STOPS

_POSTS = (
    "create_batches",
    "start_batch",
    "pause_batch",
    "resume_batch",
    "stop_batch",
    "create_calls",
    "add_stops",
    "import_stops",
    "remove_stops",
)
_WITH_BODY = {  # operation: (wrapper, schema, most)
    "create_batches": ("batch", "BatchGiven", MOST_BATCHES),
    "update_batch": ("batch", "BatchGiven", 1),
    "create_calls": ("call", "CallGiven", MOST_CALLS),
    "update_account": ("account", "AccountGiven", 1),
    "add_stops": ("stop", "StopGiven", MOST_STOPS),
    "remove_stops": ("stop", "StopGiven", MOST_STOPS),
}
_TAKES_CSV = ("add_stops", "import_stops", "remove_stops")
_STATES = ("update_batch", "start_batch", "pause_batch", "resume_batch", "stop_batch", "create_calls", "cancel_call")
_LISTS = {"list_batches": "Batch", "list_calls": "Call", "list_attempts": "Attempt", "list_stops": "Stop"}
_ANSWERS: dict[str, tuple[int, str]] = {
    "root": (200, "Root"),
    "show_batch": (200, "Batch"),
    "update_batch": (200, "Id"),
    "delete_batch": (200, "Id"),
    "start_batch": (200, "Switched"),
    "pause_batch": (200, "Switched"),
    "resume_batch": (200, "Switched"),
    "stop_batch": (200, "Switched"),
    "show_call": (200, "CallShown"),
    "cancel_call": (200, "Id"),
    "explain_batch": (200, "WhyOfBatch"),
    "explain_call": (200, "Why"),
    "show_stats": (200, "Stats"),
    "show_account": (200, "Account"),
    "update_account": (200, "Id"),
    "show_stop": (200, "Stop"),
    "remove_stop": (200, "StopRemoved"),
    "remove_stops": (200, "StopsRemoved"),
    "add_stops": (201, "StopsAdded"),
    "import_stops": (201, "StopsAdded"),
}
_STATUS = {
    400: "The body is not JSON",
    401: "No valid API key",
    403: "The link has expired",
    404: "Not found, or another account's",
    409: "Not possible in this state, or the first request under this Idempotency-Key is still at work",
    413: "The body is too large",
    415: "The body is of another type",
    416: "No such range",
    422: "Some values can't be used",
    429: "Too many requests",
    503: "The database does not answer",
}
_PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": "The challenge"},
    429: {"Retry-After": "Seconds to wait"},
    503: {"Retry-After": "Seconds to wait"},
    416: {"Content-Range": "The length"},
}
_PAGE = (
    ("limit", {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": LIMIT}, "How many at most."),
    ("offset", {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0}, "How many to leave out."),
    ("envelope", {"enum": ["0", "1", "false", "true"], "default": "0"}, "1: an object with `count`, `total`, `items`."),
)
_LIST_HEADERS = {
    "X-Count": "How many are here",
    "X-Total-Count": "How many there are",
    "Link": "RFC 8288: first, prev, next, last",
}
_RECORDING_HEADERS = {"Accept-Ranges": "bytes", "ETag": "Changes with the file", "Last-Modified": "When it was made"}

_INTRODUCTION = """Batches of calls, instant calls and callbacks, for programs.

Authentication is HTTP Basic: the API key is the user name, the password is empty. Ids and numbers are strings, times
are UTC. A body is `[{"batch": {…}}]`, `{"batch": {…}}` or the bare `{…}`; field names are read without regard to case.
A list creates all or none, and its answer is in the same order; one element answers one object.

Lists come 20 at a time (`limit`, `offset`), as a bare array with `X-Count`, `X-Total-Count` and `Link`.

Send an `Idempotency-Key` with a POST, and the request can be repeated for 24 hours without being done twice.

Errors are problem details (RFC 9457), in English or Russian by `Accept-Language`. Their types:
"""


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document."""
    made: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="v1/"))
    made["info"]["description"] = _INTRODUCTION + "".join(
        f"\n* [`{kind.slug}`](/v1/problems/{kind.slug}) ({kind.status})" for kind in TYPES.values()
    )
    made["components"]["schemas"] = SCHEMAS | REPORTS | ACCOUNT_SCHEMAS
    for operations in made["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return made


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    operation["parameters"] = [
        _path(parameter["name"]) for parameter in operation["parameters"] if parameter["in"] == "path"
    ]
    operation["responses"] = _responses(name, in_path=bool(operation["parameters"]))
    if name in _LISTS:
        operation["parameters"] += [_query(*parameter) for parameter in _PAGE]
    if name == "show_stats":
        operation["parameters"] += [_query(*parameter) for parameter in SPAN]
    if name in _POSTS:
        operation["parameters"].append(_IDEMPOTENCY_KEY)
    if name == "list_stops":
        operation["parameters"].append(_query("number", NUMBER[0], "Only this one."))
    if name in _WITH_BODY or name in _TAKES_CSV:
        operation["requestBody"] = {"required": True, "content": _taken(name)}
    if name == "get_recording":
        operation["parameters"] += [
            {
                "in": "query",
                "name": "sig",
                "schema": {"type": "string"},
                "description": "The signature of `record_link`.",
            },
            {"in": "header", "name": "Range", "schema": {"type": "string"}, "description": "One range of bytes."},
        ]
        operation["security"] = [{"ApiKey": []}, {}]


def _path(name: str) -> dict[str, Any]:
    schema: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    if name == "number":
        schema = {"type": "string", "pattern": r"^\+?[0-9]{7,15}$"}
    return {"in": "path", "name": name, "required": True, "schema": schema}


def _query(name: str, schema: Schema, about: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": schema, "description": about}


_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    "description": "Any text of your own: repeating the request with it gives the first answer again, for 24 hours.",
}


def _taken(name: str) -> dict[str, Any]:
    """The types of body that an operation takes."""
    taken = {"application/json": _body(*_WITH_BODY[name])} if name in _WITH_BODY else {}
    if name in _TAKES_CSV:
        taken[CSV] = {"schema": STOPS_CSV, "examples": STOPS_CSV_EXAMPLES}
    return taken


def _body(wrapper: str, schema: str, most: int) -> dict[str, Any]:
    bare = {"$ref": f"#/components/schemas/{schema}"}
    wrapped = {
        "type": "object",
        "required": [wrapper],
        "properties": {wrapper: bare},
        "additionalProperties": False,
    }
    plain = list(NUMBER) if wrapper == "stop" else []
    several = {"type": "array", "minItems": 1, "maxItems": most, "items": {"anyOf": [wrapped, bare, *plain]}}
    return {"schema": {"anyOf": [several, wrapped, bare]}, "examples": _EXAMPLES[wrapper]}


_EXAMPLES: dict[str, Any] = {
    "batch": {
        "one": {
            "summary": "As in the published reference",
            "value": [
                {
                    "batch": {
                        "name": "name",
                        "time_zone": "Moscow",
                        "time_from": "2000-01-01T08:00:00+03:00",
                        "time_to": "2000-01-01T19:00:00+03:00",
                        "attempts": "2",
                        "call_delay": "30",
                        "callback": "+7491231212",
                        "from": "+7491231213",
                        "type": "callback",
                        "confirmation": "timeout",
                        "timeout_before_intro_callback": "1",
                    }
                }
            ],
        },
        "bare": {"summary": "The shortest", "value": {"name": "Reminders", "type": "instant"}},
    },
    "call": {
        "one": {"summary": "One", "value": [{"call": {"phone_number": "+79997778855"}}]},
        "many": {"summary": "Many", "value": [{"phone_number": "+79997778855"}, {"phone_number": "+79997778856"}]},
        "bare": {"summary": "The shortest", "value": {"phone_number": "+79997778855"}},
    },
    "account": {
        "one": {"summary": "No number more than twice a week", "value": {"account": {"quota_week": 2}}},
    },
    "stop": {
        "one": {"summary": "One", "value": [{"stop": {"number": "+79997778855", "comment": "asked on the phone"}}]},
        "many": {"summary": "Many", "value": ["+79997778855", "+79997778856"]},
        "bare": {"summary": "The shortest", "value": {"number": "+79997778855"}},
    },
}


def _responses(name: str, *, in_path: bool) -> dict[str, Any]:
    statuses = [401, 429, 503]
    if in_path:
        statuses.append(404)
    if name in _WITH_BODY or name in _TAKES_CSV:
        statuses += [400, 413, 415, 422]
    if name in _LISTS or name in _POSTS or name in ("show_stats", "export_stops"):
        statuses.append(422)
    if name in _POSTS or name in _STATES:
        statuses.append(409)
    if name == "get_recording":
        statuses += [403, 416]
    return {**_success(name), **{str(status): _problem(status) for status in sorted(set(statuses))}}


def _success(name: str) -> dict[str, Any]:
    if name in _ANSWERS:
        status, schema = _ANSWERS[name]
        headers = {} if name != "update_batch" else _headers({"Warning": "A UTC offset that was ignored"}, always=False)
        if status == 201:
            headers = _headers({"Location": "Where the first one is"})
        return {str(status): _json({"$ref": f"#/components/schemas/{schema}"}, headers)}
    if name in _LISTS:
        items = {"type": "array", "items": {"$ref": f"#/components/schemas/{_LISTS[name]}"}}
        count = {"type": "integer"}
        envelope = {
            "type": "object",
            "required": ["count", "total", "items"],
            "properties": {"count": count, "total": count, "items": items},
        }
        listed = _json({"anyOf": [items, envelope]}, _headers(_LIST_HEADERS, always=name != "list_stops"))
        if name == "list_stops":
            listed["content"][CSV] = {"schema": {"type": "string"}}
        return {"200": listed}
    if name == "export_stops":
        return {"200": {"description": "The file", "content": {CSV: {"schema": {"type": "string"}}}}}
    if name == "get_recording":
        sound = {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}
        return {
            "200": {"description": "The whole", "content": sound, "headers": _headers(_RECORDING_HEADERS)},
            "206": {
                "description": "A part",
                "content": sound,
                "headers": _headers({**_RECORDING_HEADERS, "Content-Range": "Which part"}),
            },
            "304": {"description": "As you have it", "headers": _headers({"ETag": "What you have"})},
        }
    one = {"$ref": "#/components/schemas/Id"}
    created = _json(
        {"anyOf": [one, {"type": "array", "items": one, "minItems": 2}]},
        {
            **_headers({"Location": "Where the first one is"}),
            **_headers({"Warning": "A UTC offset that was ignored"}, always=False),
        },
    )
    created["links"] = _LINKS[name]
    return {"201": created}


_LINKS = {
    "create_batches": {
        operation: {"operationId": operation, "parameters": {"batch_id": "$response.body#/id"}}
        for operation in (
            *("show_batch", "update_batch", "delete_batch", "start_batch", "create_calls", "list_calls"),
            *("explain_batch", "show_stats"),
        )
    },
    "create_calls": {
        operation: {
            "operationId": operation,
            "parameters": {"batch_id": "$request.path.batch_id", "call_id": "$response.body#/id"},
        }
        for operation in ("show_call", "cancel_call", "explain_call", "list_attempts")
    },
}


def _json(schema: Schema, headers: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Done", "content": {"application/json": {"schema": schema}}, "headers": headers}


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _STATUS[status], "content": content, "headers": _headers(_PROBLEM_HEADERS.get(status, {}))}


def _headers(about: dict[str, str], *, always: bool = True) -> dict[str, Any]:
    return {
        name: {"description": text, "required": always, "schema": {"type": "string"}} for name, text in about.items()
    }
