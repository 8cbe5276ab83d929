"""The SIP user agent of one local address."""

from collections.abc import Callable, Sequence

from calldron.engines.sip.inbound import InboundCall


class UserAgent:
    """Places and takes calls at one address, over UDP and TCP on the same port. (Published ahead; being built.)"""

    host: str
    port: int
    """The port bound, after ``start`` (0 asks the kernel for one)."""

    def __init__(
        self,
        host: str,
        port: int = 5060,
        *,
        on_invite: Callable[[InboundCall], None] | None = None,
        transports: Sequence[str] = ("udp", "tcp"),
        name: str = "Calldron",
    ) -> None: ...

    async def start(self) -> None:
        """Bind the sockets. Raises ``OSError``."""

    async def stop(self) -> None:
        """Hang up every call, wait (bounded) until they are over, close the sockets."""
