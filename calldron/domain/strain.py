"""How a trunk that refuses calls is slowed, and how it recovers by itself.

Each level halves its rate; a refusal raises the level, a call that it carried lowers it. Refusals that come together
have one cause and count once, and a call that left before the last refusal says nothing of what the trunk carries now.
At its slowest a trunk is still tried now and then, so that nobody has to wake it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calldron.domain.pacing import Gcra

USUAL_RATE = 10.0  # calls a second from which a trunk without a limit is slowed
SLOWEST = 1 / 30  # calls a second, where its own limit is not below
HIGHEST = 10
LONGEST_WAIT = timedelta(seconds=300)  # a trunk that asks for more (Retry-After) is looked at sooner all the same


@dataclass(frozen=True, slots=True)
class Strain:
    """``level`` 0: not slowed. ``changed_at``: when a refusal raised it last. ``until``: no call before (RFC 3261
    section 20.33, Retry-After)."""

    level: int = 0
    changed_at: datetime | None = None
    until: datetime | None = None

    def pace(self, cps: float) -> Gcra:
        """How fast calls may leave over a trunk whose own limit is ``cps`` (0: none)."""
        if not self.level:
            return Gcra.never_above(cps)
        return Gcra(self._rate(cps))

    def at(self, now: datetime) -> "Strain":
        """Without a wait that is over, or one that a clock set back has made too long."""
        return self if self._waits(now) or self.until is None else replace(self, until=None)

    def refused(self, now: datetime, cps: float, retry_after: float | None = None) -> "Strain":
        """The trunk answered 503 or 403, or nothing."""
        until = self.at(now).until
        if retry_after and retry_after > 0:
            asked = now + timedelta(seconds=min(retry_after, LONGEST_WAIT.total_seconds()))
            until = max(asked, until or asked)
        if self.level and self.changed_at is not None and abs(now - self.changed_at) < self._between(cps):
            return replace(self, until=until)
        return Strain(min(self.level + 1, HIGHEST), now, until)

    def carried(self, now: datetime, left: datetime) -> "Strain":
        """The callee's side was reached over the trunk by a call whose INVITE left at ``left``."""
        current = self.at(now)
        if self.changed_at is not None and left < self.changed_at <= now:
            return current
        return replace(current, level=max(0, self.level - 1))

    def _waits(self, now: datetime) -> bool:
        return self.until is not None and now < self.until <= now + LONGEST_WAIT

    def _rate(self, cps: float) -> float:
        usual = cps or USUAL_RATE
        return min(usual, max(SLOWEST, usual / float(2**self.level)))

    def _between(self, cps: float) -> timedelta:
        """Refusals at a shorter distance were already on their way when the level rose."""
        return timedelta(seconds=max(0.5, 1 / self._rate(cps)))
