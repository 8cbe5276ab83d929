"""The shapes of the fixtures that start peers (tests/integration/conftest.py)."""

from typing import Protocol

from peers.baresip import Baresip
from peers.sipp import Sipp


class StartCallee(Protocol):
    """SIPp with a scenario of peers/sipp as callee."""

    def __call__(self, scenario: str, *, calls: int = 1, seconds: float = 20, tolerant: bool = False) -> Sipp: ...


class StartPhone(Protocol):
    """A baresip that answers: says 8 kHz s16le, or echoes."""

    def __call__(self, says: bytes | None = None, codec: str = "PCMA") -> Baresip: ...
