"""How often a number may be dialled in a day, a week and a month of the calendar, over all batches of an account."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Quota:
    """At most so many dials; 0 is no limit. Days begin at midnight in ``zone``, weeks on Monday, months on the 1st.
    Every method takes aware times and gives UTC."""

    zone: ZoneInfo
    day: int = 0
    week: int = 0
    month: int = 0

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.day or self.week or self.month)

    def since(self, now: datetime) -> datetime:
        """Dials before this moment count no more."""
        return min((start for _, start, _ in self._periods(now)), default=now.astimezone(UTC))

    def free_at(self, dials: Sequence[datetime], now: datetime) -> datetime:
        """``now`` where the number may be dialled again, else when it may be."""
        ends = [end for limit, start, end in self._periods(now) if sum(1 for dial in dials if start <= dial) >= limit]
        return max(ends, default=now.astimezone(UTC))

    def _periods(self, now: datetime) -> Iterator[tuple[int, datetime, datetime]]:
        """Limit, beginning and end of each period that has a limit."""
        today = now.astimezone(self.zone).date()
        monday = today - timedelta(days=today.weekday())
        first = today.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        for limit, start, end in (
            (self.day, today, today + timedelta(days=1)),
            (self.week, monday, monday + timedelta(days=7)),
            (self.month, first, following),
        ):
            if limit:
                yield limit, self._midnight(start), self._midnight(end)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
