"""What an audio file says of itself, read in Python before any C decoder sees it.

Tells the container by its structure, not by one magic number, and refuses files that are cut short: half an
intro must not be played to a hundred thousand people because an upload broke off.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from calldron.media.audio import BadAudio

# ISO 11172-3 table 2.4.2.3, ISO 13818-3: layer III bit rates in kbit/s. Index 0 is "free", 15 forbidden.
_KBITS_V1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_V2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

# An encoder's padding before the first frame is small; a search further on finds "frames" in any binary file.
_MP3_SEARCH: Final = 65536
_MP3_RUN: Final = 3

# A writer that cannot seek back (ffmpeg or a TTS service into a pipe) leaves this: until the end of the file.
_WAV_UNKNOWN_SIZE: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class Mp3Frame:
    start: int
    size: int
    rate: int
    channels: int
    samples: int


@dataclass(frozen=True)
class Mp3:
    """A whole mp3 file: its first frame's rate (Hz) and channels, and its length from counting the frames."""

    rate: int
    channels: int
    seconds: float


def kind(data: bytes) -> str:
    """`wav`, `ogg` or `mp3`; raises `BadAudio` (`not_audio`) for anything else."""
    if data[:4] in (b"RIFF", b"RIFX", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if _first_mp3_frame(data) is not None:
        return "mp3"
    raise BadAudio("not_audio", "This is not an audio file that can be played: send mp3, wav or ogg.")


def check_wav(data: bytes) -> None:
    """Raises `BadAudio` where the data chunk is missing, empty or promises more bytes than the file has."""
    order = ">" if data[:4] == b"RIFX" else "<"
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, at)
        at += 8
        if name == b"data":
            if size == _WAV_UNKNOWN_SIZE:
                return
            if size == 0:
                raise BadAudio("empty", "The audio file holds no sound.")
            if size > len(data) - at:
                raise _truncated(f"its header promises {size} bytes of sound and {len(data) - at} are there")
            return
        at += size + size % 2
    raise _truncated("it ends before the sound starts")


def check_ogg(data: bytes) -> None:
    """Raises `BadAudio` where the last page is incomplete or lacks the end-of-stream flag (RFC 3533)."""
    last = data.rfind(b"OggS")
    page = data[last:]
    lacing = page[26] if len(page) > 26 else 256
    whole = len(page) >= 27 + lacing and len(page) >= 27 + lacing + sum(page[27 : 27 + lacing])
    if not whole or not page[5] & 0x04:
        raise _truncated("its last page is missing")


def check_mp3(data: bytes) -> Mp3:
    """Counts the frames; raises `BadAudio` where the last one is incomplete."""
    first = _first_mp3_frame(data)
    if first is None:
        raise BadAudio("not_audio", "This is not an mp3 file.")
    seconds = 0.0
    last = first
    for frame in _mp3_frames(data, first):
        seconds += frame.samples / frame.rate
        last = frame
    if last.start + last.size > len(data):
        raise _truncated("its last frame is incomplete")
    return Mp3(first.rate, first.channels, seconds)


def _truncated(detail: str) -> BadAudio:
    return BadAudio("truncated", f"The audio file is cut short: {detail}. Upload it again.")


def _first_mp3_frame(data: bytes) -> Mp3Frame | None:
    start = _after_id3(data)
    at = data.find(b"\xff", start, start + _MP3_SEARCH)
    while at != -1:
        frame = _mp3_frame(data, at)
        if frame is not None and _followed_by_frames(data, frame):
            return frame
        at = data.find(b"\xff", at + 1, start + _MP3_SEARCH)
    return None


def _followed_by_frames(data: bytes, frame: Mp3Frame) -> bool:
    for _ in range(_MP3_RUN - 1):
        at = frame.start + frame.size
        following = _mp3_frame(data, at)
        if following is None or following.rate != frame.rate:
            return False
        frame = following
    return True


def _mp3_frames(data: bytes, first: Mp3Frame) -> Iterator[Mp3Frame]:
    """Every frame; bytes that are none (tags, noise) are stepped over as decoders do."""
    frame: Mp3Frame | None = first
    while frame is not None:
        yield frame
        at = frame.start + frame.size
        frame = _mp3_frame(data, at)
        # Tags after the sound (ID3v1, APE, Lyrics3) may hold bytes like a frame's: only a run counts there.
        while frame is None and (at := data.find(b"\xff", at)) != -1:
            frame = _mp3_frame(data, at)
            if frame is not None and not _followed_by_frames(data, frame):
                frame = None
            at += 1


def _mp3_frame(data: bytes, at: int) -> Mp3Frame | None:
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    second, third, fourth = data[at + 1 : at + 4]
    version, layer = second >> 3 & 3, second >> 1 & 3
    bits, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return None
    hertz = _RATES[version][rate]
    samples, kbits = (1152, _KBITS_V1[bits]) if version == 3 else (576, _KBITS_V2[bits])
    size = samples // 8 * kbits * 1000 // hertz + padding
    return Mp3Frame(at, size, hertz, 1 if fourth >> 6 == 3 else 2, samples)


def _after_id3(data: bytes) -> int:
    """Where the ID3v2 tags end: their size is four bytes of seven bits."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        a, b, c, d = data[at + 6 : at + 10]
        at += 10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | (d & 127))
    return at
