"""The one thread that talks to the database, with its own connection, so that the event loop never waits for a disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from calldron.domain.errors import StoreUnavailable
from calldron.store.session import Session

Answer = TypeVar("Answer")


class DatabaseThread:
    """Runs units of work in the order in which they are handed in. A unit that runs is never broken off: cancelling
    the one who waits only loses the answer.

    Units raise ``StoreUnavailable`` where the database does not answer; the next one connects anew.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

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

    def _disconnect(self) -> None:
        connections[self._alias].close()  # Django keeps a connection a thread: only here it is ours

    async def _submit(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._guarded, work)

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            self._disconnect()
            raise StoreUnavailable(f"The database does not answer: {error}") from error

    def _in_transaction(self, work: Callable[[Session], Answer]) -> Answer:
        with transaction.atomic(using=self._alias):  # SQLite: BEGIN IMMEDIATE, see settings
            return self._once(work)

    def _once(self, work: Callable[[Session], Answer]) -> Answer:
        session = Session(connections[self._alias])
        try:
            return work(session)
        finally:
            session.close()
