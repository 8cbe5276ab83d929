"""What an attempt machine asks for. The call's coroutine carries the commands out in their order."""

from dataclasses import dataclass
from enum import StrEnum

from calldron.domain.events import Role, Timer
from calldron.domain.outcome import Fault, Outcome, Result


class Tune(StrEnum):
    """What can be played. All but the intro loop until stopped."""

    INTRO = "intro"
    RINGBACK = "ringback"  # who waits hears that the other side is being called
    ATTENTION = "attention"  # an operator is asked for a key


@dataclass(frozen=True, slots=True)
class Dial:
    """Commit the intent, then send the INVITE; answered by leg events or by ``Refused``."""

    role: Role


@dataclass(frozen=True, slots=True)
class Play:
    """Play to this leg from the beginning; the intro ends with ``Played``."""

    role: Role
    tune: Tune = Tune.INTRO


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Stop what plays at once; no ``Played`` follows."""

    role: Role


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for a message: ends with ``Heard`` after ``seconds`` in all, or ``silence`` seconds without voice."""

    role: Role
    seconds: float
    silence: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """BYE or CANCEL, whichever the leg needs; ``Ended`` follows."""

    role: Role


@dataclass(frozen=True, slots=True)
class Bridge:
    """Let the two legs hear each other."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """(Re)start a timer, ``seconds`` from now."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Stop a timer if it runs; no ``Expired`` of it follows."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Finish:
    """The attempt is over and no leg is up. The last command of a machine, once. ``sip_code`` is of the leg that
    decided, ``None`` where none did (cancelled before any was up)."""

    outcome: Outcome
    result: Result | None
    fault: Fault
    sip_code: int | None


Command = Dial | Play | StopPlaying | Listen | Hangup | Bridge | StartTimer | StopTimer | Finish
