"""What schemathesis can't guess: time zones, files of audio and of CSV, and what is refused though its form is good."""

import base64
import io
import json
import wave
from itertools import count
from typing import Any

import schemathesis
from hypothesis import strategies

_serial = count(1)


def _wav(seconds: float) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x10" * int(8000 * seconds))
    return base64.b64encode(file.getvalue()).decode()


schemathesis.openapi.format("time-zone", strategies.sampled_from(["Moscow", "Europe/Moscow", "Hawaii", "Asia/Tokyo"]))
schemathesis.openapi.format("holidays", strategies.sampled_from(["RU", "DE", "us-ca"]))
schemathesis.openapi.format(
    "stop-list-csv", strategies.sampled_from(["+79997778855\n", "number;comment\r\n79997778855;asked\r\n"])
)
schemathesis.openapi.format(
    "moment", strategies.sampled_from(["2026-02-28", "2026-03-02 12:00:00", "2026-03-02T23:59:59Z", "2100-01-01"])
)
schemathesis.openapi.format("base64-audio", strategies.sampled_from([_wav(0.2), _wav(0.5)]))


@schemathesis.serializer("text/csv")
def csv(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A file as it is; what is no text is spelled as JSON spells it."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """What is refused though its form is good. A key that came with another request: here every request is a new one.
    A time that ends before it begins, a telephone key that both confirms and opts out, and calls of an account that has
    become strict about numbers: no schema can say so."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and key:
        case.headers["Idempotency-Key"] = f"{key[:200]}{next(_serial)}"
    since, until = case.query.get("from"), case.query.get("to")
    if isinstance(since, str) and isinstance(until, str) and until[:10] <= since[:10]:
        del case.query["to"]
    for element in case.body if isinstance(case.body, list) else [case.body]:
        fields = element.get("batch", element.get("account", element)) if isinstance(element, dict) else None
        if isinstance(fields, dict):
            fields.pop("strict_numbers", None)
            if str(fields.get("opt_out_digit", "?")) in str(fields.get("confirm_digits", "")):
                del fields["opt_out_digit"]
