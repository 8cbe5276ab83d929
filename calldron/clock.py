"""The machine's own time, for the dialer's ``Clock`` port."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Wall clock and monotonic clock of this machine."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait by the event loop's clock, which is monotonic."""
        await asyncio.sleep(seconds)
