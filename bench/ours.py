"""Calldron's own engine under measurement."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench import ROOT, processes
from bench.rig import Counted, RigFailed

_ANSWER = 120.0  # seconds, for the slowest that is asked for


class CalldronRig:
    """The process of ``bench.engine``: SIP engine, its media process, and a few lines that drive them."""

    name = "Calldron"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The process that holds the engine; the media process is its child."""
        return self._process.pid

    async def ask(self, what: str, *arguments: float) -> dict[str, Any]:
        """Have it do something, see ``bench.engine.Calls``."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), _ANSWER)
        if not line:
            raise RigFailed(f"the engine ended while it was asked to {what}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def climb(self, calls: int) -> None:
        """As ``Rig`` says."""
        await self.ask("climb", calls)

    async def hang_up(self) -> Counted:
        """As ``Rig`` says."""
        return Counted(**await self.ask("hang_up"))

    async def render(self, calls: int) -> tuple[float, float]:
        """Mix the recordings of so many calls: CPU seconds spent, seconds recorded."""
        await self.ask("render", 0, 1)  # starts the process that mixes, which is no part of a recording's cost
        before = processes.usage(self.pid).cpu
        seconds = (await self.ask("render", 1, calls + 1))["seconds"]
        return processes.usage(self.pid).cpu - before, seconds


@asynccontextmanager
async def calldron_rig(folder: Path, ports: Sequence[int]) -> AsyncIterator[CalldronRig]:
    """An engine that calls the callees at these ports and keeps its tracks in the folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.engine", str(folder), *map(str, ports)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        rig = CalldronRig(process)
        await rig.ask("start")
        yield rig
        await rig.ask("stop")
        await asyncio.wait_for(process.wait(), _ANSWER)
    finally:
        processes.kill(process.pid)
        await process.wait()
