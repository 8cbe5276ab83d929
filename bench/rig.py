"""What a dialling engine is asked to do under measurement, whoever's engine it is."""

from dataclasses import dataclass
from typing import Protocol

HOST = "127.0.0.1"
CLIMB = 25.0  # calls a second until the wanted number is up
PROMPT = 60.0  # seconds


@dataclass(frozen=True)
class Counted:
    """RTP packets as the engine itself counted them over all calls. ``lost`` is of those sent to it, by sequence
    numbers; ``late_slots`` and ``longest_delay`` (milliseconds) are its own view of its ticker, where it has one."""

    sent: int
    received: int
    lost: int
    late_slots: int | None = None
    longest_delay: float | None = None


class RigFailed(RuntimeError):
    """An engine could not do what it was asked; the message says what."""


class Rig(Protocol):
    """An engine that plays a prompt of 60 s to every call, records both ways and listens for keys."""

    name: str

    @property
    def pid(self) -> int:
        """The process whose family is the engine."""

    async def climb(self, calls: int) -> None:
        """Place calls until that many are up in all, and their prompt plays. Raises ``RigFailed``."""

    async def hang_up(self) -> Counted:
        """End all calls; returns when they are over. Raises ``RigFailed``."""
