"""The dialer's ``Store`` on the database of the installation."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from calldron.dialer.ports import (
    AttemptEnd,
    Claim,
    Late,
    LegIntent,
    LegProgress,
    NotNow,
    Orphan,
    Permit,
    Recording,
    Withdrawal,
)
from calldron.domain.errors import StoreUnavailable
from calldron.store import claim, clock_jumps, expunge, leases, progress, recordings, shared_clock
from calldron.store.changes import changes_of
from calldron.store.claim import Taken
from calldron.store.intents import intend, recount
from calldron.store.lines import Passed
from calldron.store.session import Session
from calldron.store.shared_clock import Monotonic, Reading
from calldron.store.thread import DatabaseThread


class SqlStore:
    """``node`` names this run of this process and no other: leases are prolonged by it. ``lease``: for how long.
    ``database``: Django's alias.

    Every method raises ``StoreUnavailable`` where the database is locked or away; it may be repeated then.
    """

    def __init__(
        self,
        node: str,
        *,
        lease: timedelta = timedelta(seconds=30),
        database: str = "default",
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._node = node
        self._monotonic = monotonic
        self._lease = lease
        self._thread = DatabaseThread(database)
        self._changes = changes_of(database, self._thread)
        self._latest = datetime.max.replace(tzinfo=UTC)  # the last claim's time; before the first any clock went back
        self._wants = 0  # channels that the call at the head of the queue waits for
        # Of a claim whose commit was not confirmed: it may have been written, and nobody will dial them.
        self._unsure: list[Claim] = []

    async def open(self) -> None:
        """Connect. Raises ``StoreUnavailable``."""
        await self._thread.ask(lambda connection: connection.ensure_connection())
        await self._changes.wait(0)

    async def close(self) -> None:
        """Write what was handed in, say that the node is gone, and disconnect."""
        with suppress(StoreUnavailable):  # the node is forgotten by its age, then
            await self._thread.write(partial(leases.leave, node=self._node))
        await self._changes.close()
        await self._thread.close()

    async def time(self, monotonic: Monotonic) -> Reading:
        """What the clock of the database shows, and when by this clock."""
        return await self._thread.read(partial(shared_clock.read, monotonic=monotonic))

    async def claim(self, now: datetime, lease_until: datetime, room: int) -> list[Claim]:
        """See ``Store``. Cancelling it is safe: calls that nobody will dial are given back."""
        await self._give_back(now)
        if now < self._latest - clock_jumps.NOTICED:  # by itself: it holds batches, and trunks come first in a claim
            await self._thread.write(partial(clock_jumps.put_right, now=now))
            self._latest = now

        passed = self._since_now()

        def work(session: Session) -> Taken:
            taken = claim.claim(session, self._node, now, lease_until, room, passed=passed)
            self._unsure += taken.claims
            return taken

        taking = asyncio.ensure_future(self._thread.write(work))
        try:
            taken = await asyncio.shield(taking)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):  # then the next claim gives them back, or their leases end
                await taking
                await self._give_back(now)
            raise
        self._unsure = []
        self._latest = now
        self._wants = taken.wants
        return taken.claims

    def _since_now(self) -> Passed:
        began = self._monotonic()
        return lambda: self._monotonic() - began

    async def _give_back(self, now: datetime) -> None:
        """Release what a claim took whose answer nobody got."""
        if self._unsure:
            await self._thread.write(partial(_release_written, claims=self._unsure, now=now))
            self._unsure = []

    async def next_due(self, now: datetime) -> datetime | None:
        """See ``Store``; also when a trunk's rate lets the next call go."""
        return await self._thread.read(partial(claim.next_due, now=now, wants=self._wants))

    async def intend(self, intents: Sequence[LegIntent]) -> list[Permit | NotNow | None]:
        """See ``Store``. The client is not dialled outside the window either."""
        return await self._thread.write(partial(intend, intents=intents, passed=self._since_now()))

    async def recount(self, late: Sequence[Late]) -> list[float | NotNow | None]:
        """See ``Store``."""
        return await self._thread.write(partial(recount, late=late, passed=self._since_now()))

    async def progress(self, steps: Sequence[LegProgress]) -> None:
        """See ``Store``."""
        await self._thread.write(partial(progress.progress, steps=steps))

    async def finish(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """See ``Store``. An end that is written already is kept: it may be repeated."""
        return await self._thread.write(partial(progress.finish, ends=ends))

    async def attach_recordings(self, finished: Sequence[Recording]) -> list[bool]:
        """See ``Store``."""
        return await self._thread.write(partial(recordings.attach, recordings=finished))

    async def renew(self, held: Sequence[int], lease_until: datetime) -> list[int]:
        """See ``Store``."""
        work = partial(leases.renew, node=self._node, held=list(held), seen_at=lease_until - self._lease)
        return await self._thread.write(partial(work, lease_until=lease_until))

    async def rescue(self, now: datetime, *, alone: bool = False) -> list[Orphan]:
        """See ``Store``. ``alone``: whoever else held leases is known to be dead."""
        return await self._thread.write(partial(leases.rescue, now=now, alone=alone))

    async def bury(self, nodes: Sequence[str], now: datetime) -> list[Orphan]:
        """As ``rescue``, whatever their leases say: these nodes are known to be dead."""
        return await self._thread.write(partial(leases.bury, nodes=nodes, now=now))

    async def unrecorded(self, attempts: Sequence[int]) -> list[Orphan]:
        """See ``Store``."""
        return await self._thread.read(partial(leases.unrecorded, attempts=list(attempts)))

    async def withdrawn(self) -> list[Withdrawal]:
        """See ``Store``."""
        return await self._thread.read(partial(leases.withdrawn, node=self._node))

    async def expunge(self) -> list[str]:
        """See ``Store``. Gives recordings as soon as it has some, so that a crash leaves few of them behind; an empty
        list says that nothing is left to remove."""
        while True:
            paths, more = await self._thread.write(expunge.expunge)
            if paths or not more:
                return paths

    async def sound(self, sound_id: int) -> bytes:
        """See ``Store``. Raises ``LookupError`` where the intro is gone."""
        return await self._thread.read(partial(recordings.sound, sound_id=sound_id))

    async def wait_for_change(self, timeout: float) -> bool:
        """See ``Store``."""
        return await self._changes.wait(timeout)


def _release_written(session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """A transaction that was not committed left none of its attempts; their numbers may be others' now."""
    written = set(session.rows(_WRITTEN, [one.attempt_id for one in claims]))
    claim.release(session, [one for one in claims if (one.attempt_id, one.lease) in written], now)


_WRITTEN = "SELECT id, lease FROM store_attempt WHERE id IN %s AND ended_at IS NULL"
