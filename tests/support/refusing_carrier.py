"""A carrier that knows no number (404) and notes when each INVITE came, by the kernel's clock.

One thread, without a line of ours that a dialer uses: what it counts is what went over the wire.
"""

import re
import socket
import struct
import threading
from dataclasses import dataclass

from peers.ports import HOST

_SO_TIMESTAMPNS = 35  # https://docs.kernel.org/networking/timestamping.html; Python has no name for it
_BUFFER = 8 << 20
_COPIED = re.compile(rb"^(?:via|v|from|f|call-id|i|cseq) *:.*\r\n", re.IGNORECASE | re.MULTILINE)
_TO = re.compile(rb"^(?:to|t) *:([^\r]*)\r\n", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(rb"INVITE sips?:([^@;> ]+)")
_BRANCH = re.compile(rb";branch=([^;,\s]+)")


@dataclass(frozen=True, slots=True)
class Invite:
    """``at``: seconds since 1970."""

    at: float
    number: str


class RefusingCarrier:
    """Listens from the moment it is made. ``invites`` are those of new transactions, in their order."""

    def __init__(self) -> None:
        self.invites: list[Invite] = []
        self._seen: set[bytes] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((HOST, 0))
        self._thread = threading.Thread(target=self._run, name="refusing carrier", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Of UDP."""
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Listen no more."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()

    def most_within(self, seconds: float) -> int:
        """The most INVITEs that came within a span of so many seconds, wherever it begins."""
        times = sorted(invite.at for invite in self.invites)
        first = most = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _run(self) -> None:
        while True:
            message, ancillary, _, source = self._socket.recvmsg(65_535, socket.CMSG_SPACE(16))
            if not message:
                return
            if found := _NUMBER.match(message):
                self._note(message, found[1].decode(), ancillary)
                self._socket.sendto(_not_found(message), source)

    def _note(self, message: bytes, number: str, ancillary: list[tuple[int, int, bytes]]) -> None:
        branch = _BRANCH.search(message)
        assert branch is not None
        if branch[1] not in self._seen:  # not one that is sent again
            self._seen.add(branch[1])
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            self.invites.append(Invite(seconds + nanoseconds / 1e9, number))


def _not_found(invite: bytes) -> bytes:
    copied = b"".join(_COPIED.findall(invite))
    to = _TO.search(invite)
    assert to is not None
    return b"SIP/2.0 404 Not Found\r\n" + copied + b"To:" + to[1] + b";tag=no\r\nContent-Length: 0\r\n\r\n"
