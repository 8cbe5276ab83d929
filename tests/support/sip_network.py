"""A network in memory for SIP agents, with loss and delay, and peers that say exactly what a test writes."""

import asyncio
from collections.abc import Callable, Iterable

from calldron.engines.sip.message import Headers, Request, Response, parse
from calldron.engines.sip.wire import Peer

DELAY = 0.01

Fate = Callable[[bytes, Peer, Peer], Iterable[float]]
"""What becomes of a message from one to another: a delay for each copy that arrives."""


def faithful(_data: bytes, _one: Peer, _other: Peer) -> Iterable[float]:
    return (DELAY,)


class Network:
    """Wires by address. ``log`` holds (time, from, to, message) of everything sent, lost or not."""

    def __init__(self, fate: Fate = faithful) -> None:
        self.fate = fate
        self.nodes: dict[tuple[str, int], MemoryWire] = {}
        self.log: list[tuple[float, Peer, Peer, bytes]] = []

    def wire(self, host: str, port: int = 5060) -> "MemoryWire":
        return MemoryWire(self, host, port)

    def carry(self, data: bytes, one: Peer, other: Peer) -> None:
        loop = asyncio.get_running_loop()
        self.log.append((loop.time(), one, other, data))
        for delay in self.fate(data, one, other):
            # Timers of the same moment fire in no order; what was sent first arrives first.
            loop.call_later(delay + len(self.log) * 1e-9, self._arrive, data, one, other)

    def _arrive(self, data: bytes, one: Peer, other: Peer) -> None:
        if node := self.nodes.get((other.host, other.port)):
            node.receive(data, one)
        elif sender := self.nodes.get((one.host, one.port)):
            sender.lost(other)

    def first_lines(self, host: str) -> list[str]:
        """What this host sent, in order."""
        return [data.split(b"\r\n", 1)[0].decode() for _, one, _, data in self.log if one.host == host]

    def kinds(self, host: str) -> list[str]:
        """The same in short: a method, or a code and the method of its CSeq."""
        return [_kind(data) for _, one, _, data in self.log if one.host == host]

    def sent(self, host: str, kind: str) -> list[Request | Response]:
        """The messages of one kind that this host sent."""
        return [parse(data) for _, one, _, data in self.log if one.host == host and _kind(data) == kind]

    def times(self, host: str, kind: str) -> list[float]:
        """When they were sent."""
        return [round(at, 3) for at, one, _, data in self.log if one.host == host and _kind(data) == kind]


def _kind(data: bytes) -> str:
    message = parse(data)
    return message.method if isinstance(message, Request) else f"{message.code} {message.cseq.method}"


class MemoryWire:
    """Implements ``Wire``."""

    def __init__(self, network: Network, host: str, port: int) -> None:
        self._network = network
        self.host = host
        self.port = port
        self.receive: Callable[[bytes, Peer], None] = lambda _data, _peer: None
        self.lost: Callable[[Peer], None] = lambda _peer: None

    async def start(self, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]) -> None:
        self.receive = receive
        self.lost = lost
        self._network.nodes[self.host, self.port] = self

    async def stop(self) -> None:
        self._network.nodes.pop((self.host, self.port), None)

    def send(self, data: bytes, peer: Peer) -> None:
        self._network.carry(data, Peer(peer.transport, self.host, self.port), peer)

    def connected(self, _peer: Peer) -> bool:
        return True

    def local(self, _peer: Peer) -> tuple[str, int]:
        return self.host, self.port

    def source(self, _host: str) -> str:
        return self.host


class Puppet:
    """A peer without a stack: it holds what came, and sends what the test says."""

    def __init__(self, network: Network, host: str = "192.0.2.2", port: int = 5060) -> None:
        self.wire = network.wire(host, port)
        self.host = host
        self._came: asyncio.Queue[tuple[Request | Response, Peer]] = asyncio.Queue()
        self.peer = Peer("UDP", "", 0)

    async def start(self) -> "Puppet":
        await self.wire.start(self._receive, lambda _: None)
        return self

    def _receive(self, data: bytes, peer: Peer) -> None:
        self._came.put_nowait((parse(data), peer))

    async def expect(self, kind: str, *, within: float = 100.0) -> Request | Response:
        """The next message, which has to be of this kind ("ACK", "200 BYE")."""
        message = await self.expect_any(within=within)
        got = message.method if isinstance(message, Request) else f"{message.code} {message.cseq.method}"
        assert got == kind, f"expected {kind}, got {got}"
        return message

    async def expect_any(self, *, within: float = 100.0) -> Request | Response:
        """The next message."""
        async with asyncio.timeout(within):
            message, self.peer = await self._came.get()
        return message

    async def request(self, kind: str, *, within: float = 100.0) -> Request:
        message = await self.expect(kind, within=within)
        assert isinstance(message, Request)
        return message

    async def response(self, kind: str, *, within: float = 100.0) -> Response:
        message = await self.expect(kind, within=within)
        assert isinstance(message, Response)
        return message

    async def response_any(self) -> Response:
        """The next message, a response."""
        message = await self.expect_any()
        assert isinstance(message, Response)
        return message

    async def nothing(self, seconds: float) -> None:
        """Nothing may come for so long."""
        await asyncio.sleep(seconds)
        assert self._came.empty(), f"not expected: {self._came.get_nowait()[0]}"

    def forget(self) -> None:
        """Pass over what came so far."""
        while not self._came.empty():
            self._came.get_nowait()

    def send(self, message: Request | Response) -> None:
        self.wire.send(bytes(message), self.peer)

    def respond(
        self,
        request: Request,
        code: int,
        *,
        tag: str = "puppet",
        headers: Headers | None = None,
        body: bytes = b"",
        contact: str = "",
    ) -> Response:
        """Answer a request; a Contact and the type of the body are filled in."""
        response = request.response(code, to_tag="" if code == 100 else tag, headers=headers)
        if code < 300:
            response.headers.setdefault("contact", [f"<{contact or f'sip:puppet@{self.host}:{self.wire.port}'}>"])
        if body:
            response.headers["content-type"] = ["application/sdp"]
            response.body = body
        self.send(response)
        return response

    def in_dialog(self, invite: Request, method: str, number: int, *, tag: str = "puppet", **headers: str) -> Request:
        """A request of ours in the dialog that our answer to ``invite`` made, not sent yet."""
        assert invite.contact is not None
        return Request(
            {
                "via": [f"SIP/2.0/UDP {self.host}:5060;branch=z9hG4bK{method}{number}{tag}"],
                "from": [f"{invite.headers['to'][0]};tag={tag}"],
                "to": invite.headers["from"],
                "call-id": [invite.call_id],
                "cseq": [f"{number} {method}"],
                "contact": [f"<sip:puppet@{self.host}:5060>"],
                **{name.replace("_", "-"): [value] for name, value in headers.items()},
            },
            method=method,
            uri=invite.contact.uri,
        )
