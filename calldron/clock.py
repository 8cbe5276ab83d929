"""The machine's own time, for the dialer's ``Clock`` port."""

import asyncio
import time
from datetime import UTC, datetime

# Linux's CLOCK_MONOTONIC stands still while the machine is suspended, other systems' goes on.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Wall clock and monotonic clock of this machine."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back, those included in which the machine was suspended: leases end meanwhile too."""
        return time.clock_gettime(_SINCE_BOOT)

    async def sleep(self, seconds: float) -> None:
        """Wait by the event loop's clock, which is monotonic."""
        await asyncio.sleep(seconds)
