"""A whole installation as it runs in production: web and dialer in processes of their own, and outside of them a
carrier that counts what reaches it."""

import asyncio
import base64
import io
import os
import signal
import subprocess
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import web_server
from lines import HOST
from web_server import WebServer

from calldron.engines.carrier.server import Carrier
from calldron.media import tones

PATIENCE = 60.0


class Installation:
    """``api`` is signed in as an account of its own. Numbers are the carrier's plan. Several dialers are told apart by
    names of ours."""

    def __init__(self, carrier: Carrier, web: WebServer, api: httpx.AsyncClient) -> None:
        self.home = web.home
        self.carrier = carrier
        self.api = api
        self._web = web
        self._dialers: dict[str, subprocess.Popen[bytes]] = {}

    def start_dialer(self, name: str = "dialer", **settings: str) -> None:
        """Start ``calldron dialer`` on the folder; it may be started again after it died. ``settings``: further
        ``CALLDRON_…``, in lower case."""
        with (self.home / f"{name}.log").open("ab") as log:
            self._dialers[name] = subprocess.Popen(
                [*web_server.CALLDRON, "dialer"],
                env=self._web.environment(**settings),
                stdout=log,
                stderr=log,
            )

    def signal_dialer(self, number: int, name: str = "dialer") -> None:
        """Send a signal to the dialer's process alone."""
        os.kill(self._dialers[name].pid, number)

    async def dialer_ended(self, name: str = "dialer") -> int:
        """The dialer's exit code, once it ended."""
        return await asyncio.to_thread(self._dialers[name].wait, PATIENCE)

    async def kill_dialer(self, name: str = "dialer") -> None:
        """``kill -9``."""
        self.signal_dialer(signal.SIGKILL, name)
        await self.dialer_ended(name)

    async def command(self, *arguments: str) -> str:
        """Run a ``calldron`` command on it; what it says."""
        return await asyncio.to_thread(self._web.run, *arguments)

    async def batch(self, **fields: object) -> str:
        """Create a batch that may dial at any hour; its id."""
        answer = await self.api.post("/v1/batches", json=[{"batch": {"type": "instant", **fields}}])
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    async def calls(self, batch: str, *numbers: str) -> list[str]:
        """Add calls; their ids."""
        body = [{"call": {"phone_number": number}} for number in numbers]
        answer = await self.api.post(f"/v1/batches/{batch}/calls", json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return [one["id"] for one in (made if isinstance(made, list) else [made])]

    async def call(self, batch: str, call: str) -> dict[str, Any]:
        """The call as the API shows it."""
        answer = await self.api.get(f"/v1/batches/{batch}/calls/{call}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def final(self, batch: str, call: str) -> dict[str, Any]:
        """The call once it is final."""
        return await self.shown(batch, call, lambda shown: bool(shown["final"]))

    async def shown(self, batch: str, call: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The call once this holds of it."""

        async def look() -> dict[str, Any] | None:
            shown = await self.call(batch, call)
            return shown if condition(shown) else None

        found: dict[str, Any] = await self.until(look, f"call {call}")
        return found

    async def recording(self, batch: str, call: str) -> bytes:
        """The finished recording, mp3."""
        shown = await self.shown(batch, call, lambda shown: shown["record_url"] is not None)
        answer = await self.api.get(shown["record_url"])
        assert answer.status_code == 200
        return answer.content

    async def until(self, look: Callable[[], Awaitable[Any]], what: str, patience: float = PATIENCE) -> Any:
        """Ask again and again until the answer is not ``None``: the API is all a client has to look at."""
        deadline = asyncio.get_running_loop().time() + patience
        while (found := await look()) is None:
            assert asyncio.get_running_loop().time() < deadline, f"{what}: {self.log()}"
            await asyncio.sleep(0.1)
        return found

    def log(self) -> str:
        """The end of each dialer's log."""
        logs = [self.home / f"{name}.log" for name in self._dialers]
        return "\n".join(f"{log.name}:\n{log.read_text()[-4000:]}" for log in logs)

    async def stop_web(self) -> None:
        """End the web server."""
        await asyncio.to_thread(self._web.stop)

    async def stop(self) -> None:
        """End every process."""
        running = [name for name, dialer in self._dialers.items() if dialer.poll() is None]
        for name in running * 2:
            self.signal_dialer(signal.SIGTERM, name)
        for name in running:
            await self.dialer_ended(name)
        await self.api.aclose()
        await self.stop_web()
        await self.carrier.stop()


async def start(home: Path, *, trunk: str = "", **settings: str) -> Installation:
    """Start one whose only trunk leads to its carrier; the dialer is left to the test. ``trunk``: options of
    ``calldron trunk add``. ``settings``: as for ``web_server.start``."""
    carrier = Carrier(HOST, 0)
    await carrier.start()
    web = await asyncio.to_thread(web_server.start, home, **{"api_rate": "0", **settings})
    added = ["trunk", "add", "counting", f"sip:{HOST}:{carrier.port}", *trunk.split()]
    await asyncio.to_thread(web.run, *added)
    key = await asyncio.to_thread(web.new_key, "owner@example.org")
    return Installation(carrier, web, httpx.AsyncClient(base_url=web.url, auth=(key, ""), timeout=60))


def intro(seconds: float = 2.0, hz: float = 1000.0) -> dict[str, str]:
    """An intro's two fields of a batch: a steady tone as a WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tones.tone(hz, seconds))
    return {"intro": base64.b64encode(file.getvalue()).decode(), "intro_filename": "intro.wav"}
