"""The one thread that talks to the database, with its own connection, so that the event loop never waits for a disk."""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import Error, InterfaceError, InternalError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from calldron.domain.errors import StoreUnavailable
from calldron.store.databases import for_a_dialer
from calldron.store.session import Session

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

TRIES = 5  # of a unit that PostgreSQL broke off in favour of another
# A session that the server ended or made read-only (SQLSTATE class 25) is an internal error.
_AWAY = (OperationalError, InterfaceError, InternalError)
_NOT_MIGRATED = ("42P01", "42703")  # undefined_table, undefined_column
_CHANCE = random.SystemRandom()
_BROKEN_OFF = ("40P01", "40001")  # deadlock_detected, serialization_failure


class DatabaseThread:
    """Runs units of work in the order in which they are handed in. A unit that runs is never broken off: cancelling
    the one who waits only loses the answer. A unit may be run again where the database undid it, so it changes nothing
    but its session.

    Units raise ``StoreUnavailable`` where the database does not answer; the next one connects anew.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store", initializer=self._prepare)

    async def write(self, work: Callable[[Session], Answer]) -> Answer:
        """Run ``work`` in a transaction, which is on disk when this returns."""
        return await self._submit(lambda: self._in_transaction(work))

    async def read(self, work: Callable[[Session], Answer]) -> Answer:
        """Run ``work`` without a transaction: every query sees what is committed by then."""
        return await self._submit(lambda: self._once(work))

    async def ask(self, work: Callable[[BaseDatabaseWrapper], Answer]) -> Answer:
        """Run ``work`` on the bare connection."""
        return await self._submit(lambda: work(connections[self._alias]))

    async def close(self) -> None:
        """Finish what was handed in, disconnect, end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._disconnect)
        self._executor.shutdown(wait=True)

    def _prepare(self) -> None:
        connections[self._alias] = for_a_dialer(connections[self._alias])

    def _disconnect(self) -> None:
        connections[self._alias].close()  # Django keeps a connection a thread: only here it is ours

    async def _submit(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._guarded, work)

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return self._insisting(work)
        except Error as error:
            if not isinstance(error, _AWAY) and _sqlstate(error) not in _NOT_MIGRATED:
                raise
            self._disconnect()
            raise StoreUnavailable(f"The database does not answer: {' '.join(str(error).split())}") from error

    def _insisting(self, work: Callable[[], Answer]) -> Answer:
        for _ in range(TRIES - 1):
            try:
                return work()
            except OperationalError as error:
                if _sqlstate(error) not in _BROKEN_OFF:
                    raise
                log.warning("a transaction was undone and is run again", error=str(error))
                time.sleep(_CHANCE.uniform(0.01, 0.1))  # so that the other one gets what it waited for
        return work()

    def _in_transaction(self, work: Callable[[Session], Answer]) -> Answer:
        with transaction.atomic(using=self._alias):  # SQLite: BEGIN IMMEDIATE, see databases
            return self._once(work)

    def _once(self, work: Callable[[Session], Answer]) -> Answer:
        session = Session(connections[self._alias])
        try:
            return work(session)
        finally:
            session.close()


def _sqlstate(error: Error) -> str | None:
    """PostgreSQL's code of an error that Django wrapped: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    return getattr(error.__cause__, "sqlstate", None)
