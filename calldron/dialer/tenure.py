"""How long an attempt is surely ours: what a process that was frozen has to look at before it acts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.dialer.ports import Clock

MARGIN = 0.2  # of the lease: clocks differ, and an INVITE takes its time


@dataclass(frozen=True, slots=True)
class Tenure:
    """A claim or a renewal, as of the moment *before* the store was asked for it: however late the answer is read, the
    lease in the store ends no earlier than ``until``. ``began``: that moment, monotonic."""

    until: datetime
    began: float
    _trusted_until: datetime
    _deadline: float  # the same by the monotonic clock

    @classmethod
    def beginning(cls, clock: Clock, lease: timedelta) -> "Tenure":
        """A lease of this length, asked for now."""
        trusted = lease * (1 - MARGIN)
        now, began = clock.now(), clock.monotonic()
        return cls(now + lease, began, now + trusted, began + trusted.total_seconds())

    def lasts(self, clock: Clock) -> bool:
        """Whether nobody can have ended the lease yet. Both clocks are asked: the wall clock may be set back, and the
        monotonic one stands still while the machine is suspended."""
        return clock.now() < self._trusted_until and clock.monotonic() < self._deadline
