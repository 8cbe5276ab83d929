"""The database: whether it answers, is of this version, keeps what it is given, and has the same time as we."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from calldron.config import config
from calldron.diagnosis.finding import Finding
from calldron.services import setup
from calldron.store.models import User

SUBJECT = "database"
OLDEST = 15  # PostgreSQL's version
CLOCKS = timedelta(seconds=1)


def look() -> Iterator[Finding]:
    """Ends with a finding that is not good where nothing more can be read."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if connection.vendor == "postgresql":
            yield from _server()
        if pending:
            yield Finding(SUBJECT, False, f"{len(pending)} migrations are missing: calldron migrate")
            return
        users = User.objects.count()
    except Error as error:
        yield Finding(SUBJECT, False, f"can't be read: {' '.join(str(error).split())}")
        return
    yield Finding(SUBJECT, True, f"{connection.vendor}, up to date")
    address = setup.address(config().public_url)
    if address:
        yield Finding("setup", True, f"nobody can sign in yet: open {address} (the port is that of calldron serve)")
    yield Finding("users", users > 0, f"{users}" if users else "none yet: calldron user add EMAIL")


def time() -> datetime:
    """What the dialers take for the time: the database's, or on SQLite this machine's."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        shown: datetime = cursor.fetchone()[0]
        return shown


def _server() -> Iterator[Finding]:
    asked = datetime.now(UTC)
    there = time()
    yield from _clocks(abs(asked + (datetime.now(UTC) - asked) / 2 - there))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('fsync'),"
            " current_setting('synchronous_commit'), current_setting('full_page_writes')"
        )
        version, *durable = cursor.fetchone()
    if version // 10_000 < OLDEST:
        yield Finding(SUBJECT, False, f"PostgreSQL {version // 10_000} is too old; {OLDEST} is the first that will do")
    for name, value in zip(("fsync", "synchronous_commit", "full_page_writes"), durable, strict=True):
        if value == "off":
            yield Finding("durability", False, f"{name} is off: a crash of the server loses calls and dials twice")


def _clocks(apart: timedelta) -> Iterator[Finding]:
    if apart > CLOCKS:
        words = (
            f"this machine's is {apart.total_seconds():.1f} s off the database's, by which is dialled: run NTP on both"
        )
        yield Finding("clock", False, words)
    else:
        yield Finding("clock", True, f"{apart.total_seconds() * 1000:.0f} ms from the database's")
