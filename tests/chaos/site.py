"""The installation of a round: its database, web server, dialers and carrier, and a client of its API."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from peers.ports import HOST

from chaos.carrier import Carrier
from chaos.databases import Database
from chaos.environment import environment
from chaos.plan import Abilities, Plan, What
from chaos.ports import lasting_port
from chaos.programs import Life, Program

LEASE = 3
"""Seconds, the least there is: most rounds wait for leases to end."""

_CALLDRON = (sys.executable, "-m", "calldron.cli")
_UP_WITHIN = 60.0
_DISKS = {"sqlite": "48m", "postgres": "256m"}
_RESTART = 0.3
"""Seconds after which a program that ended by itself is started again, as a supervisor would."""


def abilities() -> Abilities:
    """Of this machine."""
    return Abilities(clocks=_libfaketime() is not None, disks=_can_mount())


def _libfaketime() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def _can_mount() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


class Site:
    """While ``open_site`` runs. ``offset``: by how much the dialers' wall clocks are ahead of the carrier's, so
    that the hour strikes when the plan says. Intervals are in Unix seconds by the carrier's clock."""

    def __init__(self, folder: Path, plan: Plan, can: Abilities, database: Database) -> None:
        self.folder = folder
        self.plan = plan
        self.database = database
        self.carrier = Carrier(folder)
        self.web = Program("web", folder / "web.log")
        self.dialers = [Program(f"dialer{nth}", folder / f"dialer{nth}.log") for nth in range(plan.dialers)]
        self.offset = 0.0
        self.began = 0.0
        self.full: list[tuple[float, float]] = []  # when the disk was
        self.away: list[tuple[float, float]] = []  # when the database was
        self.refusing: list[tuple[float, float]] = []  # when the carrier was
        self.turned: list[tuple[float, float]] = []  # when a dialer's clock was wrong
        self.falls: list[tuple[Program, Life, float]] = []  # who ended without being asked to
        self.port = lasting_port()
        self._url = f"http://{HOST}:{self.port}"
        self.api = httpx.AsyncClient(base_url=self._url, timeout=30, trust_env=False)
        self.disk = database.disk
        self._own_disk = can.disks and plan.has(What.FILL_DISK)
        self._faked = can.clocks and (plan.has_hours or plan.has(What.TURN_CLOCK))
        self._wanted: set[Program] = set()

    def clock_file(self, program: Program) -> Path:
        """What turns the program's wall clock (libfaketime's FAKETIME_TIMESTAMP_FILE)."""
        return self.folder / f"{program.name}.clock"

    def turn_clock(self, program: Program, seconds: float) -> None:
        """Let a program's wall clock be wrong by so much."""
        file = self.clock_file(program)
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{self.offset + seconds:+.3f}s\n")
        fresh.replace(file)

    async def start_web(self) -> None:
        """Start the web server."""
        command = [*_CALLDRON, "web", "--host", HOST, "--port", str(self.port)]
        await self.web.start(command, self._environment(self.web.name))
        self._wanted.add(self.web)

    async def start_dialer(self, program: Program) -> None:
        """Start a dialer, on a SIP port of its own."""
        port = lasting_port()
        environment = {**self._environment(program.name), **self._clock(program), "CALLDRON_SIP_PORT": str(port)}
        command = [sys.executable, "-m", "chaos.dialer"] if self._faked else [*_CALLDRON, "dialer"]
        await program.start(command, environment, port=port)
        self._wanted.add(program)

    async def kill(self, program: Program) -> None:
        """``kill -9``; it stays down until it is started."""
        self._wanted.discard(program)
        await program.kill()

    async def stop(self, program: Program) -> None:
        """SIGTERM, and wait."""
        self._wanted.discard(program)
        await program.stop()

    async def answers(self) -> bool:
        """Whether the API is up."""
        with suppress(httpx.TransportError):
            return (await self.api.get("/v1/docs")).status_code == 200
        return False

    async def ready(self) -> None:
        """Wait until the web server answers and every dialer dials."""
        deadline = time.monotonic() + _UP_WITHIN
        while not (await self.answers() and all("dialer ready" in one.log.read_text() for one in self.dialers)):
            ended = [one.log.read_text() for one in (self.web, *self.dialers) if not one.up]
            assert not ended, ended
            assert time.monotonic() < deadline, "the installation does not start"
            await asyncio.sleep(0.05)

    async def keep(self) -> None:
        """Start again what ended by itself, as a supervisor does, and note that it did."""
        while True:
            for program in list(self._wanted):
                if not program.up:
                    self._wanted.discard(program)
                    self.falls.append((program, program.lives[-1], time.time()))
                    program.fell()
                    await asyncio.sleep(_RESTART)
                    await (self.start_web() if program is self.web else self.start_dialer(program))
            await asyncio.sleep(0.1)

    async def begin(self) -> None:
        """The round begins, so that a minute begins when the plan says: the dialers' clocks are put forward. On
        PostgreSQL they go by the server's, and the right second is waited for."""
        until_minute = -(time.time() + self.plan.edge) % 60
        if self.plan.has_hours and self.plan.database == "postgres":
            await asyncio.sleep(until_minute)
        elif self.plan.has_hours:
            self._set_clocks(until_minute)
        self.began = time.time()

    def _set_clocks(self, offset: float) -> None:
        self.offset = offset
        for dialer in self.dialers:
            self.turn_clock(dialer, 0.0)

    async def open(self) -> None:
        """Prepare the database, start everything."""
        self.disk.mkdir(parents=True)
        if self._own_disk:
            size = f"size={_DISKS[self.plan.database]},mode=755"
            await _run("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.disk))
        await self.carrier.begin()
        await self.database.make((self.carrier.port, self.plan.cps, self.plan.channels))
        self.api.auth = httpx.BasicAuth(self.database.key, "")
        self._set_clocks(0.0)
        await self.start_web()
        for dialer in self.dialers:
            await self.start_dialer(dialer)
        await self.ready()

    async def close(self) -> None:
        """End what still runs, and forget the home."""
        self._wanted.clear()
        await self.api.aclose()
        for program in (*self.dialers, self.web, self.carrier):
            program.thaw()
            await program.kill()
        for pid in self.remaining():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        await self.database.close()
        if self.disk.is_mount():
            await _run("umount", "--lazy", str(self.disk))

    def remaining(self) -> list[int]:
        """Processes of this installation, by their environment."""
        mark = f"CALLDRON_PUBLIC_URL={self._url}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def _environment(self, program: str) -> dict[str, str]:
        return {
            **environment(),
            "CALLDRON_HOME": str(self.database.home(program)),
            "CALLDRON_PUBLIC_URL": self._url,
            "CALLDRON_API_RATE": "0",
            "CALLDRON_LEASE_SECONDS": str(LEASE),
            "CALLDRON_DRAIN_SECONDS": "3",
            "CALLDRON_SIP_HOST": HOST,
            **self.database.environment(),
        }

    def _clock(self, program: Program) -> dict[str, str]:
        if not self._faked:
            return {}
        return {
            "LD_PRELOAD": str(_libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock_file(program)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


async def _run(*command: str) -> None:
    done = await asyncio.create_subprocess_exec(*command)
    assert await done.wait() == 0, command


@asynccontextmanager
async def open_site(folder: Path, plan: Plan, can: Abilities, database: Database) -> AsyncIterator[Site]:
    """An installation in an empty folder, all of it up, until the block ends."""
    site = Site(folder, plan, can, database)
    try:
        await site.open()
        keeping = asyncio.create_task(site.keep(), name="keeper")
        try:
            yield site
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await site.close()
