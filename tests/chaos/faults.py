"""What goes wrong, one coroutine a kind; each puts right again what it broke."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from chaos.owner import Owner
from chaos.plan import Fault, What
from chaos.programs import Program
from chaos.site import Site

_BLOCKS = (1 << 20, 1 << 12, 1)


class Faults:
    """``made`` counts the faults that met something to break."""

    def __init__(self, site: Site, owner: Owner) -> None:
        self.made: dict[What, int] = {}
        self._site = site
        self._owner = owner
        self._busy: set[object] = set()  # what a fault has in hand

    async def make(self, fault: Fault) -> None:
        """Break something, wait, put it right. Two faults of one thing at once are one."""
        dialer = self._site.dialers[fault.target]
        thing, work = {
            What.KILL_DIALER: (dialer, self._kill_dialer),
            What.FREEZE_DIALER: (("freeze", dialer), self._freeze),
            What.STOP_DIALER: (dialer, self._stop_dialer),
            What.KILL_CARRIER: (self._site.carrier, self._kill_carrier),
            What.REFUSE: (self._site.carrier, self._refuse),
            What.FILL_DISK: ("disk", self._fill_disk),
            What.TURN_CLOCK: (("clock", dialer), self._turn_clock),
            What.KILL_WEB: (self._site.web, self._kill_web),
            What.KILL_DATABASE: ("database", self._kill_database),
            What.STOP_DATABASE: ("database", self._stop_database),
        }[fault.what]
        if thing in self._busy:
            return
        self._busy.add(thing)
        try:
            self.made[fault.what] = self.made.get(fault.what, 0) + 1
            await work(fault)
        finally:
            self._busy.discard(thing)

    def _dialer(self, fault: Fault) -> Program:
        return self._site.dialers[fault.target]

    async def _kill_dialer(self, fault: Fault) -> None:
        await self._site.kill(self._dialer(fault))
        await asyncio.sleep(fault.seconds)
        await self._site.start_dialer(self._dialer(fault))

    async def _freeze(self, fault: Fault) -> None:
        self._dialer(fault).freeze()
        await asyncio.sleep(fault.seconds)
        self._dialer(fault).thaw()

    async def _stop_dialer(self, fault: Fault) -> None:
        await self._site.stop(self._dialer(fault))
        await self._site.start_dialer(self._dialer(fault))

    async def _kill_carrier(self, fault: Fault) -> None:
        await self._site.carrier.kill()
        await asyncio.sleep(fault.seconds)
        await self._site.carrier.begin()

    async def _refuse(self, fault: Fault) -> None:
        began = time.time()
        await self._site.carrier.kill()
        await self._site.carrier.begin(refusing=True)
        await asyncio.sleep(fault.seconds)
        await self._site.carrier.kill()
        await self._site.carrier.begin()
        self._site.refusing.append((began, time.time()))

    async def _fill_disk(self, fault: Fault) -> None:
        ballast = self._site.disk / "ballast"
        began = time.time()
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(fault.seconds)
        ballast.unlink()
        await self._site.database.recover()
        self._site.full.append((began, time.time()))

    async def _turn_clock(self, fault: Fault) -> None:
        began = time.time()
        self._site.turn_clock(self._dialer(fault), fault.turn)
        await asyncio.sleep(fault.seconds)
        self._site.turn_clock(self._dialer(fault), 0.0)
        self._site.turned.append((began, time.time()))

    async def _kill_web(self, fault: Fault) -> None:
        adding = asyncio.create_task(self._owner.add(self._owner.batches[0], fault.numbers))
        await asyncio.sleep(fault.seconds / 50)  # a POST takes some 20 ms
        await self._site.kill(self._site.web)
        await self._site.start_web()
        await adding

    async def _kill_database(self, fault: Fault) -> None:
        began = time.time()
        await self._site.database.kill(fault.seconds)
        self._site.away.append((began, time.time()))

    async def _stop_database(self, fault: Fault) -> None:
        began = time.time()
        await self._site.database.stop(fault.seconds)
        self._site.away.append((began, time.time()))


def _fill(ballast: Path) -> None:
    """Leave not an octet free on the disk of this file."""
    with ballast.open("wb", buffering=0) as file:
        for size in _BLOCKS:
            with suppress(OSError):  # No space left on device, which is the point
                while file.write(bytes(size)) == size:
                    pass
