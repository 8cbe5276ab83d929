"""The journal: what is written together, in which order, and what happens while the store is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore

from calldron.dialer.journal import RETRY_PAUSE, Journal
from calldron.dialer.ports import AttemptEnd, Late, LegIntent, LegProgress
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome

CLOCK = HandClock()


def step(number: int) -> LegProgress:
    return LegProgress(leg_id=number, attempt_id=number, lease=1, ringing_at=CLOCK.now())


def intent(number: int) -> LegIntent:
    return LegIntent(number, 1, Role.OPERATOR, "+74950000000", 1, CLOCK.now())


def end(number: int) -> AttemptEnd:
    return AttemptEnd(number, 1, CLOCK.now(), Outcome.ANSWERED, None, Fault.NONE, 200, "", 1.0)


class Desk:
    """A journal that runs."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = HandClock()
        self.journal = Journal(self.store, self.clock)
        self.running = asyncio.create_task(self.journal.run())


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.running.cancel()
    await asyncio.gather(desk.running, return_exceptions=True)


def names(store: MemoryStore) -> list[str]:
    return [name for name, _ in store.transactions]


async def test_what_comes_in_while_a_commit_runs_is_written_as_one(desk: Desk) -> None:
    desk.store.gate.clear()
    desk.journal.note(step(0))
    await until(lambda: desk.store.entered == ["progress"])
    waiting = [asyncio.create_task(desk.journal.finish(end(number))) for number in range(1, 101)]
    for number in range(1, 101):
        desk.journal.note(step(number))
    await settled()
    desk.store.gate.set()
    assert await asyncio.gather(*waiting) == [True] * 100
    assert [(name, len(items)) for name, items in desk.store.transactions] == [
        ("progress", 1),
        ("progress", 100),
        ("finish", 100),
    ]


async def test_what_comes_in_soon_after_a_commit_is_written_as_one() -> None:
    store, clock = MemoryStore(), HandClock()
    journal = Journal(store, clock, apart=0.02)
    running = asyncio.create_task(journal.run())
    journal.note(step(1))
    await journal.drained()
    for number in (2, 3):
        journal.note(step(number))
        await settled()
    assert names(store) == ["progress"]
    await until(lambda: clock.waits == [0.02])
    clock.turn(0.02)
    await journal.drained()
    assert [len(items) for _, items in store.transactions] == [1, 2]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_progress_is_on_disk_before_the_intents_and_ends_that_were_handed_in_after_it(desk: Desk) -> None:
    desk.journal.note(step(1))
    ending = asyncio.create_task(desk.journal.finish(end(1)))
    intending = asyncio.create_task(desk.journal.intend(intent(2)))
    await asyncio.gather(ending, intending)
    assert names(desk.store)[0] == "progress"
    assert set(names(desk.store)) == {"progress", "intend", "finish"}


async def test_progress_keeps_its_order(desk: Desk) -> None:
    desk.store.gate.clear()
    for number in range(10):
        desk.journal.note(step(number))
        await settled()
    desk.store.gate.set()
    await desk.journal.drained()
    assert desk.store.committed("progress") == [step(number) for number in range(10)]


async def test_everybody_gets_his_own_answer(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.journal.intend(intent(number)) for number in range(5)))
    assert len({permit.leg_id for permit, _ in answers if permit}) == 5
    desk.store.refuses = True
    assert (await desk.journal.intend(intent(9)))[0] is None
    desk.store.ours = False
    assert not await desk.journal.finish(end(9))


async def test_a_wait_begins_when_the_store_was_asked_that_answered(desk: Desk) -> None:
    desk.store.away, desk.store.wait = 1, 5.0
    recounting = asyncio.create_task(desk.journal.recount(Late(1, 1, Role.CLIENT, desk.clock.now())))
    await until(lambda: bool(desk.clock.waits))
    desk.clock.turn(RETRY_PAUSE)
    assert await recounting == desk.clock.monotonic() + 5.0


async def test_an_intent_is_answered_only_once_it_is_committed(desk: Desk) -> None:
    desk.store.gate.clear()
    intending = asyncio.create_task(desk.journal.intend(intent(1)))
    await until(lambda: desk.store.entered == ["intend"])
    await settled()
    assert not intending.done()
    desk.store.gate.set()
    assert await intending is not None


async def test_nothing_is_dropped_while_the_store_is_away(desk: Desk) -> None:
    desk.store.away = 3
    desk.journal.note(step(1))
    ending = asyncio.create_task(desk.journal.finish(end(1)))
    for _ in range(3):
        await until(lambda: desk.clock.waits == [RETRY_PAUSE])
        assert not desk.store.transactions
        desk.journal.note(step(2))
        desk.clock.turn(RETRY_PAUSE)
    assert await ending
    await desk.journal.drained()
    assert desk.store.committed("progress") == [step(1), step(2), step(2), step(2)]
    assert desk.store.committed("finish") == [end(1)]


async def test_a_call_that_was_cancelled_holds_nobody_up(desk: Desk) -> None:
    desk.store.gate.clear()
    gone = asyncio.create_task(desk.journal.finish(end(1)))
    staying = asyncio.create_task(desk.journal.finish(end(2)))
    await until(lambda: desk.store.entered == ["finish"])
    gone.cancel()
    desk.store.gate.set()
    assert await staying
    assert desk.store.committed("finish") == [end(1), end(2)], "what was handed in is written all the same"


async def test_drained_waits_for_the_last_commit(desk: Desk) -> None:
    await desk.journal.drained()
    desk.store.gate.clear()
    desk.journal.note(step(1))
    draining = asyncio.create_task(desk.journal.drained())
    await until(lambda: desk.store.entered == ["progress"])
    await settled()
    assert not draining.done()
    desk.journal.note(step(2))
    desk.store.gate.set()
    await draining
    assert desk.store.committed("progress") == [step(1), step(2)]


async def test_an_error_nobody_foresaw_ends_the_journal_and_is_not_swallowed(desk: Desk) -> None:
    desk.store.error = ZeroDivisionError("a defect")
    desk.journal.note(step(1))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(asyncio.shield(desk.running), 5)
