"""A program of a round: started, killed, frozen and stopped, and when each of it happened."""

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_STOPS_WITHIN = 90.0
"""Seconds that a program asked to stop may take: no reply to a BYE or CANCEL takes 32 of them (RFC 3261, timer F), and
it may be frozen meanwhile."""


_DYING_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


@dataclass(slots=True)
class Life:
    """One run of a program. Times are Unix seconds; ``frozen``: from and until. ``port``: a dialer's SIP port."""

    began: float
    port: int = 0
    ended: float | None = None
    killed: bool = False
    frozen: list[tuple[float, float]] = field(default_factory=list)


class Program:
    """At most one process at a time. ``log`` takes what all its lives say."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.lives: list[Life] = []
        self.codes: list[int] = []  # of lives that were asked to stop
        self._process: asyncio.subprocess.Process | None = None
        self._frozen_at: float | None = None
        self._starting = asyncio.Lock()

    @property
    def up(self) -> bool:
        """Whether it runs; frozen counts."""
        return self._process is not None and self._process.returncode is None

    async def start(self, command: Sequence[str], environment: Mapping[str, str], *, port: int = 0) -> None:
        """Start it, unless it runs."""
        async with self._starting:
            if self.up:
                return
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(*_DYING_WITH_US, *command),
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self._frozen_at = None
            self.lives.append(Life(time.time(), port))

    async def kill(self) -> None:
        """``kill -9``, frozen or not; nothing where none runs."""
        if self._process is not None and self.up:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            self._over(killed=True)

    async def stop(self) -> None:
        """SIGTERM, and its exit code once it ended. Who does not end in time is killed, with the code of that."""
        if self._process is None or not self.up:
            return
        self.thaw()
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _STOPS_WITHIN)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        assert self._process.returncode is not None
        self.codes.append(self._process.returncode)
        self._over(killed=False)

    def fell(self) -> None:
        """It ended without being asked to."""
        self._over(killed=True)

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.up and self._frozen_at is None:
            self._signal(signal.SIGSTOP)
            self._frozen_at = time.time()

    def thaw(self) -> None:
        """SIGCONT."""
        if self.up and self._frozen_at is not None:
            self._signal(signal.SIGCONT)
            self._note_thaw()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):  # it has just ended, and that is not noted yet
            self._process.send_signal(number)

    def _note_thaw(self) -> None:
        if self._frozen_at is not None:
            self.lives[-1].frozen.append((self._frozen_at, time.time()))
            self._frozen_at = None

    def _over(self, *, killed: bool) -> None:
        self._note_thaw()
        life = self.lives[-1]
        life.ended, life.killed = time.time(), killed
