"""What schemathesis can't guess: time zones, files of audio, and that an Idempotency-Key is for one request."""

import base64
import io
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
schemathesis.openapi.format("base64-audio", strategies.sampled_from([_wav(0.2), _wav(0.5)]))


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """A key that came with another request is refused, as it must be; here every request is a new one."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and key:
        case.headers["Idempotency-Key"] = f"{key[:200]}{next(_serial)}"
