"""A session's UDP socket: an even port of our own, and the one address that media is accepted from."""

import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import Final

from calldron.media import rtp
from calldron.media.errors import MalformedPacket

Address = tuple[str, int]

_RECEIVE_BUFFER: Final = 1 << 18  # seconds of a stream, so that a ticker that is late loses nothing
_QUEUED: Final = 1000  # more datagrams than that buffer holds
_TRIES: Final = 64
_RTCP: Final = range(64, 96)  # payload types that RTCP on the same port would seem to have (RFC 5761 section 4)


class Endpoint:
    """One non-blocking UDP socket. Connected to the far side, the kernel itself drops what others send, and
    a datagram costs less; behind NAT (``latch``) it is connected to the first who sends.

    ``send(data)`` and ``receive(size)`` raise ``OSError``, also for what became of earlier datagrams
    (ECONNREFUSED). They are attributes, since they change with the state and a call less a packet counts.
    """

    __slots__ = ("_filtered", "_host", "_latch", "_remote", "_socket", "receive", "send")

    receive: Callable[[int], bytes]
    send: Callable[[bytes], int]

    def __init__(self, host: str, ports: Iterator[int] | None = None) -> None:
        """Bind an even port (RFC 3550 section 11), the next free one of ``ports`` or any. Raises
        ``OSError``."""
        self._host = host
        self._socket = _bind_even(host, ports)
        self._remote: Address | None = None
        self._latch = False
        self._filtered = False  # by the kernel, to one remote address
        self._use_socket()

    @property
    def port(self) -> int:
        """The local port."""
        port: int = self._socket.getsockname()[1]
        return port

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self._socket.fileno()

    def connect(self, remote: Address, latch: bool) -> bool:
        """Exchange media with ``remote``, or with who sends first. True where the descriptor is another one
        now. Raises ``OSError``."""
        if (remote, latch) == (self._remote, self._latch):
            return False
        self._remote, self._latch = remote, latch
        rebound = latch and self._filtered
        if rebound:
            self._rebind()
        if latch:
            self.send, self.receive = self._send_to_remote, self._receive_first
        else:
            self._socket.connect(remote)
            self._use_socket()
        self._filtered = not latch
        if not rebound:
            self._drain()
        return rebound

    def close(self) -> None:
        """Release the port."""
        self._socket.close()

    def _use_socket(self) -> None:
        self.send, self.receive = self._socket.send, self._socket.recv

    def _send_to_remote(self, data: bytes) -> int:
        return self._socket.sendto(data, self._remote) if self._remote else 0

    def _receive_first(self, size: int) -> bytes:
        """Take the first who sends RTP for the far side."""
        data, sender = self._socket.recvfrom(size)
        with contextlib.suppress(MalformedPacket):
            if rtp.unpack(data).payload_type not in _RTCP:
                self._socket.connect(sender)
                self._drain()
                self._filtered = True
                self._use_socket()
        return data

    def _rebind(self) -> None:
        """Only a new socket forgets what the old one was connected to. Both share the port for a moment."""
        port = self.port
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        fresh = _new_socket(self._host)
        try:
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            fresh.bind((self._host, port))
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        except OSError:
            fresh.close()
            raise
        self._socket.close()
        self._socket = fresh

    def _drain(self) -> None:
        """Drop what was queued before there was a filter: anybody may have sent it."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_QUEUED):
                with contextlib.suppress(ConnectionError):
                    self._socket.recv(1)


def _new_socket(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    fresh = socket.socket(family, socket.SOCK_DGRAM)
    fresh.setblocking(False)
    fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return fresh


def _bind_even(host: str, ports: Iterator[int] | None) -> socket.socket:
    for _ in range(_TRIES):
        fresh = _new_socket(host)
        try:
            fresh.bind((host, next(ports) if ports else 0))
        except OSError as error:
            fresh.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        if fresh.getsockname()[1] % 2 == 0:
            return fresh
        fresh.close()
    raise OSError(errno.EADDRINUSE, f"no even port is free on {host}")
