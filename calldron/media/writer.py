"""The thread that touches the disk, so that a slow one never delays a packet."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

MAX_BACKLOG: Final = 64 << 20
"""Octets that may wait for the disk before tracks give up."""

Job = Callable[[], None]


class Writer:
    """Carries jobs out one after the other. Jobs are gathered and handed over by the slot, since waking a
    thread costs more than a write. All methods belong to one thread, the ticker's."""

    def __init__(self) -> None:
        self._gathered: list[Job] = []
        self._queue: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._submitted = 0
        self._written = 0  # only the thread writes this one
        self._thread = threading.Thread(target=self._run, name="media-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job, octets: int = 0) -> None:
        """Do this after all that was submitted before. ``octets``: how much it holds in memory until
        then."""
        if octets:
            self._submitted += octets
            self._gathered.append(lambda: self._weigh(job, octets))
        else:
            self._gathered.append(job)

    @property
    def backlog(self) -> int:
        """Octets submitted and not yet written."""
        return self._submitted - self._written

    def hand_over(self) -> None:
        """Let the thread begin on what was submitted."""
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def stop(self) -> None:
        """Finish every job and end the thread."""
        self.hand_over()
        self._queue.put(None)
        self._thread.join()

    def _weigh(self, job: Job, octets: int) -> None:
        try:
            job()
        finally:
            self._written += octets

    def _run(self) -> None:
        while (jobs := self._queue.get()) is not None:
            for job in jobs:
                try:
                    job()
                except Exception:  # the last resort: one bad job must not cost other recordings
                    log.exception("a recording job failed")
