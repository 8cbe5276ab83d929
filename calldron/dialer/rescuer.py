"""Leases: keeps this node's own, ends those of nodes that fell silent."""

from datetime import timedelta

import structlog

from calldron.dialer.ports import Clock, Store
from calldron.dialer.recordings import Recordings
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class Rescuer:
    """``lease``: how long an attempt stays its node's without being renewed."""

    def __init__(self, store: Store, recordings: Recordings, clock: Clock, lease: timedelta) -> None:
        self._store = store
        self._recordings = recordings
        self._clock = clock
        self._lease = lease

    async def run(self) -> None:
        """Renew and rescue at a third of the lease, until cancelled."""
        while True:
            try:
                now = self._clock.now()
                await self._store.renew([], now + self._lease)
                orphans = await self._store.rescue(now)
                if orphans:
                    log.warning("calls of a dead node are unknown now", calls=[one.call_id for one in orphans])
                    await self._recordings.recover()
            except StoreUnavailable as error:
                log.warning("store away, leases are not renewed", error=str(error))
            await self._clock.sleep(self._lease.total_seconds() / 3)
