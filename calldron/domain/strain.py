"""How a trunk that refuses calls is slowed, and how it recovers by itself.

Each level halves its rate; a refusal raises the level, a call that it carried lowers it. Refusals that come together
have one cause and count once. At its slowest a trunk is still tried now and then, so that nobody has to wake it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.domain.pacing import Gcra

USUAL_RATE = 10.0  # calls a second from which a trunk without a limit is slowed
SLOWEST = 1 / 30  # calls a second
HIGHEST = 10
LONGEST_WAIT = 300.0  # seconds: a trunk that asks for more (Retry-After) is looked at sooner all the same


@dataclass(frozen=True, slots=True)
class Strain:
    """``level`` 0: not slowed. ``changed_at``: when the level changed last. ``until``: no call before (RFC 3261
    section 20.33, Retry-After)."""

    level: int = 0
    changed_at: datetime | None = None
    until: datetime | None = None

    def pace(self, cps: float) -> Gcra:
        """How fast calls may leave over a trunk whose own limit is ``cps`` (0: none)."""
        if not self.level:
            return Gcra.never_above(cps)
        return Gcra(self._rate(cps))

    def refused(self, now: datetime, cps: float, retry_after: float | None = None) -> "Strain":
        """The trunk answered 503 or 403, or nothing."""
        until = self.until
        if retry_after:
            until = now + timedelta(seconds=min(retry_after, LONGEST_WAIT))
        if self.changed_at is not None and self.level and now < self.changed_at + self._between(cps):
            return Strain(self.level, self.changed_at, until)
        return Strain(min(self.level + 1, HIGHEST), now, until)

    def carried(self, now: datetime) -> "Strain":
        """The callee's side was reached over the trunk."""
        return Strain(max(0, self.level - 1), now, None) if self.level or self.until else self

    def _rate(self, cps: float) -> float:
        return max(SLOWEST, (cps or USUAL_RATE) / float(2**self.level))

    def _between(self, cps: float) -> timedelta:
        """Calls that left before the level rose tell nothing of the new one."""
        return timedelta(seconds=max(0.5, 1 / self._rate(cps)))
