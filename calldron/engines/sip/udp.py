"""The UDP socket. Own reading instead of asyncio's datagram endpoint, which does not say *who* refused."""

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Callable
from typing import Final

from calldron.engines.sip.wire import Peer

MAX_DATAGRAM: Final = 65535
BATCH: Final = 64
"""Datagrams read at a time until other callbacks get their turn."""
BUFFER: Final = 4 * 2**20

_UNREACHABLE: Final = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH})
# linux/in.h, linux/in6.h and bits/socket.h; Python's socket module does not name them.
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_MSG_ERRQUEUE: Final = 0x2000

log = logging.getLogger(__name__)


class UdpSocket:
    """One bound socket for every peer. Raises ``OSError`` where the address cannot be bound."""

    def __init__(
        self, host: str, port: int, receive: Callable[[bytes, Peer], None], lost: Callable[[Peer], None]
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._receive = receive
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            if sys.platform == "linux":
                # Without it an unconnected socket never hears of ICMP errors.
                level, option = (
                    (socket.IPPROTO_IPV6, _IPV6_RECVERR)
                    if family == socket.AF_INET6
                    else (socket.IPPROTO_IP, _IP_RECVERR)
                )
                self._socket.setsockopt(level, option, 1)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes, peer: Peer) -> None:
        """Send a datagram. A full buffer loses it, as the network might: what matters is repeated."""
        for _ in range(2):
            try:
                self._socket.sendto(data, (peer.host, peer.port))
            except BlockingIOError:
                log.warning("the UDP send buffer is full, a message to %s is lost", peer)
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    continue  # the pending error of an earlier datagram, maybe to somebody else: this one was not sent
                log.info("cannot send to %s: %s", peer, error)
                self._loop.call_soon(self._lost, peer)
            return

    def close(self) -> None:
        """Stop reading and release the port."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(BATCH):
            if self._socket.fileno() < 0:
                return  # closed by what the last datagram led to
            try:
                data, address = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                continue  # the error of a datagram sent before; the queue below says whose
            if len(data) > 4:  # keepalives (RFC 5626 section 3.5.1) and NAT pings are shorter than any message
                self._receive(data, Peer("UDP", address[0], address[1]))
        self._read_errors()

    def _read_errors(self) -> None:
        if sys.platform != "linux":
            return
        for _ in range(BATCH):
            if self._socket.fileno() < 0:
                return
            try:
                _, ancillary, _, address = self._socket.recvmsg(0, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            # struct sock_extended_err begins with the errno, 32 bits.
            codes = {int.from_bytes(data[:4], sys.byteorder) for _, _, data in ancillary}
            if address and codes & _UNREACHABLE:
                self._lost(Peer("UDP", address[0], address[1]))
