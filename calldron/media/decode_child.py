"""`python -m calldron.media.decode_child MAX_SECONDS`: a file on stdin, its sound on stdout (see `audio`).

Run by itself because it feeds strangers' bytes to C decoders. Chunks are decoded one by one and every limit
is looked at between them: a small file that unfolds into hours never takes more memory than the limit allows.
"""

import io
import json
import resource
import sys
from collections.abc import Iterator
from typing import Final, Protocol

import miniaudio
import numpy as np
import soundfile
import soxr

from calldron.media import containers
from calldron.media.audio import BROKEN, COSTLY, READY, SAMPLE_RATE, BadAudio
from calldron.media.loudness import Samples, level

MEMORY: Final = 768 * 2**20  # bytes of address space; 10 minutes of sound need 400 MB, the libraries included
CPU_SECONDS: Final = 40  # 10 minutes of Opus, the slowest to decode, take 8

MIN_RATE: Final = 2000
MAX_RATE: Final = 384_000
MAX_CHANNELS: Final = 32
_CHUNK: Final = 65_536  # samples, of all channels together
# Float files go a little past 1.0; some writers use the range of 16 or 32 bits. Nothing honest goes beyond.
_MAX_SAMPLE: Final = 2.0**32

# A stereo file whose sides are in opposite phase has nearly nothing left in their mean.
_CANCELLED: Final = 0.05


class Source(Protocol):
    rate: int
    channels: int

    def chunks(self) -> Iterator[Samples]:
        """Arrays of shape (frames, channels), full scale 1.0."""


class Mp3Source:
    """miniaudio, at the file's own rate: its resampler lets aliases through (-16 dB at 6 kHz)."""

    def __init__(self, data: bytes, mp3: containers.Mp3) -> None:
        self.rate = mp3.rate
        self.channels = mp3.channels
        self._data = data

    def chunks(self) -> Iterator[Samples]:
        stream = miniaudio.stream_memory(
            self._data, miniaudio.SampleFormat.FLOAT32, self.channels, self.rate, _CHUNK // self.channels
        )
        for chunk in stream:
            yield np.frombuffer(chunk, np.float32).reshape(-1, self.channels)


class SoundFileSource:
    """libsndfile, for wav (G.711 too) and ogg (Vorbis and Opus). Of a cut mp3 it repeats old buffers."""

    def __init__(self, data: bytes) -> None:
        self._file = soundfile.SoundFile(io.BytesIO(data))
        self.rate = self._file.samplerate
        self.channels = self._file.channels

    def chunks(self) -> Iterator[Samples]:
        frames = max(1, _CHUNK // self.channels)
        while (chunk := self._file.read(frames, dtype="float32", always_2d=True)).size:
            yield chunk


def open_source(data: bytes, kind: str, max_seconds: float) -> Source:
    if kind == "mp3":
        mp3 = containers.check_mp3(data)
        if mp3.seconds > max_seconds:
            raise _too_long(max_seconds)
        return Mp3Source(data, mp3)
    check = containers.check_wav if kind == "wav" else containers.check_ogg
    check(data)
    return SoundFileSource(data)


def to_line(source: Source, max_seconds: float) -> Samples:
    """The source at SAMPLE_RATE, one channel."""
    if not MIN_RATE <= source.rate <= MAX_RATE:
        raise BadAudio("unreadable", f"The audio file says it has {source.rate} samples a second; that is not sound.")
    if not 1 <= source.channels <= MAX_CHANNELS:
        raise BadAudio(
            "unreadable",
            f"The audio file says it has {source.channels} channels; {MAX_CHANNELS} are accepted.",
        )
    # The mean of all channels, and the first alone in case the mean cancels out.
    resampler = soxr.ResampleStream(source.rate, SAMPLE_RATE, 2, dtype="float32")
    frames = 0
    parts = []
    for chunk in source.chunks():
        frames += len(chunk)
        if frames > max_seconds * source.rate:
            raise _too_long(max_seconds)
        if not (np.abs(chunk) <= _MAX_SAMPLE).all():  # not true of a NaN either
            raise BadAudio("unreadable", "The audio file has samples that are no numbers.")
        parts.append(resampler.resample_chunk(np.column_stack((chunk.mean(axis=1), chunk[:, 0]))))
    if not frames:
        raise BadAudio("empty", "The audio file holds no sound.")
    parts.append(resampler.resample_chunk(np.zeros((0, 2), np.float32), last=True))
    sound = np.concatenate(parts)
    mean, first = np.ascontiguousarray(sound.T)
    chosen: Samples = first if _power(mean) < _CANCELLED * _power(first) else mean
    return chosen


def decode_file(data: bytes, max_seconds: float) -> tuple[str, bytes]:
    """(`mp3`, `wav` or `ogg`; 8 kHz mono s16le). Raises `BadAudio`."""
    kind = containers.kind(data)
    try:
        sound = to_line(open_source(data, kind, max_seconds), max_seconds)
    except (miniaudio.MiniaudioError, soundfile.SoundFileError, RuntimeError) as error:
        # soxr and the decoders have no finer errors than these.
        raise BadAudio("unreadable", BROKEN) from error
    return kind, np.rint(level(sound, SAMPLE_RATE) * 32767).astype("<i2").tobytes()


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _too_long(max_seconds: float) -> BadAudio:
    return BadAudio("too_long", f"The audio is longer than {max_seconds:g} seconds.")


def _confine() -> None:
    """Set after the libraries are loaded: a failure from here on is the file's fault."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    _confine()
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    pcm = b""
    try:
        kind, pcm = decode_file(sys.stdin.buffer.read(), float(sys.argv[1]))
        said = {"format": kind}
    except BadAudio as error:
        said = {"code": error.code, "message": str(error)}
    except MemoryError:
        said = {"code": "too_costly", "message": COSTLY}
    out.write(json.dumps(said).encode() + b"\n" + pcm)


if __name__ == "__main__":
    main()
