"""The SIP engine in a process of its own, as the dialler embeds it, told what to do over standard input.

``python -m bench.engine TRACKS PORT...``: a line of JSON in, a line of JSON out.
"""

import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.processes import raise_file_limit
from bench.rig import CLIMB, HOST, PROMPT
from calldron.dialer.ports import DialRequest, Leg, Trunk
from calldron.domain.events import Answered, Ended, LegEvent, Role
from calldron.engines.sip.engine import SipEngine
from calldron.media import tones
from calldron.media.client import MediaServer, MediaSession
from calldron.media.events import MediaStats

_UP_WITHIN = 30.0  # seconds
_BEAT = 1.1  # seconds, in which the media process tells of its health
_PROMPT = "prompt"


class Calls:
    """The calls of one engine: what a call needs beyond it is a dictionary entry, so that the engine is measured."""

    def __init__(self, tracks: Path, ports: list[int]) -> None:
        self._tracks = tracks
        self._trunks = [Trunk(port, "callee", HOST, port) for port in ports]
        self._engine = SipEngine(host=HOST, port=0)
        self._counts = _Counts()
        self._legs: dict[int, Leg] = {}
        self._placed = 0
        self._up: set[int] = set()
        self._changed = asyncio.Event()

    async def start(self) -> dict[str, Any]:
        """Make the engine ready."""
        await self._engine.start()
        await self._engine.load_prompt(_PROMPT, tones.speech(PROMPT))
        gc.freeze()
        return {}

    async def climb(self, calls: int) -> dict[str, Any]:
        """Place calls until that many are up in all."""
        while self._placed < calls:
            self._place(self._placed)
            self._placed += 1
            await asyncio.sleep(1 / CLIMB)
        await self._until(lambda: len(self._up) == calls)
        return {}

    async def hang_up(self) -> dict[str, Any]:
        """End all calls at the pace at which they were placed; what was counted."""
        for number in sorted(self._up):
            self._legs[number].hangup()
            await asyncio.sleep(1 / (4 * CLIMB))
        await self._until(lambda: not self._legs)
        return await self._counts.told(self._placed)

    async def render(self, first: int, last: int) -> dict[str, Any]:
        """Make the recordings of calls ``first`` to before ``last``; their seconds."""
        seconds = 0.0
        with tempfile.TemporaryDirectory() as folder:
            for number in range(first, min(last, self._placed)):
                seconds += await self._engine.render(self._tracks / str(number), Path(folder) / f"{number}.mp3") or 0.0
        return {"seconds": seconds}

    async def stop(self) -> dict[str, Any]:
        """Release everything."""
        await self._engine.stop()
        return {}

    def _place(self, number: int) -> None:
        def hear(event: LegEvent) -> None:
            match event:
                case Answered():
                    self._legs[number].play(_PROMPT)
                    self._up.add(number)
                case Ended(_, ending):
                    self._up.discard(number)
                    del self._legs[number]
                    if not ending.answered:
                        raise SystemExit(f"a call failed: {ending}")
            self._changed.set()

        trunk = self._trunks[number % len(self._trunks)]
        request = DialRequest(
            str(number), Role.CLIENT, f"+7999{number:07}", "+74950000000", trunk, 30.0, self._tracks / str(number)
        )
        self._legs[number] = self._engine.dial(request, hear)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(_UP_WITHIN):
            while not true():
                self._changed.clear()
                await self._changed.wait()


class _Counts:
    """What media sessions and their server count. The engine keeps that to itself, so it is overheard."""

    def __init__(self) -> None:
        self._servers: list[MediaServer] = []
        self._sessions: dict[MediaSession, MediaStats] = {}
        self._closed = asyncio.Event()
        start, close = MediaServer.start, MediaSession.close

        async def started(server: MediaServer) -> None:
            self._servers.append(server)
            await start(server)

        async def closed(session: MediaSession) -> MediaStats:
            stats = self._sessions[session] = await close(session)
            self._closed.set()
            return stats

        server_class: Any = MediaServer
        session_class: Any = MediaSession
        server_class.start = started
        session_class.close = closed

    async def told(self, sessions: int) -> dict[str, Any]:
        """All of it, once so many sessions are closed."""
        while len(self._sessions) < sessions:
            self._closed.clear()
            await self._closed.wait()
        await asyncio.sleep(_BEAT)
        stats = self._sessions.values()
        return {
            "sent": sum(one.sent for one in stats),
            "received": sum(one.received for one in stats),
            "lost": sum(one.lost for one in stats),
            "late_slots": sum(server.health.late_slots for server in self._servers),
            "longest_delay": 1000 * max(server.health.longest_delay for server in self._servers),
        }


async def _obey(tracks: Path, ports: list[int]) -> None:
    calls = Calls(tracks, ports)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():  # at its end, whoever measures is gone
        name, *arguments = json.loads(line)
        print(json.dumps(await getattr(calls, name)(*arguments)), flush=True)
        if name == "stop":
            return


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(_obey(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
