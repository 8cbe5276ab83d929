"""The words of the transaction machines (RFC 3261 section 17): timers, what goes in, what comes out.

The machines decide and never act: each event (a message, a timer that fired, a failure of the transport) answers a
list of commands, which the layer carries out in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from calldron.engines.sip.message import Response


@dataclass(frozen=True, slots=True)
class Timing:
    """Base values of the timers, seconds (section 17.1.1.1 and table 4)."""

    t1: float = 0.5
    """Round-trip time; what is unanswered is repeated after this long."""
    t2: float = 4.0
    """The longest pause between two repeats of a non-INVITE request or a response."""
    t4: float = 5.0
    """How long a message may live in the network."""
    no_reply: float | None = None
    """How long a trunk may leave an INVITE without any reply until the call counts as failed; ``None``: timer B."""

    @property
    def patience(self) -> float:
        """64*T1, the value of timers B, F, H, L and M: 32 s by default."""
        return 64 * self.t1


# Section 17.1.1.2: timer D is "at least 32 seconds" on unreliable transports, whatever T1 is; T1 scales it in tests.
WAIT_D: Final = 64
# Section 17.2.1: a 100 is due unless something else is said within 200 ms.
TRYING_AFTER: Final = 0.2


class Timer(Enum):
    """The timers of table 4 (RFC 3261) and of RFC 6026, by their letters; ``TRYING``: section 17.2.1."""

    A = "INVITE request retransmit"
    B = "INVITE transaction timeout"
    D = "wait for response retransmits, INVITE client"
    E = "non-INVITE request retransmit"
    F = "non-INVITE transaction timeout"
    G = "INVITE response retransmit"
    H = "wait for the ACK"
    I = "wait for ACK retransmits"  # noqa: E741 (the RFC's letter)
    J = "wait for request retransmits, non-INVITE server"
    K = "wait for response retransmits, non-INVITE client"
    L = "wait for request retransmits after a 2xx"
    M = "wait for 2xx retransmits and forks"
    TRYING = "100 due"


class Failure(Enum):
    """Why a transaction got no final response."""

    TIMEOUT = "timeout"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class Send:
    """Put this on the wire."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand this response to the transaction user."""

    response: Response


@dataclass(frozen=True, slots=True)
class Start:
    """(Re)start a timer."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a timer."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell the transaction user that there will be no final response, or that nobody acknowledged ours."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class End:
    """The transaction is over: stop its timers and forget it."""


Command = Send | Deliver | Start | Stop | Fail | End
Commands = Sequence[Command]
