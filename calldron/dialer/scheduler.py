"""What goes out now: claims calls while there is room and gives each its coroutine."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import structlog

from calldron.dialer.call import CallRun
from calldron.dialer.journal import Journal
from calldron.dialer.ports import Claim, Clock, Engine, Store
from calldron.dialer.prompts import Prompts
from calldron.dialer.recordings import Recordings, Take, recording_path
from calldron.dialer.spacing import Spacing
from calldron.dialer.tenure import Tenure
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

IDLE_LOOK = 5.0  # seconds: how long a wake-up that got lost can go unnoticed
# Where a call is due and can't be had, as one that another node is busy with, to ask at once is to ask all the time.
LEAST_PAUSE = 0.01
# Calls claimed whose INVITE has not left yet: should we die now, nobody could know that these never rang. As many as go
# out in the 150 ms that a claim and the way to its INVITE may take on a full machine, at 200 calls a second.
AT_THE_DOOR = 32


class Scheduler:
    """``max_calls``: calls up at once on this node. ``lease``: how long a claim holds without being renewed.
    ``apart``: seconds between two claims at least."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        journal: Journal,
        prompts: Prompts,
        recordings: Recordings,
        clock: Clock,
        *,
        max_calls: int,
        lease: timedelta,
        apart: float = 0.0,
    ) -> None:
        self._store = store
        self._engine = engine
        self._journal = journal
        self._prompts = prompts
        self._recordings = recordings
        self._clock = clock
        self._claims = Spacing(clock, apart)
        self._max_calls = max_calls
        self._lease = lease
        self._calls: dict[int, CallRun] = {}  # by attempt
        self._withdrawn: dict[int, bool] = {}  # as of the last look: attempts taken back, and whether gently
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_the_door = 0
        self._stopping = False
        self._look = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def calls_up(self) -> int:
        """Calls claimed and not ended."""
        return len(self._calls)

    @property
    def held(self) -> list[int]:
        """The attempts of these calls."""
        return list(self._calls)

    async def run(self) -> None:
        """Claim and dial until ``stop``; calls that are up go on then. Not to be cancelled: a claim that is under way
        may be committed, and its calls would belong to nobody."""
        while not self._stopping:
            await self._claims.turn()
            # Before the store is asked: who knows when its answer is read.
            tenure = Tenure.beginning(self._clock, self._lease)
            claims = await self._claim(tenure)
            for claim in claims:
                self._begin(claim, tenure)
            if not claims:
                await self._wait()

    def stop(self) -> None:
        """Claim no more."""
        self._stopping = True
        self._look.set()

    def look(self) -> None:
        """Something changed that may let calls go out."""
        self._look.set()

    async def withdraw(self) -> None:
        """Hang up what its owner took back; also of a claim that is under way and not known here yet."""
        self._withdrawn = {one.attempt_id: one.gently for one in await self._store.withdrawn()}
        for attempt, gently in self._withdrawn.items():
            if call := self._calls.get(attempt):
                call.withdraw(gently=gently)

    def renewed(self, attempts: Collection[int], tenure: Tenure) -> None:
        """These are ours for another lease."""
        for attempt in attempts:
            if call := self._calls.get(attempt):
                call.renewed(tenure)

    def disown(self, attempts: Collection[int]) -> None:
        """Hang up what is not ours any more; what these calls write changes nothing."""
        for attempt in attempts:
            if call := self._calls.get(attempt):
                log.warning("call is not ours any more, it is hung up", call=call.claim.call_id, attempt=attempt)
                call.hang_up()

    def hang_up(self) -> None:
        """The dialer stops: end every call."""
        for call in self._calls.values():
            call.hang_up()

    async def empty(self) -> None:
        """Wait until no call is up."""
        await self._empty.wait()

    async def _claim(self, tenure: Tenure) -> list[Claim]:
        self._look.clear()
        room = min(self._max_calls - len(self._calls), AT_THE_DOOR - self._at_the_door)
        if room <= 0:
            return []
        try:
            return await self._store.claim(self._clock.now(), tenure.until, room)
        except StoreUnavailable as error:
            log.warning("store away, nothing is dialled", error=str(error))
            return []

    async def _wait(self) -> None:
        """Until something changed, a call ended, or the next call is due."""
        pause = IDLE_LOOK
        if len(self._calls) < self._max_calls and self._at_the_door < AT_THE_DOOR:
            try:
                due = await self._store.next_due(self._clock.now())
            except StoreUnavailable:
                due = None
            if due is not None:
                pause = min(pause, max(LEAST_PAUSE, (due - self._clock.now()).total_seconds()))
        timer = asyncio.create_task(self._clock.sleep(pause))
        look = asyncio.create_task(self._look.wait())
        try:
            await asyncio.wait({timer, look}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            look.cancel()

    def _begin(self, claim: Claim, tenure: Tenure) -> None:
        tracks = self._recordings.tracks_of(claim.attempt_id)
        call = CallRun(claim, tenure, self._engine, self._journal, self._prompts, self._clock, tracks)
        self._calls[claim.attempt_id] = call
        self._empty.clear()
        self._at_the_door += 1
        if claim.attempt_id in self._withdrawn:
            call.withdraw(gently=self._withdrawn[claim.attempt_id])
        self._keep(asyncio.create_task(self._run(call), name=f"call {claim.call_id}"))
        self._keep(asyncio.create_task(self._depart(call), name=f"departure of call {claim.call_id}"))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _depart(self, call: CallRun) -> None:
        await call.departed()
        self._at_the_door -= 1
        self._look.set()

    async def _run(self, call: CallRun) -> None:
        claim = call.claim
        try:
            await call.run()
        finally:
            del self._calls[claim.attempt_id]
            if call.answered and claim.record:
                path = recording_path(claim.account_id, claim.batch_id, claim.call_id, claim.attempt_id)
                self._recordings.submit(Take(claim.attempt_id, call.tracks, path))
            if not self._calls:
                self._empty.set()
            self._look.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("call task died", task=task.get_name(), error=repr(task.exception()))
