"""The life of a batch: its states, and which switch leads where.

fresh ── start ──> running <── resume ── paused
                     │  └──── pause ────────┘
                     └─ (every call final) ─> finished ── (calls added) ──> running
any but finished ── stop ──> stopped
"""

from enum import StrEnum

from calldron.domain.errors import IllegalTransition


class BatchType(StrEnum):
    BATCH = "batch"
    INSTANT = "instant"
    CALLBACK = "callback"


class Confirmation(StrEnum):
    DTMF = "dtmf"
    TIMEOUT = "timeout"


class BatchState(StrEnum):
    """``FRESH``: nothing dialled yet and not started."""

    FRESH = "fresh"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"


class Switch(StrEnum):
    """What an owner can do to a batch."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


_NEXT: dict[tuple[BatchState, Switch], BatchState] = {
    (BatchState.FRESH, Switch.START): BatchState.RUNNING,
    (BatchState.RUNNING, Switch.PAUSE): BatchState.PAUSED,
    (BatchState.PAUSED, Switch.RESUME): BatchState.RUNNING,
    (BatchState.FRESH, Switch.STOP): BatchState.STOPPED,
    (BatchState.RUNNING, Switch.STOP): BatchState.STOPPED,
    (BatchState.PAUSED, Switch.STOP): BatchState.STOPPED,
}

# Repeating a switch changes nothing.
_ALREADY: dict[Switch, BatchState] = {
    Switch.START: BatchState.RUNNING,
    Switch.PAUSE: BatchState.PAUSED,
    Switch.RESUME: BatchState.RUNNING,
    Switch.STOP: BatchState.STOPPED,
}


def switched(state: BatchState, switch: Switch) -> BatchState:
    """The state after ``switch``; the same state where it is a repeat. Raises ``IllegalTransition``."""
    if state is _ALREADY[switch]:
        return state
    following = _NEXT.get((state, switch))
    if following is None:
        raise IllegalTransition(f"A batch that is {state.value} can't {switch.value}.")
    return following


def ways(state: BatchState) -> list[Switch]:
    """The switches that lead from this state to another."""
    return [switch for switch in Switch if (state, switch) in _NEXT]


def with_calls_added(state: BatchState, *, autostart: bool) -> BatchState:
    """The state after calls were added. Raises ``IllegalTransition`` for a stopped batch, which takes none."""
    if state is BatchState.STOPPED:
        raise IllegalTransition("A batch that is stopped takes no more calls.")
    if autostart and state in (BatchState.FRESH, BatchState.FINISHED):
        return BatchState.RUNNING
    if state is BatchState.FINISHED:
        return BatchState.PAUSED  # it has been dialled, so it is not fresh; "resume" goes on with it
    return state
