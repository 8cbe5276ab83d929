"""Mixing recordings in processes of their own, at low priority, so that no call waits for an mp3."""

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Final

from calldron.media.recording import mix

_NICENESS: Final = 10
_MIXES_A_PROCESS: Final = 1000  # then a fresh one takes over, and whatever its libraries leaked is given back


class Renderer:
    """A pool that starts with the first recording."""

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    async def render(self, tracks: Path, target: Path) -> float | None:
        """As ``mix``. Raises ``OSError``; a pool that was killed is made anew once."""
        try:
            return await self._mixed(tracks, target)
        except BrokenProcessPool:
            pass
        try:
            return await self._mixed(tracks, target)
        except BrokenProcessPool as error:
            raise OSError(f"the mixing process died twice, {error}") from error

    async def _mixed(self, tracks: Path, target: Path) -> float | None:
        pool = self._started()
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, mix, tracks, target)
        except BrokenProcessPool:
            if self._pool is pool:  # whose other recordings failed with it may have a new one already
                self._pool = None
            raise

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes,
                # fork would copy the sockets and the event loop of a process with threads
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_settle,
                max_tasks_per_child=_MIXES_A_PROCESS,
            )
        return self._pool

    async def stop(self) -> None:
        """End the processes; what is being mixed is finished, what waits is dropped (its tracks stay on disk)."""
        pool, self._pool = self._pool, None
        if pool is not None:
            # Waited for: a pool that is still ending while the interpreter exits has both close the same pipe.
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _settle() -> None:
    """In the new process: give way to calls, leave Ctrl-C to the parent, and don't outlive it."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
