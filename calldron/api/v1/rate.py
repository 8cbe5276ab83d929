"""How often an account may ask: the generic cell rate algorithm (GCRA) with a minute's tolerance, kept in the memory of
each web process. It protects the server from a runaway client; what goes out by telephone is limited elsewhere."""

import math
from threading import Lock

TOLERANCE = 60.0  # seconds: a minute's requests may come at once


class RateLimit:
    """``rate`` requests a second an account, on the average of a minute; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._free_at: dict[int, float] = {}  # theoretical arrival time by account, seconds of the monotonic clock
        self._lock = Lock()

    def wait(self, account_id: int, now: float) -> int:
        """Take one request at ``now``: 0 where it may go on, else after how many whole seconds one may."""
        with self._lock:
            free_at = max(self._free_at.get(account_id, now), now)
            excess = free_at + self._interval - now - max(TOLERANCE, self._interval)
            if excess > 0:
                return math.ceil(excess)
            self._free_at[account_id] = free_at + self._interval
            if len(self._free_at) > 10_000:
                self._free_at = {key: at for key, at in self._free_at.items() if at > now}
            return 0
