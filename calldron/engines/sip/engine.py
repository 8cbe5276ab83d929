"""The embedded engine: SIP in this process, media in another."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from calldron.dialer.ports import DialRequest, Leg
from calldron.domain.errors import EngineUnavailable
from calldron.domain.events import LegEvent
from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.core import LIVENESS_INTERVAL
from calldron.engines.sip.leg import SipLeg
from calldron.engines.sip.pacer import Pacer
from calldron.engines.sip.rendering import Renderer
from calldron.engines.sip.transaction import Timing
from calldron.media.client import MediaServer
from calldron.media.errors import MediaUnavailable

STOP_PATIENCE: Final = 10.0
"""Seconds that ``stop`` gives the legs to end in good order."""

log = logging.getLogger(__name__)


class SipEngine:
    """Implements ``Engine``. ``host``: local address of SIP and RTP, ``0.0.0.0`` for whichever a trunk is reached from;
    ``advertise``: the address told to trunks where NAT lies between; ``rtp_ports`` bounds the RTP ports."""

    def __init__(
        self,
        *,
        host: str,
        port: int = 5060,
        advertise: str = "",
        rtp_ports: range | None = None,
        timing: Timing | None = None,
        liveness_interval: float = LIVENESS_INTERVAL,
        renderers: int = 1,
    ) -> None:
        self._where = f"{host}:{port}"
        self._agent = UserAgent(host, port, advertise=advertise, timing=timing, liveness_interval=liveness_interval)
        self._media = MediaServer(ports=rtp_ports)
        self._renderer = Renderer(renderers)
        self._pacer = Pacer()
        self._legs: dict[asyncio.Task[None], SipLeg] = {}
        self._stopping = False

    @property
    def port(self) -> int:
        """The SIP port bound, after ``start``."""
        return self._agent.port

    async def start(self) -> None:
        """Start the media process and bind the SIP port. Raises ``EngineUnavailable``."""
        try:
            await self._media.start()
            await self._agent.start()
        except MediaUnavailable as error:
            await self._media.stop()
            raise EngineUnavailable(f"media does not start: {error}") from error
        except OSError as error:
            await self._media.stop()
            raise EngineUnavailable(f"SIP cannot listen on {self._where}: {error.strerror or error}") from error

    async def stop(self) -> None:
        """Hang up what is left, wait until it is over, release everything."""
        self._stopping = True
        for leg in self._legs.values():
            leg.hangup()
        if self._legs:
            await asyncio.wait(self._legs, timeout=STOP_PATIENCE)
        await self._agent.stop()  # ends the calls whose other side does not answer
        if self._legs:
            await asyncio.wait(self._legs, timeout=STOP_PATIENCE)
        await self._media.stop()
        await self._renderer.stop()

    async def load_prompt(self, prompt: str, pcm: bytes) -> None:
        """Make a prompt known under its name."""
        await self._media.load_prompt(prompt, pcm)

    def knows_prompt(self, prompt: str) -> bool:
        """Whether the prompt is loaded."""
        return self._media.knows_prompt(prompt)

    def dial(self, request: DialRequest, emit: Callable[[LegEvent], None]) -> Leg:
        """Send an INVITE, from the next turn of the event loop on."""
        loop = asyncio.get_running_loop()
        leg = SipLeg(self._agent, self._media, self._pacer, loop.time, request, emit)
        if self._stopping:
            loop.call_soon(leg.end, Ending(EndedBy.LOCAL, sent=False))
            return leg
        task = loop.create_task(leg.run(), name=f"leg {request.leg_id}")
        self._legs[task] = leg
        task.add_done_callback(self._over)
        return leg

    def _over(self, task: asyncio.Task[None]) -> None:
        leg = self._legs.pop(task)
        if task.cancelled():
            leg.end(Ending(EndedBy.LOCAL))
        elif error := task.exception():
            log.critical("%s died", task.get_name(), exc_info=error)
            leg.hangup()
            leg.end(Ending(EndedBy.MEDIA))

    def bridge(self, one: Leg, other: Leg) -> None:
        """Let two answered legs of this engine hear each other."""
        if not (isinstance(one, SipLeg) and isinstance(other, SipLeg)):
            raise TypeError("only two legs of this engine can be bridged")
        one.bridge(other)

    async def render(self, tracks: Path, target: Path) -> float | None:
        """Mix the tracks of a call to one mp3."""
        return await self._renderer.render(tracks, target)
