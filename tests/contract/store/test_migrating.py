"""The database is brought to this version while a node of the version before goes on claiming and finishing."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from pytest_django.plugin import DjangoDbBlocker
from support.store_world import NOW, Database, World

from calldron.store.databases import for_a_dialer
from calldron.store.session import Session

PATIENCE = 60.0  # seconds
VERSION_BEFORE = "0001"


class NodeBefore:
    """What a node of 0.1 wrote for a call, statement by statement (calldron.store of commit bd49f38), again and again
    in a thread of its own. ``rounds`` counts the calls it claimed and finished."""

    def __init__(self, alias: str, batch: int, trunk: int) -> None:
        self.rounds = 0
        self.failure: Exception | None = None
        self._alias = alias
        self._batch = batch
        self._trunk = trunk
        self._stopping = Event()
        self._thread = Thread(target=self._work)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While this holds it works; what it stumbled over is raised at the end."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()
        if self.failure:
            raise self.failure

    def wait_for(self, rounds: int) -> None:
        """Until it finished so many more calls."""
        wanted = self.rounds + rounds
        until(lambda: self.failure is not None or self.rounds >= wanted)

    def _work(self) -> None:
        connections[self._alias] = for_a_dialer(connections[self._alias])  # of this thread: statements are prepared
        try:
            while not self._stopping.is_set():
                attempt = self._transaction(self._claim)
                self._transaction(partial(self._ring, attempt=attempt))
                self._transaction(partial(self._finish, attempt=attempt))
                self.rounds += 1
        except Exception as error:  # noqa: BLE001 - a thread's; it is raised in ``at_work``
            self.failure = error
        finally:
            connections[self._alias].close()

    def _transaction(self, work: Callable[[Session], int]) -> int:
        with transaction.atomic(using=self._alias), closing(Session(connections[self._alias])) as session:
            return work(session)

    def _claim(self, session: Session) -> int:
        session.rows(_TRUNKS + session.lock)
        session.rows(_HELD)
        session.rows(_PATIENT, NOW, 20)
        ((call_id, number, _, _),) = session.rows(_DUE + session.lock_free, self._batch, NOW, 1)
        session.run(_DIALLED, NOW, [call_id])
        lease_until = NOW + timedelta(seconds=30)
        row = (call_id, 1, "old", 1, lease_until, self._trunk, 1, NOW, "", "", "", "")
        ((_, attempt),) = session.insert(_ATTEMPT, [row], "call_id, id")
        session.insert(_LEG, [(attempt, "client", number, self._trunk, NOW, "", "", "")], "attempt_id, id")
        session.run_each("UPDATE store_batch SET served = %s, dialed = TRUE WHERE id = %s", [(1, self._batch)])
        session.run(
            "UPDATE store_attempt SET lease_until = %s WHERE node = %s AND ended_at IS NULL", lease_until, "old"
        )
        return int(attempt)

    def _ring(self, session: Session, attempt: int) -> int:
        leg = session.row("SELECT id FROM store_legrow WHERE attempt_id = %s", attempt)
        assert leg is not None
        nothing = [None] * 6
        session.run_each(_LEG_STEP, [(NOW, NOW, *nothing, leg[0], attempt, 1)])
        return attempt

    def _finish(self, session: Session, attempt: int) -> int:
        ((_, _, _, _, call_id, batch, *_),) = session.rows(_OPEN + session.lock, [attempt])
        session.run_each(_ATTEMPT_ENDED, [(NOW, "answered", "confirmed", "none", 200, "", 1.5, attempt, 1)])
        session.run_each(_LEGS_CLOSED, [(NOW, "answered", "none", attempt)])
        session.run_each(_CALL_ENDED, [("answered", "confirmed", True, None, NOW, 1.5, "", call_id)])
        session.run_each("UPDATE store_batch SET unfinished = unfinished - %s WHERE id = %s", [(1, batch)])
        session.run(_CALLS_ADDED, 1, 1, None, batch)
        session.run_each(_CALL_ADDED, [(batch, self._batch_account(session), "+79160000000", False, NOW, NOW)])
        return attempt

    def _batch_account(self, session: Session) -> int:
        row = session.row("SELECT account_id FROM store_batch WHERE id = %s", self._batch)
        assert row is not None
        return int(row[0])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        Event().wait(0.01)


@pytest.fixture
def old(database: Database, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, NodeBefore]]:
    """A database of the version before with calls of its own, and a node that knows no other version."""
    with django_db_blocker.unblock():
        alias = database.fresh()
        world = World(alias)
        batch = world.add_batch(calls=3, time_zone="UTC")
        call_command("migrate", "store", VERSION_BEFORE, database=alias, verbosity=0)
        yield alias, NodeBefore(alias, batch.pk, world.trunk.pk)
        call_command("migrate", database=alias, verbosity=0)  # whatever the test came to: it may be used again
        world.check()
        world.close()
        database.drop(alias)


def test_a_node_of_the_version_before_goes_on(old: tuple[str, NodeBefore]) -> None:
    alias, node = old
    with node.at_work():
        node.wait_for(20)
        call_command("migrate", database=alias, verbosity=0)
        node.wait_for(20)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM store_attempt WHERE ended_at IS NOT NULL")
        assert cursor.fetchone()[0] == node.rounds
        cursor.execute("SELECT MIN(batch_id), MIN(account_id) FROM store_attempt WHERE id = 1")
        assert cursor.fetchone() == (node_batch(alias), 1)  # an attempt of before says whose it is


def node_batch(alias: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT batch_id FROM store_call ORDER BY id LIMIT 1")
        return int(cursor.fetchone()[0])


def test_a_long_transaction_makes_the_migration_wait_and_nobody_else(old: tuple[str, NodeBefore]) -> None:
    alias, node = old
    migrated = Event()

    def migrate() -> None:
        call_command("migrate", database=alias, verbosity=0)
        migrated.set()
        connections[alias].close()

    migrating = Thread(target=migrate)
    with node.at_work(), _reading(alias):
        migrating.start()
        # Once the migration has asked for what the reader holds it gives way, and asks again: the node works meanwhile.
        until(lambda: migrated.is_set() or connections[alias].vendor == "sqlite" or _waits(alias))
        node.wait_for(50)
        assert not migrated.is_set() or connections[alias].vendor == "sqlite"
    migrating.join(PATIENCE)
    assert migrated.is_set()


@contextmanager
def _reading(alias: str) -> Iterator[None]:
    """A transaction that looked at the calls and goes on, as a dump does."""
    reader = connections[alias].copy()
    with reader.cursor() as cursor:
        if reader.vendor == "postgresql":
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
        cursor.execute("BEGIN")
        cursor.execute("SELECT COUNT(*) FROM store_call")
        yield
        cursor.execute("ROLLBACK")
    reader.close()


def _waits(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted)")
        return bool(cursor.fetchone()[0])


def test_a_broken_off_migration_is_taken_up_again(old: tuple[str, NodeBefore]) -> None:
    alias, _ = old
    call_command("migrate", "store", "0003", database=alias, verbosity=0)
    with connections[alias].cursor() as cursor:  # as if it had died before it was noted
        cursor.execute("DELETE FROM django_migrations WHERE app = 'store' AND name = '0003_rule_indexes'")
        cursor.execute("DROP INDEX leg_dials_of_number")
        if connections[alias].vendor == "postgresql":
            cursor.execute("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'attempt_of_batch'::regclass")
    call_command("migrate", database=alias, verbosity=0)
    with connections[alias].cursor() as cursor:
        for table, index in (("store_legrow", "leg_dials_of_number"), ("store_attempt", "attempt_of_batch")):
            assert index in connections[alias].introspection.get_constraints(cursor, table)
        if connections[alias].vendor == "postgresql":
            cursor.execute("SELECT COUNT(*) FROM pg_index WHERE NOT indisvalid")
            assert cursor.fetchone()[0] == 0


_TRUNKS = """
SELECT id, name, host, port, transport, username, password, caller_id, cps, channels, tat, sandbox
FROM store_trunkrow ORDER BY priority, id
"""

_HELD = "SELECT trunk_id, SUM(channels) FROM store_attempt WHERE ended_at IS NULL GROUP BY trunk_id"

_PATIENT = """
SELECT b.id, b.account_id, b.type, b.confirmation, b.confirm_digits, b.time_zone, b.minute_from, b.minute_to,
    b.attempts, b.call_delay, b.ring_timeout, b.timeout_before_intro_callback, b.callback,
    CASE WHEN b.caller_id = '' THEN a.caller_id ELSE b.caller_id END, b.intro_id, b.record
FROM store_batch b JOIN store_account a ON a.id = b.account_id
WHERE b.state = 'running' AND NOT b.deleting AND (b.wait_until IS NULL OR b.wait_until <= %s)
    AND b.type = 'batch' ORDER BY b.served, b.id LIMIT %s
"""

_DUE = """
SELECT id, number, client_dials, operator_dials FROM store_call
WHERE batch_id = %s AND due_at <= %s ORDER BY due_at, id LIMIT %s
"""

_DIALLED = """
UPDATE store_call SET status = 'dialing', due_at = NULL, dialed_at = %s, ended_at = NULL,
    client_dials = client_dials + 1
WHERE id IN %s
"""

_ATTEMPT = """
store_attempt (call_id, number_of_try, node, lease, lease_until, trunk_id, channels, started_at,
    outcome, fault, digits, recording)
"""

_LEG = "store_legrow (attempt_id, role, number, trunk_id, intended_at, ended_by, outcome, fault)"

_LEG_STEP = """
UPDATE store_legrow SET
    ringing_at = COALESCE(%s, ringing_at), answered_at = COALESCE(%s, answered_at), ended_at = COALESCE(%s, ended_at),
    sip_code = COALESCE(%s, sip_code), q850 = COALESCE(%s, q850), ended_by = COALESCE(%s, ended_by),
    outcome = COALESCE(%s, outcome), fault = COALESCE(%s, fault)
WHERE id = %s AND attempt_id = (SELECT id FROM store_attempt WHERE id = %s AND lease = %s AND ended_at IS NULL)
"""

_OPEN = """
SELECT a.id, a.lease, a.ended_at IS NOT NULL, a.outcome, c.id, b.id,
    c.cancelled OR b.deleting OR b.state = 'stopped', b.call_delay,
    b.type, b.attempts, c.client_dials, c.operator_dials, b.callback <> '', b.intro_id IS NOT NULL
FROM store_attempt a JOIN store_call c ON c.id = a.call_id JOIN store_batch b ON b.id = c.batch_id
WHERE a.id IN %s
"""

_ATTEMPT_ENDED = """
UPDATE store_attempt SET ended_at = %s, outcome = %s, result = %s, fault = %s, sip_code = %s, digits = %s, talk = %s
WHERE id = %s AND lease = %s AND ended_at IS NULL
"""

_LEGS_CLOSED = """
UPDATE store_legrow SET ended_at = %s, outcome = %s, fault = %s WHERE attempt_id = %s AND ended_at IS NULL
"""

_CALL_ENDED = """
UPDATE store_call SET status = %s, result = %s, final = %s, due_at = %s, ended_at = %s, talk = %s, digits = %s
WHERE id = %s
"""

_CALLS_ADDED = """
UPDATE store_batch SET total = total + %s, unfinished = unfinished + %s, wait_until = %s WHERE id = %s
"""

_CALL_ADDED = """
INSERT INTO store_call (batch_id, account_id, number, suspect, status, final, digits, due_at,
    client_dials, operator_dials, cancelled, recording, created_at)
VALUES (%s, %s, %s, %s, 'queued', FALSE, '', %s, 0, 0, FALSE, '', %s)
"""
