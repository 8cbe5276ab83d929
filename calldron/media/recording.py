"""A call's tracks become one mp3."""

import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import lameenc
import numpy as np
from numpy.typing import NDArray

from calldron.media.g711 import SAMPLE_RATE, samples
from calldron.media.track import HEADER_SIZE, SUFFIX, TrackHeader

log = logging.getLogger(__name__)

_CHUNK: Final = 10 * SAMPLE_RATE  # samples held in memory at once, of each track
_LONGEST: Final = 24 * 3600 * SAMPLE_RATE  # a track that begins later than that has a header that lies
_BIT_RATE: Final = 24  # kbit/s: transparent for 8 kHz speech, 180 kB a minute
_QUALITY: Final = 5  # 40 ms of CPU a minute; 2 takes three times that for nothing one hears on a telephone line


@dataclass(frozen=True, slots=True)
class _Source:
    """A track file: where it begins relative to the earliest one, and how long it is, in samples."""

    file: Path
    header: TrackHeader
    start: int
    length: int

    def read(self, begin: int, count: int) -> tuple[int, NDArray[np.int16]]:
        """The samples of this track between ``begin`` and ``begin + count``, and how far into that they start."""
        first = max(begin, self.start)
        last = min(begin + count, self.start + self.length)
        if last <= first:
            return 0, np.zeros(0, np.int16)
        with self.file.open("rb") as file:
            file.seek(HEADER_SIZE + first - self.start)
            return first - begin, samples(file.read(last - first), self.header.codec)


def mix(tracks: Path, target: Path) -> float | None:
    """Sum all tracks of a folder, each at its time, into one mono 8 kHz mp3; its length in seconds, or ``None`` where
    nothing was recorded.

    Reads the leavings of a killed process too. Memory is bounded whatever the length. ``target`` appears whole or not
    at all. Raises ``OSError``. Takes about 50 ms of CPU a minute, so it belongs in a thread or process of its own.
    """
    sources = _sources(tracks)
    if not sources:
        return None
    length = max(source.start + source.length for source in sources)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _encode(sources, length, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o640)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return length / SAMPLE_RATE


def _sources(folder: Path) -> list[_Source]:
    found = sorted(_headers(folder), key=lambda track: track[1].monotonic)
    if not found:
        return []
    origin = found[0][1].monotonic
    sources = []
    for file, header, length in found:
        start = round((header.monotonic - origin) * SAMPLE_RATE)
        if start > _LONGEST:
            log.warning("track %s is left out: it would begin %.0f h after the first", file, start / SAMPLE_RATE / 3600)
            continue
        sources.append(_Source(file, header, start, length))
    return sources


def _headers(folder: Path) -> Iterator[tuple[Path, TrackHeader, int]]:
    """What can be read of the tracks, and how many samples each holds."""
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        with file.open("rb") as opened:
            head = opened.read(HEADER_SIZE)
        try:
            header = TrackHeader.unpack(head)
        except ValueError as error:
            log.warning("track %s is left out: %s", file, error)
            continue
        if length := file.stat().st_size - HEADER_SIZE:
            yield file, header, length


def _encode(sources: list[_Source], length: int, file: BinaryIO) -> None:
    encoder = lameenc.Encoder()
    encoder.silence()  # lame's own chatter on standard output
    encoder.set_channels(1)
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_out_sample_rate(SAMPLE_RATE)
    encoder.set_bit_rate(_BIT_RATE)
    encoder.set_quality(_QUALITY)
    for begin in range(0, length, _CHUNK):
        file.write(encoder.encode(_sum(sources, begin, min(_CHUNK, length - begin)).tobytes()))
    file.write(encoder.flush())


def _sum(sources: list[_Source], begin: int, count: int) -> NDArray[np.int16]:
    """Voices that add up to more than full scale are limited to it."""
    total = np.zeros(count, np.int32)
    for source in sources:
        at, part = source.read(begin, count)
        total[at : at + len(part)] += part
    return np.clip(total, -32768, 32767).astype("<i2")
