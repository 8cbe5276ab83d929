"""What the stack needs from a network: messages out, messages in, and word of who cannot be reached."""

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Peer(NamedTuple):
    """Where messages go to or come from. ``transport`` is ``UDP`` or ``TCP``, ``host`` a numeric address."""

    transport: str
    host: str
    port: int

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats and orders by itself."""
        return self.transport != "UDP"


class Wire(Protocol):
    """A network. ``receive`` and ``lost`` are called on the event loop, never from within ``send``."""

    async def start(self, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]) -> None:
        """Begin to listen. ``lost`` tells of a peer that refused (ICMP) or whose connection failed. Raises
        ``OSError``."""

    async def stop(self) -> None:
        """Close everything."""

    def send(self, data: bytes, peer: Peer) -> None:
        """Send one message. Never raises, never blocks."""

    def connected(self, peer: Peer) -> bool:
        """Whether a message to this peer needs no new connection."""

    def local(self, peer: Peer) -> tuple[str, int]:
        """The address and port at which this peer reaches us."""

    def source(self, host: str) -> str:
        """The local address that traffic to this one leaves from; not the one told to peers where NAT lies between."""

    @property
    def port(self) -> int:
        """The port bound."""
