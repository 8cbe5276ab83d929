"""The rules that can hold a call, by the codes under which they are told (spec: "When a call may go out")."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rule(StrEnum):
    """In the order in which they are looked at: the first that holds is the one that is told."""

    FINAL = "final"  # nothing follows
    IN_PROGRESS = "in_progress"  # it is up now
    BATCH_FRESH = "batch_fresh"
    BATCH_PAUSED = "batch_paused"
    BATCH_STOPPED = "batch_stopped"
    STOP_LIST = "stop_list"
    ATTEMPTS = "attempts"
    NO_DIALER = "no_dialer"  # no dialer process is alive
    RETRY_DELAY = "retry_delay"  # its next attempt is not due yet
    WINDOW = "window"  # hours, weekday or holiday
    QUOTA = "quota"  # the number was dialled often enough this day, week or month
    NO_TRUNK = "no_trunk"
    TRUNK_SLOWED = "trunk_slowed"  # it refused calls of late
    TRUNK_RATE = "trunk_rate"
    TRUNK_CHANNELS = "trunk_channels"
    BATCH_RATE = "batch_rate"
    BATCH_CHANNELS = "batch_channels"
    ACCOUNT_RATE = "account_rate"
    ACCOUNT_CHANNELS = "account_channels"
    TURN = "turn"  # nothing holds it: others are before it


@dataclass(frozen=True, slots=True)
class Hold:
    """A rule that holds a call. ``until``: when time alone lets it go, ``None`` where something else has to happen."""

    rule: Rule
    until: datetime | None = None
