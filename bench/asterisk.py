"""Asterisk 22, driven by ARI as a dialler does it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from peers.asterisk import Asterisk, dialer
from peers.ports import free_port

from bench.ari import APP, Ari, Event
from bench.rig import CLIMB, HOST, Counted, RigFailed

_UP_WITHIN = 30.0  # seconds
_AT_ONCE = 20  # requests under way when something is asked of every call


class AsteriskRig:
    """A call is originated into the Stasis application; then one snoop of both directions records it (the cheapest way
    that gets both), and the prompt, which is A-law as the call is, plays on it. Keys come as events."""

    name = "Asterisk 22, ARI"

    def __init__(self, asterisk: Asterisk, ports: Sequence[int]) -> None:
        self._asterisk = asterisk
        self._ports = ports
        self._ari: Ari
        self._placed = 0
        self._up: set[str] = set()  # calls whose prompt plays
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self._failure = ""

    @property
    def pid(self) -> int:
        """Asterisk; the client that drives it is this process and not counted."""
        return self._asterisk.pid

    async def climb(self, calls: int) -> None:
        """As ``Rig`` says."""
        while self._placed < calls:
            number = self._placed
            self._placed += 1
            port = self._ports[number % len(self._ports)]
            self._spawn(self._call(number, port))
            await asyncio.sleep(1 / CLIMB)
        await self._until(lambda: len(self._up) == calls, f"{calls} calls up")

    async def hang_up(self) -> Counted:
        """As ``Rig`` says."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def end(call: str) -> tuple[int, int, int]:
            async with gate:
                rtp = await self._ari("GET", f"channels/{call}/rtp_statistics")
                await self._ari("DELETE", f"channels/{call}")
            return int(rtp["txcount"]), int(rtp["rxcount"]), int(rtp["rxploss"])

        counts = await asyncio.gather(*(end(call) for call in sorted(self._up)))
        await self._until(lambda: not self._up, "calls over")
        sent, received, lost = (sum(column) for column in zip(*counts, strict=True))
        return Counted(sent, received, lost)

    def hear(self, event: Event) -> None:
        """Take an event of Asterisk."""
        match event:
            case {"type": "StasisStart", "channel": {"id": str(channel)}}:
                self._spawn(self._record(channel) if channel.startswith("snoop") else self._begin(channel))
            case {"type": "PlaybackStarted", "playback": {"target_uri": str(target)}}:
                self._up.add(target.removeprefix("channel:"))
            case {"type": "ChannelDestroyed", "channel": {"id": str(channel)}}:
                self._up.discard(channel)
        self._spawn(self._wake())

    async def _call(self, number: int, port: int) -> None:
        await self._ari(
            "POST",
            "channels",
            endpoint=f"PJSIP/sipp/sip:+7999{number:07}@{HOST}:{port}",
            app=APP,
            channelId=f"call{number}",
            formats="alaw",
        )

    async def _begin(self, channel: str) -> None:
        await self._ari("POST", f"channels/{channel}/snoop", spy="both", app=APP, snoopId=f"snoop-{channel}")
        await self._ari("POST", f"channels/{channel}/play", media="sound:intro60")

    async def _record(self, snoop: str) -> None:
        await self._ari("POST", f"channels/{snoop}/record", name=snoop, format="alaw", ifExists="overwrite")

    async def _until(self, true: Callable[[], bool], what: str) -> None:
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: bool(self._failure) or true()), _UP_WITHIN)
            except TimeoutError:
                raise RigFailed(f"{what}: not within {_UP_WITHIN:.0f} s, {len(self._up)} are up") from None
        if self._failure:
            raise RigFailed(self._failure)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._failure = repr(error)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["AsteriskRig"]:
        """With its ARI session open."""
        assert self._asterisk.http_port
        async with Ari(self._asterisk.http_port, self.hear) as self._ari:
            yield self


@asynccontextmanager
async def asterisk_rig(ports: Sequence[int]) -> AsyncIterator[AsteriskRig]:
    """An Asterisk that calls the callees at these ports."""
    with dialer(carrier_port=free_port(), load_port=free_port()) as asterisk:
        async with AsteriskRig(asterisk, ports).connected() as rig:
            yield rig
