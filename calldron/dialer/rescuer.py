"""Leases: keeps this node's own, ends those of nodes that fell silent."""

from datetime import timedelta

import structlog

from calldron.dialer.ports import Clock, Store
from calldron.dialer.recordings import Recordings
from calldron.dialer.scheduler import Scheduler
from calldron.dialer.tenure import Tenure
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_PAUSE = 1.0


class Rescuer:
    """``lease``: how long an attempt stays its node's without being renewed.

    Only who was in touch with the store for a whole lease without a break ends leases of others: a store that was away
    let everybody's end, and a node that was frozen comes back to a time in which it knows of nobody. So whoever lives
    has had the time to renew.
    """

    def __init__(
        self, store: Store, scheduler: Scheduler, recordings: Recordings, clock: Clock, lease: timedelta
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._recordings = recordings
        self._clock = clock
        self._lease = lease
        self._touch: Tenure | None = None  # the last renewal
        self._since = 0.0  # monotonic: in touch without a break
        self._unmixed = True  # tracks of dead processes may be there

    async def run(self) -> None:
        """Renew and rescue at a third of the lease, until cancelled; make recordings of what the dead left."""
        while True:
            pause = self._lease.total_seconds() / 3
            try:
                await self._renew()
                if self._knows_the_living():
                    await self._rescue()
                if self._unmixed:
                    await self._recordings.recover(self._scheduler.held)
                    self._unmixed = False
            except StoreUnavailable as error:
                log.warning("store away, leases are not renewed", error=str(error))
                self._touch = None
                pause = min(pause, RETRY_PAUSE)
            await self._clock.sleep(pause)

    def _in_touch(self) -> bool:
        return self._touch is not None and self._touch.lasts(self._clock)

    def _knows_the_living(self) -> bool:
        return self._in_touch() and self._clock.monotonic() - self._since >= self._lease.total_seconds()

    async def _renew(self) -> None:
        if not self._in_touch():
            self._since = self._clock.monotonic()
        tenure = Tenure.beginning(self._clock, self._lease)
        held = self._scheduler.held
        lost = await self._store.renew(held, tenure.until)
        self._touch = tenure
        self._scheduler.disown(lost)
        self._scheduler.renewed(set(held).difference(lost), tenure)

    async def _rescue(self) -> None:
        orphans = await self._store.rescue(self._clock.now())
        if orphans:
            log.warning("calls of a dead node are unknown now", calls=[one.call_id for one in orphans])
            self._unmixed = True
