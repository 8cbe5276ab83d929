"""One process at a time changes the tables of a PostgreSQL, however many start at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper

_KEY = 0x63616C6C64726F6E  # "calldron"
_PAUSE = 0.2  # seconds
_THINKS = 60_000  # milliseconds; one that freezes holds its tables no longer


@contextmanager
def alone_with_the_schema() -> Iterator[None]:
    """Wait for whoever migrates now, and let others wait for us. The lock goes with the connection if we die."""
    if connection.vendor != "postgresql":
        yield  # SQLite has one writer, and a migration is one transaction
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        # Between two statements Django works out the tables anew, for seconds where the processors are busy.
        cursor.execute("SET idle_in_transaction_session_timeout = %s", [_THINKS])
        # Asked again and again: a statement that waits would be waited for by CREATE INDEX CONCURRENTLY.
        while not _taken(cursor):
            time.sleep(_PAUSE)
    try:
        yield
    finally:
        connection.close()  # and with it the lock and the settings


def _taken(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [_KEY])
    return bool(cursor.fetchone()[0])
