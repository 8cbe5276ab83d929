"""What holds for PostgreSQL alone: servers that go away, nodes that freeze in a transaction, and nobody waiting in a
circle."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from peers.postgres import Postgres
from support.store_world import LEASE, NOW, Database, Node, World

from calldron.domain.batch import BatchState
from calldron.domain.errors import StoreUnavailable
from calldron.store import intake, migration_lock
from calldron.store.session import Session

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

TESTS = Path(__file__).parents[2]


@contextmanager
def settings(world: World, **options: str) -> Iterator[None]:
    """Nodes that are made within have other timeouts, in milliseconds."""
    before = connections.databases[world.alias]
    given = " ".join(f"-c {name}={value}" for name, value in options.items())
    changed = {**before["OPTIONS"], "options": f"{before['OPTIONS']['options']} {given}"}
    connections.databases[world.alias] = {**before, "OPTIONS": changed}
    yield
    connections.databases[world.alias] = before


def end_sessions(world: World, server: Postgres) -> None:
    """Break off everybody's connection to the world's database."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [world.alias]
        )
    connections[world.alias].close()


# ---------------------------------------------------------------- a server that goes away


def test_a_session_that_was_ended_is_unavailable_once(world: World, node: Node, postgres_server: Postgres) -> None:
    world.add_batch(2)
    claimed = node.claim_one()
    end_sessions(world, postgres_server)
    with pytest.raises(StoreUnavailable):
        node.finish(claimed)
    assert node.finish(claimed)
    assert node.claim_one()


def test_a_server_that_crashes_has_what_was_committed(world: World, node: Node, postgres_server: Postgres) -> None:
    world.add_batch(3)
    claimed = node.claim(2)
    node.finish(claimed[0])
    postgres_server.kill()
    connections[world.alias].close()
    for work in (node.claim, lambda: node.finish(claimed[1]), lambda: node.renew(NOW + LEASE, claimed)):
        with pytest.raises(StoreUnavailable):
            work()
    postgres_server.start()
    assert [node.finish(one) for one in claimed] == [True, True]
    assert len(node.claim()) == 1


def test_changes_are_looked_for_while_nobody_tells_of_them(world: World, node: Node, postgres_server: Postgres) -> None:
    batch = world.add_batch(1)
    node.wait_for_change(0)
    assert node.wait_for_change(0) is False
    postgres_server.kill()
    connections[world.alias].close()
    started = time.monotonic()
    assert node.wait_for_change(60) is True
    assert node.wait_for_change(60) is True
    assert time.monotonic() - started < 50
    postgres_server.start()
    assert node.wait_for_change(0) is True, "what happened meanwhile was missed"
    assert node.wait_for_change(0) is False
    world.change(batch, name="Another")
    assert node.wait_for_change(60) is True


def test_a_database_that_was_not_migrated_is_unavailable(world: World, node: Node) -> None:
    with connections[world.alias].cursor() as cursor:
        cursor.execute("ALTER TABLE store_trunkrow RENAME TO gone")
    with pytest.raises(StoreUnavailable, match="store_trunkrow"):
        node.claim()
    with connections[world.alias].cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO store_trunkrow")


def test_a_session_that_may_only_read_is_unavailable(world: World) -> None:
    """As on a server that was primary until a moment ago."""
    with settings(world, default_transaction_read_only="on"):
        node = Node(world, "node of old")
        with pytest.raises(StoreUnavailable, match="read-only"):
            node.claim()
        node.close()


# ---------------------------------------------------------------- who waits for whom


def test_waiting_for_a_lock_has_an_end(world: World) -> None:
    world.add_batch(2)
    with settings(world, lock_timeout="50"):
        node = world.node()
    claimed = node.claim_one()
    with transaction.atomic(using=world.alias):
        list(world.attempts().select_for_update())
        with pytest.raises(StoreUnavailable, match="lock"):
            node.finish(claimed)
    assert node.finish(claimed)


def test_a_migration_may_think_for_longer_than_a_node(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def patience() -> str:
        with connections[world.alias].cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            (shown,) = cursor.fetchone()
            return str(shown)

    monkeypatch.setattr(migration_lock, "connection", connections[world.alias])
    with migration_lock.alone_with_the_schema():
        assert patience() == "1min"
    assert patience() == "5s"


def test_a_node_that_freezes_in_a_transaction_holds_nobody_up_for_long(world: World, node: Node) -> None:
    world.add_batch(2)
    with settings(world, idle_in_transaction_session_timeout="300"):
        frozen = world.node()

    async def claim_meanwhile() -> Any:
        loop = asyncio.get_running_loop()

        def work(session: Session) -> None:
            session.rows("SELECT id FROM store_trunkrow FOR NO KEY UPDATE")
            taken = asyncio.run_coroutine_threadsafe(node.store.claim(NOW, NOW + LEASE, 1), loop)
            assert taken.result(30), "claims wait for the trunks until the server gives up the frozen"
            session.rows("SELECT id FROM store_trunkrow")

        await frozen.store._thread.write(work)

    with pytest.raises(StoreUnavailable):
        world.run(claim_meanwhile())
    assert frozen.claim(1)


def test_who_waits_in_a_circle_is_undone_and_run_again(world: World, node: Node) -> None:
    world.add_trunk()
    one, other = sorted(world.trunks().values_list("pk", flat=True))
    second = world.node()
    tries = []

    def locking(first: int, then: int, held: asyncio.Event, others: asyncio.Event) -> Callable[[Session], None]:
        loop = asyncio.get_running_loop()

        def work(session: Session) -> None:
            tries.append(first)
            session.run("UPDATE store_trunkrow SET channels = channels + 1 WHERE id = %s", first)
            loop.call_soon_threadsafe(held.set)
            asyncio.run_coroutine_threadsafe(others.wait(), loop).result(30)
            session.run("UPDATE store_trunkrow SET channels = channels + 1 WHERE id = %s", then)

        return work

    async def both() -> None:
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(
            node.store._thread.write(locking(one, other, *events)),
            second.store._thread.write(locking(other, one, *reversed(events))),
        )

    world.run(both())
    assert len(tries) > 2, "one was undone and run again"
    assert set(world.trunks().values_list("channels", flat=True)) == {2}


@contextmanager
def at_work(world: World, database: Database, *modules: str) -> Iterator[list[str]]:
    """Processes that work on the world's database as long as this holds; then what they say of it."""
    environment = {**os.environ, **database.environment(world.alias)}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    said: list[str] = []
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(seed)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed, module in enumerate(modules)
    ]
    try:
        yield said
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        for process in started:
            out, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            said.append(out)
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.timeout(180)
def test_owners_and_nodes_work_side_by_side(
    world: World, node: Node, database: Database, postgres_server: Postgres
) -> None:
    """And nobody waits in a circle: everybody locks trunks, accounts, batches, calls, attempts, in this order."""
    world.trunk.delete()
    world.add_trunk(cps=10_000, channels=1_000)
    world.add_trunk(channels=1_000)
    for _ in range(4):
        world.add_batch(20, attempts=3, call_delay=0)

    def attempts() -> int:
        return world.attempts().count()

    def deadlocks() -> int:
        with connections[world.alias].cursor() as cursor:
            cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    before = deadlocks()
    modules = ["support.busy_node"] * 3 + ["support.owner"] * 2
    with at_work(world, database, *modules) as said:
        deadline = time.monotonic() + 120
        while attempts() < 500:
            assert time.monotonic() < deadline, f"{attempts()} attempts"
            time.sleep(0.1)
    assert len(said) == 5
    assert deadlocks() == before, postgres_server.log_about("deadlock detected")
    node.rescue(NOW.replace(year=9000))
    assert not world.attempts(ended_at=None).exists()
    assert {BatchState(batch.state) for batch in world.batches()}


# ---------------------------------------------------------------- long lists


@contextmanager
def coming_in(world: World, batch_id: int) -> Iterator[None]:
    """A list of calls is written by somebody and not committed before this ends."""
    with transaction.atomic(using=world.alias):
        intake.add_calls(connections[world.alias], batch_id, world.account.pk, [("+79160000000", False)] * 1_000, NOW)
        yield
        row = world.batches().select_for_update(no_key=True).get(pk=batch_id)
        world.change(row, total=row.total + 1_000, unfinished=row.unfinished + 1_000)


def test_a_batch_is_dialled_while_a_list_comes_in(world: World, node: Node) -> None:
    batch = world.add_batch(3)
    with coming_in(world, batch.pk):
        claims = node.claim(2)
        assert len(claims) == 2
        assert [node.finish(one) for one in claims] == [True, True]
    assert len(node.claim(2_000)) == 1_001


def test_a_batch_is_not_removed_while_a_list_comes_in(world: World, node: Node) -> None:
    batch = world.add_batch(3)
    with coming_in(world, batch.pk):
        other = world.add_batch(1)
        world.change(other, deleting=True)
    world.change(batch, deleting=True)
    with coming_in(world, batch.pk):
        node.expunge()
    assert list(world.batches().values_list("pk", flat=True)) == [batch.pk]
    assert node.expunge() == []
    assert not world.calls().exists()
