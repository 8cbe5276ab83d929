"""What the dialer needs from the world: a store, an engine, a clock. Adapters implement these and nothing more.

Shapes that cross a port are frozen dataclasses; times are aware UTC datetimes, durations are seconds as float.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from calldron.domain.events import LegEvent, Role
from calldron.domain.outcome import Ending, Fault, Outcome, Result
from calldron.domain.plan import Plan
from calldron.domain.schedule import Window


@dataclass(frozen=True, slots=True)
class Trunk:
    """A SIP trunk as the engine needs it. ``password`` never reaches a log: ``repr`` leaves it out."""

    id: int
    name: str
    host: str
    port: int
    transport: str = "udp"  # "udp" or "tcp"
    username: str = ""
    password: str = field(default="", repr=False)
    caller_id: str = ""
    cps: float = 0.0  # calls a second, 0: no limit
    channels: int = 0  # legs at once, 0: no limit


# ---------------------------------------------------------------- engine


def _always() -> bool:
    return True


async def _at_once() -> None:
    pass


@dataclass(frozen=True, slots=True)
class DialRequest:
    """A leg to be called. ``recording`` is the folder of the call's tracks, ``None`` where nothing is recorded.

    ``turn`` is awaited once, when all else is ready for the INVITE: it returns when the rates let it leave.
    ``may_leave`` is asked at the very moment when an INVITE of the leg would leave, the one that answers a challenge
    included: time may have passed since the dial, a frozen process notices none of it. Where it says no, nothing is
    sent and the leg ends by ``EndedBy.LOCAL``."""

    leg_id: str
    role: Role
    number: str  # E.164 with "+", or a SIP URI
    caller_id: str
    trunk: Trunk
    ring_timeout: float
    recording: Path | None = None
    turn: Callable[[], Awaitable[None]] = _at_once
    may_leave: Callable[[], bool] = _always


class Leg(Protocol):
    """One call leg, from ``Engine.dial`` to its ``Ended``. Every method may be called at any time and then does
    nothing where it no longer applies; none of them blocks."""

    async def departed(self) -> None:
        """Return once the INVITE has left, or never will."""

    def play(self, prompt: str, *, loop: bool = False) -> None:
        """Play a prompt loaded before, replacing what plays now; emits ``Played`` at its end, never where it loops."""

    def stop_playing(self) -> None:
        """Stop the prompt at once; the leg then sends silence."""

    def listen(self, seconds: float, silence: float) -> None:
        """Measure voice until ``seconds`` passed or ``silence`` seconds had none; emits ``Heard``, also (before
        ``Ended``) where the leg ends meanwhile."""

    def hangup(self) -> None:
        """CANCEL or BYE; ``Ended`` follows, with ``EndedBy.LOCAL``. Repeats are harmless."""


class Engine(Protocol):
    """Places calls. ``emit`` is called on the event loop, in the order in which things happened to the leg."""

    async def start(self) -> None:
        """Open sockets and processes. Raises ``EngineUnavailable`` with the reason in words."""

    async def stop(self) -> None:
        """Hang up what is left, wait until it is over, release everything."""

    async def load_prompt(self, prompt: str, pcm: bytes) -> None:
        """Make a prompt known under its name. ``pcm``: 8 kHz mono signed 16-bit little-endian. Idempotent."""

    def knows_prompt(self, prompt: str) -> bool:
        """Whether ``load_prompt`` was called for this name and its data is still held."""

    def dial(self, request: DialRequest, emit: Callable[[LegEvent], None]) -> Leg:
        """Send an INVITE. Never raises: what goes wrong is an ``Ended``. Emits nothing before it returns."""

    def bridge(self, one: Leg, other: Leg) -> None:
        """Let two answered legs hear each other until either ends; prompts on them stop."""

    async def render(self, tracks: Path, target: Path) -> float | None:
        """Mix the tracks left in a folder to one mp3 (written whole, then renamed); its length in seconds, ``None``
        where nothing was recorded. Works on the leavings of a dead process too."""


# ---------------------------------------------------------------- store


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt whose intent is committed: its call is ours until the lease ends. The first leg's intent
    (``first``: the client's for batch and instant, the operator's for callback) is committed with it, so its INVITE
    may go at once; every further dial goes through ``Store.intend``. ``window``: when the client may be called, looked
    at once more as his INVITE leaves; ``None``: always. ``wait``: seconds from when the claim was asked for to the
    moment for which the rates counted the INVITE."""

    attempt_id: int
    call_id: int
    batch_id: int
    account_id: int
    lease: int  # fencing token: writes under another token change nothing
    leg_id: int
    first: Role
    number: str  # the client's
    operator: str  # "" where no operator is set
    caller_id: str
    trunk: Trunk
    ring_timeout: float
    record: bool
    sound_id: int | None  # the intro
    plan: Plan
    batch_cps: float = 0.0  # calls a second of its batch and of its account beside the trunk's, 0: no limit
    account_cps: float = 0.0
    window: Window | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class LegIntent:
    """A further dial within an attempt, to be committed before its INVITE leaves."""

    attempt_id: int
    lease: int
    role: Role
    number: str
    trunk_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Permit:
    """A further dial that is committed. ``wait``: seconds from when the store was asked until the rates have room for
    its INVITE; the next calls make room for it, so that an operator comes before them and no limit is broken.
    ``window``: as a claim's."""

    leg_id: int
    wait: float = 0.0
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class NotNow:
    """A further dial that may go out later: its window is closed, the number's quota is used up, or its batch is
    paused and nobody is on the line who waits for it."""


@dataclass(frozen=True, slots=True)
class Late:
    """An INVITE that missed the moment for which it was counted (an intro that was not there, a busy machine). At
    ``at`` it could leave."""

    attempt_id: int
    lease: int
    role: Role
    at: datetime


@dataclass(frozen=True, slots=True)
class LegProgress:
    """What became of a leg; fields that are ``None`` are left as they are. ``outcome`` set: the leg is over; the store
    tells from ``ending`` how the trunk does."""

    leg_id: int
    attempt_id: int
    lease: int
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None
    outcome: Outcome | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended. ``talk``: seconds the client's leg was answered. ``digits``: keys the client pressed.
    ``refused``: no INVITE of it left, or a trunk refused each that did before it reached a callee's side: the call goes
    back to the queue without losing an attempt."""

    attempt_id: int
    lease: int
    at: datetime
    outcome: Outcome
    result: Result | None
    fault: Fault
    sip_code: int | None
    digits: str
    talk: float
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """An attempt's finished recording; ``path`` is relative to the recordings folder."""

    attempt_id: int
    path: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An attempt whose owner took the call back. ``gently``: the batch was stopped, who talks may finish."""

    attempt_id: int
    gently: bool


@dataclass(frozen=True, slots=True)
class Orphan:
    """An attempt whose node died; its call is ``unknown`` now and its tracks may still be made a recording."""

    attempt_id: int
    call_id: int
    batch_id: int
    account_id: int


class Store(Protocol):
    """Where calls and attempts live. Every method is one transaction, durable when it returns."""

    async def claim(self, now: datetime, lease_until: datetime, room: int) -> list[Claim]:
        """Take up to ``room`` calls that may go out at ``now`` (spec: "When a call may go out") and commit the intent
        to dial each: a call is handed out at most once a try, in fair turns between batches of one priority, instant
        and callback ahead of batch."""

    async def next_due(self, now: datetime) -> datetime | None:
        """When a call that waits for time alone (a retry, a window) may next go out; ``None`` where none does."""

    async def intend(self, intents: Sequence[LegIntent]) -> list[Permit | NotNow | None]:
        """Commit further dials, in order; ``None`` where one may not go out: the lease is lost, the call withdrawn, the
        number on the stop list or already dialled as often as ``attempts`` says."""

    async def recount(self, late: Sequence[Late]) -> list[float | NotNow | None]:
        """Look again at INVITEs that have not left, and count them once more in their rates, after those that were
        counted meanwhile: the seconds that each has to wait from when this was asked, or why it may not go out, as
        ``intend`` says it. Not looked at: window and quota, for which it was counted when it was committed."""

    async def progress(self, steps: Sequence[LegProgress]) -> None:
        """Note what became of legs. Steps under a lost lease change nothing."""

    async def finish(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """End attempts; the call becomes final or is queued for its next try. ``False`` where the lease was lost."""

    async def attach_recordings(self, finished: Sequence[Recording]) -> list[bool]:
        """Note finished recordings. ``False`` where a batch was deleted meanwhile: nothing names the recording then."""

    async def renew(self, held: Sequence[int], lease_until: datetime) -> list[int]:
        """Prolong the leases of the attempts this node holds, and say that the node is alive; those of ``held`` that
        are not its own any more (it was frozen for longer than its leases, and somebody ended them)."""

    async def rescue(self, now: datetime) -> list[Orphan]:
        """End as ``unknown`` the attempts of any node whose lease is over."""

    async def unrecorded(self, attempts: Sequence[int]) -> list[Orphan]:
        """Those of these attempts that are over, were answered and have no recording yet."""

    async def withdrawn(self) -> list[Withdrawal]:
        """Attempts of this node whose call or batch was cancelled, stopped or deleted since they were claimed."""

    async def expunge(self) -> list[str]:
        """Remove batches marked for deletion that have no attempt left; the recordings to unlink, relative paths."""

    async def sound(self, sound_id: int) -> bytes:
        """An intro: 8 kHz mono signed 16-bit little-endian."""

    async def wait_for_change(self, timeout: float) -> bool:
        """Wait until somebody else committed something, at most ``timeout`` seconds; whether somebody did."""


# ---------------------------------------------------------------- clock


class Clock(Protocol):
    """Time, injected: tests turn it by hand."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC: for what is stored and for windows."""

    def monotonic(self) -> float:
        """Seconds that never go back: for pacing and timers."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long by the monotonic clock."""
