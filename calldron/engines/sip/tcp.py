"""TCP: one connection a peer, used both ways for as long as it lives (RFC 3261 section 18)."""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.framing import Framer
from calldron.engines.sip.wire import Peer

CONNECT_TIMEOUT: Final = 5.0
MAX_CONNECTIONS: Final = 1024
MAX_UNSENT: Final = 2**20
"""Bytes waiting for a peer that does not read, until its connection is given up."""
MAX_WAITING: Final = 1024
"""Messages waiting for a connection that is being made."""

log = logging.getLogger(__name__)


class _Connection(asyncio.Protocol):
    def __init__(self, owner: "TcpConnections", peer: Peer | None) -> None:
        self._owner = owner
        self._peer = peer
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_connection makes)
        self._transport = transport
        if self._peer is None:
            host, port = transport.get_extra_info("peername")[:2]
            self._peer = Peer("TCP", host, port)
        self._owner.joined(self._peer, self)

    def data_received(self, data: bytes) -> None:
        assert self._peer is not None and self._transport is not None  # noqa: S101, PT018 (connection_made came first)
        try:
            messages = self._framer.feed(data)
        except MessageError as error:
            log.info("closed the connection of %s: %s", self._peer, error)
            self._transport.abort()
            return
        for message in messages:
            if message:
                self._owner.receive(message, self._peer)
            else:
                self._transport.write(b"\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._peer is not None:
            self._owner.left(self._peer, self)

    def send(self, data: bytes) -> None:
        """Write one message."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            log.warning("%s does not read, its connection is closed", self._peer)
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close after what is written has been sent."""
        if self._transport is not None:
            self._transport.close()


class TcpConnections:
    """The listening socket and every connection, by peer."""

    def __init__(self, host: str, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]) -> None:
        self.receive = receive
        self._host = host
        self._lost = lost
        self._server: asyncio.Server | None = None
        self._connections: dict[Peer, _Connection] = {}
        self._waiting: dict[Peer, list[bytes]] = {}
        self._stale_after: dict[Peer, float] = {}  # while a connection is being made
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> int:
        """Bind; the port bound. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, None), self._host, port, backlog=256, reuse_address=True
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def send(self, data: bytes, peer: Peer) -> None:
        """Send on the peer's connection, making one first where there is none."""
        if connection := self._connections.get(peer):
            connection.send(data)
        elif peer in self._waiting:
            if len(self._waiting[peer]) < MAX_WAITING:
                self._waiting[peer].append(data)
        else:
            self._waiting[peer] = [data]
            task = asyncio.get_running_loop().create_task(self._connect(peer), name=f"sip-connect-{peer.host}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        self._stale_after[peer] = loop.time() + CONNECT_TIMEOUT
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: _Connection(self, peer), peer.host, peer.port)
        except OSError as error:  # TimeoutError is one
            log.info("cannot connect to %s: %s", peer, error or "no answer")
            self._waiting.pop(peer, None)
            self._lost(peer)
        finally:
            del self._stale_after[peer]

    def joined(self, peer: Peer, connection: _Connection) -> None:
        """A connection is up: send what waited for it."""
        if len(self._connections) >= MAX_CONNECTIONS:
            log.warning("too many TCP connections, %s is refused", peer)
            connection.close()
            self._waiting.pop(peer, None)
            self._lost(peer)
            return
        self._connections[peer] = connection
        waiting = self._waiting.pop(peer, [])
        if waiting and asyncio.get_running_loop().time() > self._stale_after.get(peer, math.inf):
            self._lost(peer)  # this process was frozen meanwhile: an INVITE of then would ring now
            return
        for data in waiting:
            connection.send(data)

    def left(self, peer: Peer, connection: _Connection) -> None:
        """A connection is gone: what waits for a reply on it will not get one."""
        if self._connections.get(peer) is connection:
            del self._connections[peer]
            self._lost(peer)

    def connected(self, peer: Peer) -> bool:
        """Whether there is a connection to this peer or one is being made."""
        return peer in self._connections or peer in self._waiting

    async def close(self) -> None:
        """Close the listener and every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            connection.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
