"""RTP (RFC 3550): packets to and from octets, and the receiver's count of them. No I/O, no clock."""

import struct
from functools import lru_cache
from typing import Final, NamedTuple

from calldron.media.errors import MalformedPacket

HEADER: Final = struct.Struct("!BBHII")
VERSION: Final = 0x80  # version 2, no padding, no extension, no CSRC
MARKER: Final = 0x80
COMFORT_NOISE: Final = 13  # RFC 3389
TIMESTAMP_MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
_SEQUENCES: Final = 0x10000
_MAX_DROPOUT: Final = 3000  # RFC 3550 appendix A.1
_MAX_MISORDER: Final = 100


class Packet(NamedTuple):
    """One RTP packet, without its CSRC list, header extension and padding."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def pack(packet: Packet) -> bytes:
    """A packet as octets. Raises ``struct.error`` for fields out of range."""
    second = packet.payload_type | MARKER if packet.marker else packet.payload_type
    header = HEADER.pack(VERSION, second, packet.sequence, packet.timestamp, packet.ssrc)
    return header + packet.payload


def unpack(data: bytes) -> Packet:
    """Octets to a packet. Raises ``MalformedPacket`` for what is not RTP version 2 or lies about its
    lengths."""
    if len(data) < HEADER.size:
        raise MalformedPacket(f"{len(data)} octets are too few for an RTP header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    payload = data[12:] if first == VERSION else _strip(data, first)
    return Packet(second & 0x7F, second >= MARKER, sequence, timestamp, ssrc, payload)


@lru_cache(maxsize=256)
def _headers(count: int, size: int) -> struct.Struct:
    """The headers of ``count`` packets of ``size`` octets that lie end to end."""
    return struct.Struct("!" + f"HHII{size - HEADER.size}x" * count)


def join(datagrams: list[bytes]) -> Packet | None:
    """An unbroken run of packets as one long packet, or ``None`` where it is not one (loss, disorder, another source,
    a header with options, a number that wraps). Costs a fraction of unpacking one by one."""
    size, count = len(datagrams[0]), len(datagrams)
    octets = b"".join(datagrams)
    if size <= HEADER.size or len(octets) != size * count:
        return None
    fields = _headers(count, size).unpack(octets)
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(octets)
    step = size - HEADER.size
    if (
        first != VERSION
        or fields[0::4] != (fields[0],) * count
        or fields[1::4] != tuple(range(sequence, sequence + count))
        or fields[2::4] != tuple(range(timestamp, timestamp + count * step, step))
        or fields[3::4] != (ssrc,) * count
    ):
        return None
    payload = b"".join([datagram[HEADER.size :] for datagram in datagrams])
    return Packet(second & 0x7F, second >= MARKER, sequence, timestamp, ssrc, payload)


def _strip(data: bytes, first: int) -> bytes:
    """The payload of a packet with CSRC list, extension (RFC 3550 section 5.3.1) or padding."""
    if first >> 6 != 2:
        raise MalformedPacket(f"RTP version {first >> 6}")
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            raise MalformedPacket("the header extension is cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data)
    if start > end:
        raise MalformedPacket("CSRC list or header extension run past the end")
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or padding > end - start:
            raise MalformedPacket(f"{padding} octets of padding in a payload of {end - start}")
        end -= padding
    return data[start:end]


def elapsed(earlier: int, later: int) -> int:
    """Signed distance between two 32-bit timestamps that wrap."""
    return ((later - earlier + _HALF) & TIMESTAMP_MASK) - _HALF


class Counter:
    """Counts what one receiver got (RFC 3550 appendices A.1 and A.3), over any number of successive
    sources."""

    __slots__ = ("_base", "_highest", "_jumped", "_lost_before", "_received", "late", "received")

    def __init__(self) -> None:
        self.received = 0
        self.late = 0
        self._lost_before = 0  # by sources that ended
        self._base = -1
        self._highest = -1  # extended by the count of wraps
        self._received = 0  # from the source that sends now
        self._jumped = -1

    def count(self, sequence: int) -> None:
        """Take note of a packet of the current source."""
        self.received += 1
        if self._base < 0:
            self._base = self._highest = sequence
            self._received = 1
            return
        ahead = sequence - self._highest & 0xFFFF
        if ahead < _MAX_DROPOUT:
            self._highest += ahead
            self._received += 1
        elif ahead > _SEQUENCES - _MAX_MISORDER:
            self.late += 1
            self._received += 1
        elif sequence == self._jumped:  # two in a row after a jump: the source restarted
            self.restart()
            self._base = self._highest = sequence
            self._received = 1
        else:
            self._jumped = sequence + 1 & 0xFFFF

    def count_run(self, sequence: int, length: int) -> None:
        """Take note of an unbroken run of packets that begins with this one."""
        self.count(sequence)
        if self._highest & 0xFFFF == sequence:
            self.received += length - 1
            self._received += length - 1
            self._highest += length - 1
        else:
            for step in range(1, length):
                self.count(sequence + step & 0xFFFF)

    def restart(self) -> None:
        """The source changed: what comes next begins a count of its own."""
        self._lost_before = self.lost
        self._base = self._highest = self._jumped = -1
        self._received = 0

    @property
    def lost(self) -> int:
        """Packets that never came."""
        if self._base < 0:
            return self._lost_before
        return self._lost_before + max(0, self._highest - self._base + 1 - self._received)
