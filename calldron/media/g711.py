"""G.711 A-law and mu-law by table: 64K entries to encode, 256 to decode or to translate one law into the
other.

The values are ITU-T G.711's as the Sun reference code (and Python's former ``audioop``) computes them.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 8000
FRAME: Final = 160
"""Samples, and so octets, of a 20 ms frame."""


class Codec(IntEnum):
    """The two laws, valued by their static RTP payload types (RFC 3551 table 4)."""

    PCMU = 0
    PCMA = 8

    @property
    def silence(self) -> int:
        """The octet nearest to a zero sample."""
        return 0xFF if self is Codec.PCMU else 0xD5


def _ulaw_expand() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


def _alaw_expand() -> NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, mantissa + 0x108 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype("<i2")


_BIAS: Final = 0x21  # of mu-law, in its 14-bit domain
_CLIP: Final = 8159


def _segment(magnitude: NDArray[np.int64], lowest_end: int) -> NDArray[np.int64]:
    """Index of the first of eight doubling segment ends that holds the magnitude; 8 above them all."""
    ends = (lowest_end + 1 << np.arange(8)) - 1
    return np.searchsorted(ends, magnitude)


def _ulaw_compress() -> NDArray[np.uint8]:
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64) >> 2
    mask = np.where(sample < 0, 0x7F, 0xFF)
    magnitude = np.minimum(np.abs(sample), _CLIP) + _BIAS
    segment = _segment(magnitude, 0x3F)
    code = np.where(segment >= 8, 0x7F, segment << 4 | magnitude >> segment + 1 & 0x0F)
    return (code ^ mask).astype(np.uint8)


def _alaw_compress() -> NDArray[np.uint8]:
    sample = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int64) >> 3
    mask = np.where(sample < 0, 0x55, 0xD5)
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = _segment(magnitude, 0x1F)
    code = np.where(segment >= 8, 0x7F, segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F)
    return (code ^ mask).astype(np.uint8)


_EXPAND: Final = {Codec.PCMU: _ulaw_expand(), Codec.PCMA: _alaw_expand()}
_COMPRESS: Final = {Codec.PCMU: _ulaw_compress(), Codec.PCMA: _alaw_compress()}
_TRANSLATE: Final = {
    (one, other): bytes(_COMPRESS[other][_EXPAND[one].view(np.uint16)].tolist())
    for one in Codec
    for other in Codec
    if one is not other
}


def encode(pcm: bytes, codec: Codec) -> bytes:
    """Signed 16-bit little-endian samples to G.711. Raises ``ValueError`` for half a sample."""
    codes: NDArray[np.uint8] = _COMPRESS[codec][np.frombuffer(pcm, "<u2")]
    return codes.tobytes()


def decode(data: bytes, codec: Codec) -> bytes:
    """G.711 to signed 16-bit little-endian samples."""
    return samples(data, codec).tobytes()


def samples(data: bytes, codec: Codec) -> NDArray[np.int16]:
    """G.711 to an array of samples."""
    return _EXPAND[codec][np.frombuffer(data, np.uint8)]


def translation(one: Codec, other: Codec) -> bytes | None:
    """The table for ``bytes.translate`` that turns ``one`` into ``other``; ``None`` where they are the
    same."""
    return _TRANSLATE.get((one, other))
