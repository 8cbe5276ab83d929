"""The sandbox carrier: a telephone network at one SIP address, where the number says what happens."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from calldron.domain.outcome import Ending
from calldron.engines.carrier.callee import Callee
from calldron.engines.carrier.plan import behaviour
from calldron.engines.carrier.sounds import SoundBank
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.inbound import InboundCall
from calldron.media.client import MediaServer

log = logging.getLogger(__name__)


class Carrier:
    """Takes every call at ``host``:``port`` (0: the kernel chooses), a numeric local address that media uses as well.

    ``on_over`` is called with the number and the end of each call, once all of it is released.
    """

    def __init__(self, host: str, port: int, *, on_over: Callable[[str, Ending], None] | None = None) -> None:
        self.invites: Counter[str] = Counter()
        """How many calls came for each number, written as it was dialled; re-INVITEs and repeats are not calls."""
        self.host = host
        self._on_over = on_over
        self._media = MediaServer()
        self._sounds = SoundBank()
        self._agent = UserAgent(host, port, on_invite=self._take, name="Calldron sandbox carrier")
        self._callees: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The SIP port bound, after ``start``."""
        return self._agent.port

    @property
    def calls(self) -> int:
        """Calls being held now."""
        return len(self._callees)

    async def start(self) -> None:
        """Start the media process and bind the address. Raises ``OSError``, ``MediaUnavailable``."""
        try:
            await self._media.start()
            await self._sounds.load(self._media)
            await self._agent.start()
        except BaseException:
            await self._media.stop()
            raise

    async def stop(self) -> None:
        """Hang up every call and release everything."""
        await self._agent.stop()
        for callee in self._callees:
            callee.cancel()
        if self._callees:
            await asyncio.wait(self._callees)
        await self._media.stop()

    def _take(self, call: InboundCall) -> None:
        self.invites[call.number] += 1
        callee = Callee(call, self._media, self._sounds, self.host)
        task = asyncio.create_task(callee.run(behaviour(call.number)), name=f"callee {call.number}")
        self._callees.add(task)
        task.add_done_callback(lambda _: self._over(call, task))

    def _over(self, call: InboundCall, task: asyncio.Task[None]) -> None:
        self._callees.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("the call to %s failed", call.number, exc_info=error)
        if call.ended.done():
            ending = call.ended.result()
            log.info("call to %s over: %s %s", call.number, ending.by, ending.sip_code)
            if self._on_over:
                self._on_over(call.number, ending)
