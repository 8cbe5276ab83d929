"""Group commit: what calls report is gathered while the last commit runs, and written as one.

A call waits for its intents and its end; its progress is written behind it. Progress handed in before an intent or an
end is on disk before that intent or end is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import structlog

from calldron.dialer.ports import AttemptEnd, Clock, Late, LegIntent, LegProgress, NotNow, Permit, Store
from calldron.dialer.spacing import Spacing
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_PAUSE = 0.5

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]


class Journal:
    """One writer for all calls of a node. ``run`` must be running for anything to be written. ``apart``: seconds
    between two rounds of writing at least."""

    def __init__(self, store: Store, clock: Clock, *, apart: float = 0.0) -> None:
        self._store = store
        self._clock = clock
        self._rounds = Spacing(clock, apart)
        self._steps: list[LegProgress] = []
        self._intents: list[_Waiting[LegIntent, tuple[Permit | NotNow | None, float]]] = []
        self._late: list[_Waiting[Late, float | NotNow | None]] = []
        self._ends: list[_Waiting[AttemptEnd, bool]] = []
        self._unwritten = 0
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """How much was handed in and is not on disk yet."""
        return self._unwritten

    def note(self, step: LegProgress) -> None:
        """Write this soon."""
        self._steps.append(step)
        self._wake()

    async def intend(self, intent: LegIntent) -> tuple[Permit | NotNow | None, float]:
        """Commit a dial, or learn that it may not go out; and when the store was asked, by the monotonic clock."""
        waiting = _Waiting[LegIntent, tuple[Permit | NotNow | None, float]](
            intent, asyncio.get_running_loop().create_future()
        )
        self._intents.append(waiting)
        self._wake()
        return await waiting.answer

    async def recount(self, late: Late) -> float | NotNow | None:
        """Look again at an INVITE that was late, and count it: when it may leave, by the monotonic clock, if it may."""
        waiting = _Waiting[Late, float | NotNow | None](late, asyncio.get_running_loop().create_future())
        self._late.append(waiting)
        self._wake()
        return await waiting.answer

    async def finish(self, end: AttemptEnd) -> bool:
        """Commit the end of an attempt; ``False`` where it was no longer ours."""
        waiting = _Waiting[AttemptEnd, bool](end, asyncio.get_running_loop().create_future())
        self._ends.append(waiting)
        self._wake()
        return await waiting.answer

    async def drained(self) -> None:
        """Wait until everything handed in so far is on disk."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled. A store that is away is waited for: nothing handed in is dropped."""
        while True:
            await self._work.wait()
            await self._rounds.turn()
            self._work.clear()
            steps, self._steps = self._steps, []
            intents, self._intents = self._intents, []
            late, self._late = self._late, []
            ends, self._ends = self._ends, []
            if steps:
                await self._persist(partial(self._store.progress, steps))
            if intents:
                permits, asked = await self._persist(partial(self._store.intend, [w.item for w in intents]))
                _settle(intents, [(permit, asked) for permit in permits])
            if late:
                waits, asked = await self._persist(partial(self._store.recount, [w.item for w in late]))
                _settle(late, [asked + wait if isinstance(wait, float) else wait for wait in waits])
            if ends:
                kept, _ = await self._persist(partial(self._store.finish, [w.item for w in ends]))
                _settle(ends, kept)
            self._unwritten -= len(steps) + len(intents) + len(late) + len(ends)
            if not self._work.is_set():
                self._idle.set()

    async def _persist(self, write: Callable[[], Awaitable[Answer]]) -> tuple[Answer, float]:
        """The store's answer, and when it was asked for it, by the monotonic clock."""
        while True:
            asked = self._clock.monotonic()
            try:
                return await write(), asked
            except StoreUnavailable as error:
                log.warning("store away, progress is held", error=str(error))
                await self._clock.sleep(RETRY_PAUSE)

    def _wake(self) -> None:
        self._unwritten += 1
        self._idle.clear()
        self._work.set()


def _settle(waiting: list[_Waiting[Item, Answer]], answers: list[Answer]) -> None:
    for one, answer in zip(waiting, answers, strict=True):
        if not one.answer.done():  # a call cancelled meanwhile waits no more
            one.answer.set_result(answer)
