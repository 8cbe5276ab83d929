"""Several nodes on one database, and nodes that are killed: no call twice, none lost."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from support.store_world import LEASE, NOW, Database, Node, World, end_of

from calldron.dialer.ports import Claim
from calldron.domain.batch import BatchState
from calldron.domain.errors import StoreUnavailable
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome

TESTS = Path(__file__).parents[2]

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(world: World, database: Database) -> Start:
    """Starts a process that claims from the world's database."""
    environment = {**os.environ, **database.environment(world.alias)}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), str(TESTS)])

    def claimer(name: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "support.claimer", name]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return claimer


async def drain(node: Node, room: int) -> list[Claim]:
    done: list[Claim] = []
    while claims := await node.store.claim(NOW, NOW + LEASE, room):
        done += claims
        await node.store.finish([end_of(claim, Outcome.BUSY) for claim in claims])
    return done


def test_threads_never_take_a_call_twice(world: World) -> None:
    batches = [world.add_batch(60, attempts=2, call_delay=0) for _ in range(3)]
    nodes = [world.node() for _ in range(4)]

    async def all_at_once() -> list[list[Claim]]:
        return await asyncio.gather(*(drain(node, room) for node, room in zip(nodes, (1, 2, 5, 20), strict=True)))

    claims = [claim for some in world.run(all_at_once()) for claim in some]

    assert Counter(claim.call_id for claim in claims) == dict.fromkeys(world.calls().values_list("pk", flat=True), 2)
    assert {world.batch(batch.pk).now.state for batch in batches} == {BatchState.FINISHED}


def test_processes_never_take_a_call_twice(world: World, start: Start) -> None:
    world.add_batch(60, attempts=3, call_delay=0)
    processes = [start(f"process {number}") for number in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    claimed = Counter(int(line) for output in outputs for line in output.split())
    assert claimed == dict.fromkeys(world.attempts().values_list("pk", flat=True), 1)
    assert set(world.calls().values_list("client_dials", "final")) == {(3, True)}


@pytest.mark.parametrize("seed", range(4))
def test_a_node_killed_in_the_middle_leaves_a_whole_state(world: World, node: Node, start: Start, seed: int) -> None:
    batch = world.add_batch(2_000, attempts=2, call_delay=0)
    process = start("victim")
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(random.Random(seed).randrange(1, 150))]
    process.send_signal(signal.SIGKILL)
    seen += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait()
    process.stdout.close()

    world.check()
    assert set(seen) <= set(world.attempts().values_list("pk", flat=True)), "a claim that was answered is on disk"
    unended = world.attempts(ended_at=None).count()
    later = NOW + LEASE + timedelta(seconds=1)
    assert len(node.rescue(later)) == unended
    world.check()
    assert not world.attempts(ended_at=None).exists()

    world.calls(client_dials=0).update(final=True, status="canceled", due_at=None)  # the rest takes too long here
    world.change(batch, unfinished=world.calls(final=False).count())
    node.work_off(later, Outcome.BUSY)
    assert world.batch(batch.pk).now.state == BatchState.FINISHED
    assert set(world.calls(status="busy").values_list("client_dials", flat=True)) == {2}


# ---------------------------------------------------------------- claims that nobody waits for


def claim_and_give_up(world: World, node: Node, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Cancel a claim while it waits for the database."""
    node.claim(0)  # the first looks for more than calls

    async def begin() -> "asyncio.Task[list[Claim]]":
        task = asyncio.create_task(node.store.claim(NOW, NOW + LEASE, 10))
        await asyncio.sleep(0)  # it has asked
        await asyncio.sleep(0)  # and its work was handed in
        task.cancel()
        return task

    async def end(task: "asyncio.Task[Any]") -> None:
        with pytest.raises(asyncio.CancelledError):
            await task

    with transaction.atomic(using=world.alias):  # nobody else can write
        task = world.run(begin())
        meanwhile()
    world.run(end(task))


def test_a_claim_that_was_given_up_takes_nothing(world: World, node: Node) -> None:
    world.add_batch(3)
    claim_and_give_up(world, node)
    assert not world.attempts().exists()
    assert set(world.calls().values_list("status", "due_at", "dialed_at", "client_dials")) == {("queued", NOW, None, 0)}
    assert len(node.claim()) == 3


def test_a_retry_that_was_given_up_shows_the_try_before(world: World, node: Node) -> None:
    world.add_callback(attempts=2, call_delay=0)
    node.finish(node.claim_one(), Outcome.NO_ANSWER, at=NOW)
    before = world.calls().values().get()
    claim_and_give_up(world, node)
    assert world.calls().values().get() == before
    assert node.claim_one().first is Role.OPERATOR


def test_a_claim_given_up_after_its_batch_was_stopped_leaves_final_calls(world: World, node: Node) -> None:
    from calldron.store import claim as claiming

    batch = world.add_batch(2)
    claims = node.claim(1)
    world.stop(batch)
    world.run(node.store._thread.write(lambda session: claiming.release(session, claims, NOW)))
    assert set(world.calls().values_list("status", "final")) == {("canceled", True)}
    assert world.batch(batch.pk).now.unfinished == 0


# ---------------------------------------------------------------- commits that nobody confirmed


@contextmanager
def commits_lost(world: World, *, written: bool) -> Iterator[None]:
    """The connection breaks at each commit, once the database has it or before."""
    wrapper = type(connections[world.alias])
    really = wrapper._commit

    def commit(connection: Any) -> None:
        if written:
            really(connection)
        raise OperationalError("the connection was lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrapper, "_commit", commit)
        yield


@pytest.mark.parametrize("written", [True, False])
def test_a_claim_whose_commit_was_not_confirmed_is_given_back(world: World, node: Node, written: bool) -> None:
    world.add_batch(3)
    node.claim(0)
    with commits_lost(world, written=written), pytest.raises(StoreUnavailable):
        node.claim()
    assert world.attempts(ended_at=None).count() == (3 if written else 0)
    assert len(node.claim()) == 3
    assert set(world.calls().values_list("client_dials", "status")) == {(1, "dialing")}
    assert world.attempts().count() == 3


def test_what_others_claimed_since_is_not_given_back(world: World, node: Node) -> None:
    world.add_batch(3)
    node.claim(0)
    with commits_lost(world, written=False), pytest.raises(StoreUnavailable):
        node.claim()
    theirs = world.node().claim(2)
    assert len(node.claim()) == 1
    assert [attempt.pk for attempt in world.attempts(ended_at=None, node="node-2")] == [c.attempt_id for c in theirs]


def test_a_claim_that_nobody_knows_of_ends_with_its_lease(world: World, node: Node) -> None:
    world.add_batch(3)
    node.claim(0)
    with commits_lost(world, written=True), pytest.raises(StoreUnavailable):
        node.claim()
    later = NOW + LEASE + timedelta(seconds=1)
    node.renew(later + LEASE)
    assert len(world.node().rescue(later)) == 3
    assert node.claim(at=later) == []


def test_an_end_whose_commit_was_not_confirmed_may_be_repeated(world: World, node: Node) -> None:
    world.add_batch(1)
    claimed = node.claim_one()
    with commits_lost(world, written=True), pytest.raises(StoreUnavailable):
        node.finish(claimed, Outcome.BUSY)
    assert node.finish(claimed, Outcome.BUSY)
    assert world.calls().get().client_dials == 1
