"""The hours in which a batch may dial, by the wall clock of its zone and the days of its calendar.

Clocks jump: where an edge of the window falls into a gap, the jump itself opens or closes the window; where an hour
comes twice, both passes count. A zone's offset is a step function of time without a list of its steps, so the search
walks from one point of interest to the next: the wall-clock edge, midnight, or a change of the offset before it.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from calldron.domain.calendar import ALL_DAYS_ALIKE, Calendar, Hours

HORIZON = timedelta(days=400)  # a year with its holidays: what lies beyond is looked for no further

_MIDNIGHT = 24 * 60  # minutes of the day
_A_DAY = timedelta(days=1)
_A_SECOND = timedelta(seconds=1)


class _Span(NamedTuple):
    """What a day opens, in minutes of its own, and how many minutes of the next day belong to it."""

    opening: int
    closing: int
    tail: int


_CLOSED = _Span(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Window:
    """Open from ``minute_from`` until just before ``minute_to``, minutes of the day (0 to 1439) in ``zone``, on every
    day to which ``calendar`` gives no other hours.

    From later than to crosses midnight. Equal edges mean the whole day. An edge that is ``None`` is midnight, so that
    without both the window never closes. Every method takes aware times and gives UTC.
    """

    zone: ZoneInfo
    minute_from: int | None
    minute_to: int | None
    calendar: Calendar = ALL_DAYS_ALIKE
    _week: tuple[_Span, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        usual = Hours(self.minute_from or 0, self.minute_to or 0)
        object.__setattr__(self, "_week", tuple(_span(hours, usual) for hours in self.calendar.week))

    @property
    def always_open(self) -> bool:
        """Whether no time is outside the window."""
        return self.calendar.holidays is None and all(span == (0, _MIDNIGHT, 0) for span in self._week)

    def is_open(self, now: datetime) -> bool:
        """Whether a call may go out at ``now``."""
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today = local.date()
        opening, closing, _ = self._of(today)
        return opening <= minute < closing or minute < self._of(today - _A_DAY).tail

    def opens_at(self, now: datetime) -> datetime | None:
        """``now`` while the window is open, else the moment it opens next; ``None`` where that is beyond ``HORIZON``
        or never."""
        return self._next(now, open_then=True)

    def closes_at(self, now: datetime) -> datetime | None:
        """``now`` while the window is closed, else the moment it closes next; ``None`` where that is beyond
        ``HORIZON`` or never."""
        return None if self.always_open else self._next(now, open_then=False)

    def _of(self, day: date) -> _Span:
        holidays = self.calendar.holidays
        return _CLOSED if holidays is not None and day in holidays else self._week[day.weekday()]

    def _next(self, now: datetime, *, open_then: bool) -> datetime | None:
        moment = now.astimezone(UTC)
        end = moment + HORIZON
        while self.is_open(moment) is not open_then:
            moment = self._next_point(moment)
            if moment > end:
                return None
        return moment

    def _next_point(self, moment: datetime) -> datetime:
        """The next time the wall clock shows midnight or an edge of the day, or the offset's next change where that
        comes first."""
        local = moment.astimezone(self.zone)
        today = local.date()
        minute = local.hour * 60 + local.minute
        opening, closing, _ = self._of(today)
        edges = (opening, closing, self._of(today - _A_DAY).tail)
        edge = min((edge for edge in edges if edge > minute), default=_MIDNIGHT)
        start = moment.replace(microsecond=0)  # offsets and their changes are whole seconds
        target = start + timedelta(minutes=edge - minute, seconds=-local.second)
        if self._offset(target) == self._offset(start):
            return target
        return self._offset_change(start, target)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()

    def _offset_change(self, before: datetime, after: datetime) -> datetime:
        """The first second of the offset that rules at ``after`` and not yet at ``before``."""
        offset = self._offset(before)
        while after - before > _A_SECOND:
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if self._offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after


def _span(hours: Hours | bool, usual: Hours) -> _Span:
    if hours is False:
        return _CLOSED
    if hours is True:
        hours = usual
    if hours.whole_day:
        return _Span(0, _MIDNIGHT, 0)
    if hours.minute_from < hours.minute_to:
        return _Span(hours.minute_from, hours.minute_to, 0)
    return _Span(hours.minute_from, _MIDNIGHT, hours.minute_to)
