"""What holds for SQLite alone: its setup, what it says when it is away, and that no query reads a table through."""

import resource
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from support.store_world import NOW, Node, World, end_of

from calldron.dialer.ports import LegIntent, LegProgress
from calldron.domain.errors import StoreUnavailable
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome
from calldron.store import claim, expunge, intents, leases, progress
from calldron.store.session import Session

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def impatient(world: World) -> Iterator[Node]:
    """A node that waits a moment only for a locked database."""
    settings = connections.databases[world.alias]
    connections.databases[world.alias] = {**settings, "OPTIONS": {**settings["OPTIONS"], "timeout": 0.05}}
    yield world.node()
    connections.databases[world.alias] = settings


def test_a_commit_is_on_disk(world: World) -> None:
    with connections[world.alias].cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_locked_database_is_unavailable_and_comes_back(world: World, impatient: Node) -> None:
    world.add_batch(2)
    claimed = impatient.claim_one()
    with transaction.atomic(using=world.alias):
        for work in (impatient.claim, lambda: impatient.finish(claimed)):
            with pytest.raises(StoreUnavailable, match="locked"):
                work()
    assert impatient.finish(claimed)
    assert impatient.claim_one()


def test_a_full_disk_is_unavailable_until_there_is_room_again(world: World, node: Node) -> None:
    world.add_batch(2)
    claimed = node.claim_one()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # every write fails (EFBIG for ENOSPC)
    try:
        for work in (node.claim, lambda: node.finish(claimed)):
            with pytest.raises(StoreUnavailable, match=r"full|I/O error"):
                work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert node.finish(claimed)
    assert node.claim_one()


def test_a_database_without_tables_is_unavailable(world: World, node: Node) -> None:
    with connections[world.alias].cursor() as cursor:
        cursor.execute("ALTER TABLE store_trunkrow RENAME TO gone")
    with pytest.raises(StoreUnavailable, match="store_trunkrow"):
        node.claim()
    with connections[world.alias].cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO store_trunkrow")


def test_a_change_is_heard_of_after_a_new_connection(world: World, impatient: Node) -> None:
    impatient.wait_for_change(0)
    with transaction.atomic(using=world.alias), pytest.raises(StoreUnavailable):
        impatient.claim()
    assert impatient.wait_for_change(0) is True  # something may have happened in between
    assert impatient.wait_for_change(0) is False


def test_no_statement_of_the_queue_reads_a_whole_table(world: World) -> None:
    """Whatever grows with the calls is found by an index; batches and trunks may be read through."""
    world.change_account(quota_day=5)
    batch = world.add_callback(5, attempts=3, intro=True, time_zone="callee", retry={"busy": {"attempts": 2}})
    connection = connections[world.alias]
    with CaptureQueriesContext(connection) as captured:
        session = Session(connection)
        claims = claim.claim(session, "node", NOW, NOW + timedelta(seconds=30), 3).claims
        one, two, three = claims
        claim.next_due(session, NOW, 0)
        intents.intend(session, [LegIntent(one.attempt_id, one.lease, Role.CLIENT, one.number, one.trunk.id, NOW)])
        progress.progress(session, [LegProgress(one.leg_id, one.attempt_id, one.lease, answered_at=NOW)])
        progress.finish(session, [end_of(one, Outcome.BUSY), end_of(three, Outcome.FAILED, refused=True)])
        claim.release(session, [two], NOW)
        leases.renew(session, "node", [one.attempt_id], NOW, NOW)
        leases.withdrawn(session, "node")
        leases.rescue(session, NOW + timedelta(hours=1))
        leases.unrecorded(session, [one.attempt_id])
        world.change(batch, deleting=True)
        expunge.expunge(session)
    assert three.call_id
    scans = [
        (plan[3], query["sql"])
        for query in captured.captured_queries
        if query["sql"].split()[0] in ("SELECT", "UPDATE", "DELETE")
        for plan in connection.cursor().execute("EXPLAIN QUERY PLAN " + query["sql"]).fetchall()
        if plan[3].startswith("SCAN store_call")
        or plan[3] in ("SCAN c", "SCAN a", "SCAN l", "SCAN store_attempt")
        or plan[3].startswith("SCAN store_legrow")
    ]
    assert scans == []
