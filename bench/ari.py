"""Asterisk's REST interface over the websocket that brings its events (Asterisk 22.5 and later)."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any, Self

from peers.ports import HOST
from websockets.asyncio.client import ClientConnection, connect

Event = dict[str, Any]

_ANSWER = 15.0  # seconds
_USER = ("calldron", "ari-secret")  # of the peer's own configuration
APP = "calldron"


class AriError(RuntimeError):
    """Asterisk refused a request; the message says which and why."""


class Ari:
    """An open session: ``async with Ari(port, on_event)``."""

    def __init__(self, port: int, on_event: Callable[[Event], None]) -> None:
        self._url = f"ws://{':'.join(_USER)}@{HOST}:{port}/ari/events?app={APP}"
        self._on_event = on_event
        self._waiting: dict[str, asyncio.Future[Event]] = {}
        self._socket: ClientConnection
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._socket = await connect(self._url, max_size=None, compression=None)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def __call__(self, method: str, path: str, **query: str | int) -> Any:
        """Ask, and return the answer's body."""
        number = uuid.uuid4().hex
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        strings = [{"name": name, "value": str(value)} for name, value in query.items()]
        request = {"type": "RESTRequest", "request_id": number, "method": method, "uri": path, "query_strings": strings}
        await self._socket.send(json.dumps(request))
        response = await asyncio.wait_for(answer, _ANSWER)
        if response["status_code"] >= 400:
            raise AriError(f"{method} {path}: {response['status_code']} {response.get('message_body', '')}")
        body = response.get("message_body")
        return json.loads(body) if body else None

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message)
            if event["type"] == "RESTResponse":
                waiting = self._waiting.pop(event["request_id"], None)
                if waiting and not waiting.done():
                    waiting.set_result(event)
            else:
                self._on_event(event)
