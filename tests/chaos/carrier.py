"""The carrier: SIPp with the scenarios beside this file, which may be killed and comes back on the same port."""

import asyncio
import os
import shutil
import time
from pathlib import Path

from peers.ports import HOST, free_media_port, holds_udp

from chaos.ledger import Dial, read
from chaos.ports import lasting_port
from chaos.programs import Program

_SCENARIOS = Path(__file__).parent
_STARTS_WITHIN = 10.0


class Carrier(Program):
    """``dials`` is what it wrote down in all its lives."""

    def __init__(self, folder: Path) -> None:
        super().__init__("carrier", folder / "carrier.screen")
        self.port = lasting_port()
        self._folder = folder
        self._logs: list[Path] = []

    async def begin(self, *, refusing: bool = False) -> None:
        """Take calls, or answer 503 to each."""
        program = shutil.which("sipp")
        assert program is not None, "SIPp is not installed: run scripts/peers"
        name = f"carrier{len(self._logs)}"
        self._logs.append(self._folder / f"{name}.log")
        self._logs[-1].touch()
        scenario = _SCENARIOS / ("refusing.xml" if refusing else "carrier.xml")
        await self.start(
            [
                *(program, "-sf", str(scenario), "-i", HOST, "-p", str(self.port)),
                *("-mi", HOST, "-mp", str(free_media_port()), "-nostdin"),
                *("-trace_logs", "-log_file", str(self._logs[-1])),
                *("-trace_err", "-error_file", str(self._folder / f"{name}.errors")),
                # A message out of the scenario's order is let pass; a machine under load is no reason to end.
                *("-default_behaviors", "all,-abortunexp", "-watchdog_interval", "0"),
            ],
            {**os.environ, "TERM": "dumb"},
        )
        deadline = time.monotonic() + _STARTS_WITHIN
        while not holds_udp(self.port):
            assert self.up, f"SIPp ended: {self.log.read_text(errors='replace')[-1000:]}"
            assert time.monotonic() < deadline, "SIPp does not start"
            await asyncio.sleep(0.02)

    def dials(self) -> list[Dial]:
        """Every call that came to it."""
        return read(self._logs)
