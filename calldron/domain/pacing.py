"""How many calls may leave by now: the generic cell rate algorithm (ITU-T I.371, in its virtual scheduling form).

All of its state is one number, the theoretical arrival time of the next call, so that many nodes can share it in a row.
"""

import math
from dataclasses import dataclass

LEEWAY = 0.03
"""Seconds after its moment within which a call that was counted leaves; one that is later has to be counted again."""

_FORGOTTEN = 60.0  # seconds, and what a burst takes: a state further ahead comes from a clock that was set back
_SLACK = 1e-6  # seconds: what a float of today's Unix time may have lost, which must not cost a call


@dataclass(frozen=True, slots=True)
class Gcra:
    """``rate`` calls a second, and ``burst`` of them at once after a pause. A ``rate`` of 0 is no limit.

    Times are seconds since any fixed moment. In ``t`` seconds no more than ``burst + rate * t`` calls leave.
    """

    rate: float
    burst: int = 1

    @classmethod
    def never_above(cls, calls_a_second: float) -> "Gcra":
        """Bound every second, whichever moment it starts at, by ``calls_a_second``; 0: no limit.

        A twentieth of them may leave at once, so that one transaction can claim several, and each within ``LEEWAY``
        of its moment; the rate makes up for both.
        """
        burst = max(1, int(calls_a_second / 20))
        return cls(max(0.0, calls_a_second - (burst - 1)) / (1 + LEEWAY), burst)

    def ready(self, tat: float, now: float) -> int | None:
        """How many calls may leave at ``now``; ``None``: any number."""
        if not self.rate:
            return None
        ahead = self._known(tat, now) - now
        return max(0, min(self.burst, self.burst + math.floor((_SLACK - ahead) * self.rate)))

    def spent(self, tat: float, now: float, calls: int) -> float:
        """The state after ``calls`` left at ``now``, also where they had to (an operator for who confirmed). No more
        than a minute is owed, or what a burst takes at a slower pace."""
        if not self.rate:
            return tat
        owed = max(self._known(tat, now), now) + calls / self.rate
        return min(owed, now + max(_FORGOTTEN, self.burst / self.rate))

    def ready_at(self, tat: float, now: float) -> float:
        """The moment from which one call may leave."""
        if not self.rate:
            return now
        return max(now, self._known(tat, now) - (self.burst - 1) / self.rate)

    def _known(self, tat: float, now: float) -> float:
        return tat if tat - now <= _FORGOTTEN + self.burst / self.rate else now
