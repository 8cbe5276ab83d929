"""What can happen to a call while it is up: the alphabet of the attempt machines.

Engines make the events of a leg, the call's coroutine adds timers and withdrawals; a machine reads them in order.
"""

from dataclasses import dataclass
from enum import StrEnum

from calldron.domain.outcome import Ending


class Role(StrEnum):
    """Whose leg it is: the client's (``phone_number``) or the operator's (``callback``)."""

    CLIENT = "client"
    OPERATOR = "operator"


class Timer(StrEnum):
    """Clocks a machine can start. A machine has at most one of each running."""

    KEY_GRACE = "key_grace"  # time left to press a key after the intro's end
    SECRETARY = "secretary"  # how long the operator may be late
    OPERATOR_RETRY = "operator_retry"  # pause between two tries at the operator
    LONGEST = "longest"  # no call is longer: a leg whose end got lost would hold its channel for ever


@dataclass(frozen=True, slots=True)
class Ringing:
    """A provisional response above 100 came: the callee's side has the call."""

    role: Role


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx was acknowledged and media flows."""

    role: Role


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed: one of ``0123456789*#ABCD``, once per press."""

    role: Role
    key: str


@dataclass(frozen=True, slots=True)
class Played:
    """The prompt reached its end (not sent when it was stopped)."""

    role: Role


@dataclass(frozen=True, slots=True)
class Heard:
    """Listening for a message ended; ``seconds`` of it were voice."""

    role: Role
    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over, always exactly once a leg, and the last event of that leg."""

    role: Role
    ending: Ending


@dataclass(frozen=True, slots=True)
class Expired:
    """A timer the machine had started ran out."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Refused:
    """The dial that the machine asked for may not go out any more (no tries left, call withdrawn meanwhile), or
    ``for_now``: a rule that lets it go later holds it."""

    role: Role
    for_now: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The owner took the call back. ``gently``: people who are already talking may finish."""

    gently: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The dialer stops: what is up is hung up. Who had not answered may be tried again."""


LegEvent = Ringing | Answered | Digit | Played | Heard | Ended
Event = LegEvent | Expired | Refused | Withdrawn | Stopped
