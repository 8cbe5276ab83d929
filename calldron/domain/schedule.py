"""The hours in which a batch may dial, by the wall clock of its zone.

Clocks jump: where an edge of the window falls into a gap, the jump itself opens or closes the window; where an hour
comes twice, both passes count. A zone's offset is a step function of time without a list of its steps, so the search
walks from one point of interest to the next: the wall-clock edge, or a change of the offset before it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTES_A_DAY = 24 * 60
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """Open from ``minute_from`` until just before ``minute_to``, minutes of the day (0 to 1439) in ``zone``.

    From later than to crosses midnight. Equal edges mean the whole day. An edge that is ``None`` is midnight, so that
    without both the window never closes. Every method takes aware times and gives UTC.
    """

    zone: ZoneInfo
    minute_from: int | None
    minute_to: int | None

    def __post_init__(self) -> None:
        for edge in (self.minute_from, self.minute_to):
            if edge is not None and not 0 <= edge < _MINUTES_A_DAY:
                raise ValueError(f"A minute of the day is 0 to 1439, not {edge}.")

    @property
    def always_open(self) -> bool:
        """Whether no time is outside the window."""
        return self._opening == self._closing

    def is_open(self, now: datetime) -> bool:
        """Whether a call may go out at ``now``."""
        if self.always_open:
            return True
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self._opening < self._closing:
            return self._opening <= minute < self._closing
        return minute >= self._opening or minute < self._closing

    def opens_at(self, now: datetime) -> datetime:
        """``now`` while the window is open, else the moment it opens next."""
        moment = now.astimezone(UTC)
        while not self.is_open(moment):
            moment = self._next_point(moment, self._opening)
        return moment

    def closes_at(self, now: datetime) -> datetime | None:
        """``now`` while the window is closed, else the moment it closes next; ``None`` where it never does."""
        if self.always_open:
            return None
        moment = now.astimezone(UTC)
        while self.is_open(moment):
            moment = self._next_point(moment, self._closing)
        return moment

    @property
    def _opening(self) -> int:
        return self.minute_from or 0

    @property
    def _closing(self) -> int:
        return self.minute_to or 0

    def _next_point(self, moment: datetime, edge: int) -> datetime:
        """The next time the wall clock shows ``edge``, or the offset's next change where that comes first."""
        local = moment.astimezone(self.zone)
        shown = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        wait = (edge * 60 - shown.seconds) % _SECONDS_A_DAY or _SECONDS_A_DAY
        start = moment.replace(microsecond=0)  # offsets and their changes are whole seconds
        target = start + timedelta(seconds=wait)
        if self._offset(target) == self._offset(start):
            return target
        return self._offset_change(start, target)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()

    def _offset_change(self, before: datetime, after: datetime) -> datetime:
        """The first second of the offset that rules at ``after`` and not yet at ``before``."""
        offset = self._offset(before)
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if self._offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after
