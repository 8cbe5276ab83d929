"""Tracks: what went one way through a session, streamed to disk as G.711 octets behind a small header.

A clock here counts samples (8000 a second) and is the ticker's; the file says where on the monotonic clock
it begins.
"""

import contextlib
import logging
import math
import os
import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

from calldron.media.g711 import SAMPLE_RATE, Codec, translation
from calldron.media.rtp import elapsed
from calldron.media.writer import MAX_BACKLOG, Writer

log = logging.getLogger(__name__)

SUFFIX: Final = ".g711"
_MAGIC: Final = b"CDT1"
_HEADER: Final = struct.Struct("!4sB3xdd")  # magic, RTP payload type, wall and monotonic clock of the first sample
HEADER_SIZE: Final = _HEADER.size
_LEAP: Final = 2 * SAMPLE_RATE  # how far timestamps may stray from arrival before they are taken for a lie
_FILL: Final = 1 << 16
_SAME_NAME: Final = 1000


class TrackHeader(NamedTuple):
    """How to read a track. ``wall`` is seconds since the epoch, ``monotonic`` of CLOCK_MONOTONIC."""

    codec: Codec
    wall: float
    monotonic: float

    def pack(self) -> bytes:
        """As the first octets of the file."""
        return _HEADER.pack(_MAGIC, self.codec, self.wall, self.monotonic)

    @classmethod
    def unpack(cls, data: bytes) -> "TrackHeader":
        """Raises ``ValueError`` for what is no track's beginning."""
        if len(data) < _HEADER.size:
            raise ValueError("the header is cut off")
        magic, codec, wall, monotonic = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError("not a track")
        if not (math.isfinite(wall) and math.isfinite(monotonic)):
            raise ValueError("the header's clocks are no times")
        return cls(Codec(codec), wall, monotonic)


class Placement:
    """Where on the sample clock the payloads of an RTP source belong: by their timestamps, which keep order
    and gaps, within two seconds of their arrival, so that a lying timestamp can make neither a gap nor a
    file of gigabytes."""

    __slots__ = ("_place", "_timestamp")

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._place = 0

    def place(self, timestamp: int, arrival: int) -> int:
        """The sample clock of a payload's first sample."""
        if self._timestamp is not None:
            place = self._place + elapsed(self._timestamp, timestamp)
            if -_LEAP <= place - arrival <= _LEAP:
                self._timestamp, self._place = timestamp, place
                return place
        self._timestamp, self._place = timestamp, arrival
        return arrival

    def forget(self) -> None:
        """The source changed: the next payload is placed by its arrival."""
        self._timestamp = None


class Track:
    """One track being written. The file is made when the first payload comes, and everything on disk is
    done by the writer's thread."""

    __slots__ = ("_buffer", "_end", "_fd", "_file", "_first", "_origin", "_writer", "codec", "failed")

    def __init__(self, file: Path, codec: Codec, writer: Writer, origin: float) -> None:
        """``origin``: the monotonic clock where the sample clock is zero."""
        self.codec = codec
        self.failed = False
        self._file = file
        self._writer = writer
        self._origin = origin
        self._fd = -1  # the writer's thread owns it
        self._first: int | None = None  # clock of the first sample
        self._end = -1  # clock after the last sample
        self._buffer = bytearray()  # what ends there and is not on its way to the disk yet

    def put(self, clock: int, payload: bytes, codec: Codec) -> None:
        """Place a payload. What overlaps replaces, gaps are filled with silence."""
        if codec is not self.codec and (table := translation(codec, self.codec)):
            payload = payload.translate(table)
        if clock != self._end:
            if self._first is None:
                self._begin(clock)
            elif clock > self._end:
                self._fill(clock - self._end)
            else:
                payload = self._patch(clock, payload)
        self._buffer += payload
        self._end += len(payload)

    def flush(self) -> None:
        """Send what is buffered on its way to the disk."""
        buffer = self._buffer
        if not buffer or self._first is None:
            return
        offset = self._end - len(buffer) - self._first
        self._buffer = bytearray()
        if self._writer.backlog > MAX_BACKLOG:
            self._fail(OSError("the disk does not keep up"))
        else:
            self._writer.submit(lambda: self._write(offset, buffer), len(buffer))

    def close(self) -> None:
        """Flush and let go of the file."""
        self.flush()
        self._writer.submit(self._release)

    def _begin(self, clock: int) -> None:
        self._first = self._end = clock
        monotonic = self._origin + clock / SAMPLE_RATE
        header = TrackHeader(self.codec, time.time() - (time.monotonic() - monotonic), monotonic)
        self._writer.submit(lambda: self._create(header))

    def _fill(self, gap: int) -> None:
        """A long gap (the far side was on hold) never becomes one long buffer."""
        silence = bytes([self.codec.silence])
        while gap:
            step = min(gap, _FILL)
            self._buffer += silence * step
            self._end += step
            gap -= step
            if len(self._buffer) >= _FILL:
                self.flush()

    def _patch(self, clock: int, payload: bytes) -> bytes:
        """Write what came late over the silence that stands in for it; what goes past the end is given
        back."""
        first = self._first if self._first is not None else clock
        if clock < first:
            payload, clock = payload[first - clock :], first
        old, new = payload[: self._end - clock], payload[self._end - clock :]
        flushed = self._end - len(self._buffer)
        if clock < flushed:
            on_disk, offset = old[: flushed - clock], clock - first
            self._writer.submit(lambda: self._write(offset, on_disk), len(on_disk))
            old, clock = old[flushed - clock :], flushed
        if old:
            at = clock - flushed
            self._buffer[at : at + len(old)] = old
        return new

    def _create(self, header: TrackHeader) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._fd = self._open_new()
            os.write(self._fd, header.pack())
        except OSError as error:
            self._fail(error)

    def _open_new(self) -> int:
        """A recording is never written over: a second one of the same name gets a number."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = self._file
        for number in range(2, _SAME_NAME):
            with contextlib.suppress(FileExistsError):
                return os.open(file, flags, 0o640)
            file = self._file.with_name(f"{self._file.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")
        raise FileExistsError(f"{_SAME_NAME} tracks are called {self._file}")

    def _write(self, offset: int, octets: bytes | bytearray) -> None:
        if self.failed:
            return
        try:
            if os.pwrite(self._fd, octets, HEADER_SIZE + offset) < len(octets):
                raise OSError("no space left for all of it")
        except OSError as error:
            self._fail(error)

    def _release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _fail(self, error: OSError) -> None:
        if not self.failed:
            self.failed = True
            log.error("track %s can't be written: %s", self._file, error)
