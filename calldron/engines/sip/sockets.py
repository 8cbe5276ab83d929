"""The real network: a UDP socket and TCP connections on one local address."""

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Final

from calldron.engines.sip.tcp import TcpConnections
from calldron.engines.sip.udp import UdpSocket
from calldron.engines.sip.wire import Peer
from calldron.media.addresses import ip_address

_TRIES: Final = 16
_MAX_ROUTES: Final = 10_000  # whoever sends us a datagram has one


class Sockets:
    """Implements ``Wire``. UDP and TCP share a port; port 0 asks the kernel for one that is free for both.

    ``advertise`` is the address told to peers where it is not the one bound (NAT). With a wildcard ``host`` it is found
    for each peer by the kernel's routes.
    """

    def __init__(
        self, host: str, port: int, *, transports: Sequence[str] = ("udp", "tcp"), advertise: str = ""
    ) -> None:
        self._host = host
        self._port = port
        self._kinds = frozenset(kind.upper() for kind in transports)
        self._advertise = advertise
        self._routes: dict[str, str] = {}
        self._udp: UdpSocket | None = None
        self._tcp: TcpConnections | None = None

    @property
    def port(self) -> int:
        """The port bound."""
        return self._port

    async def start(self, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]) -> None:
        """Bind. Raises ``OSError``."""
        for attempt in range(_TRIES):
            try:
                await self._bind(receive, lost)
            except OSError:
                # The kernel's choice for one transport may be taken on the other.
                await self.stop()
                if self._port or attempt == _TRIES - 1:
                    raise
            else:
                return

    async def _bind(self, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]) -> None:
        port = self._port
        if "UDP" in self._kinds:
            self._udp = UdpSocket(self._host, port, receive, lost)
            port = self._udp.port
        if "TCP" in self._kinds:
            self._tcp = TcpConnections(self._host, receive, lost)
            port = await self._tcp.listen(port)
        self._port = port

    async def stop(self) -> None:
        """Close everything."""
        udp, self._udp = self._udp, None
        tcp, self._tcp = self._tcp, None
        if udp is not None:
            udp.close()
        if tcp is not None:
            await tcp.close()

    def send(self, data: bytes, peer: Peer) -> None:
        """Send one message; dropped where the transport is not one of ours, or after ``stop``."""
        if peer.transport == "UDP" and self._udp is not None:
            self._udp.send(data, peer)
        elif peer.transport == "TCP" and self._tcp is not None:
            self._tcp.send(data, peer)

    def connected(self, peer: Peer) -> bool:
        """Whether a message to this peer needs no new connection."""
        return peer.transport == "UDP" or (self._tcp is not None and self._tcp.connected(peer))

    def local(self, peer: Peer) -> tuple[str, int]:
        """Where this peer reaches us."""
        return self._advertise or self.source(peer.host), self._port

    def source(self, host: str) -> str:
        """The local address that traffic to this one leaves from."""
        source = self._routes.get(host)
        if source is None:
            if len(self._routes) >= _MAX_ROUTES:
                self._routes.clear()
            source = self._routes[host] = self._route(host)
        return source

    def _route(self, host: str) -> str:
        if not ip_address(self._host).is_unspecified:
            return self._host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Connecting a UDP socket sends nothing; it only asks for the route.
            probe.connect((host, 9))
            route: str = probe.getsockname()[0]
            return route
        return self._host
