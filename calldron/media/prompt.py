"""Prompts: encoded once into both laws, whole 20 ms frames, in memory that the media process shares with
its parent."""

import mmap
import os
from typing import Final

from calldron.media.g711 import FRAME, Codec, encode

_LAWS: Final = (Codec.PCMA, Codec.PCMU)  # in the order of the shared memory
_BYTES_PER_SAMPLE: Final = 2


def share(name: str, pcm: bytes) -> tuple[int, int]:
    """Encode 8 kHz mono s16le samples into an anonymous file; its descriptor (the caller closes it) and its
    size.

    Raises ``ValueError`` for half a sample, ``OSError`` where there is no memory or descriptor left.
    """
    if len(pcm) % _BYTES_PER_SAMPLE:
        raise ValueError(f"prompt {name!r}: {len(pcm)} bytes are no whole number of 16-bit samples")
    frames = max(1, -(-len(pcm) // (_BYTES_PER_SAMPLE * FRAME)))
    padded = pcm.ljust(_BYTES_PER_SAMPLE * FRAME * frames, b"\0")
    content = b"".join(encode(padded, law) for law in _LAWS)
    fd = os.memfd_create("calldron-prompt")
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.close(fd)
        raise
    return fd, len(content)


class Prompt:
    """A prompt mapped from its descriptor, which may be closed afterwards (the mapping keeps a copy)."""

    __slots__ = ("_length", "octets")

    def __init__(self, fd: int) -> None:
        self.octets = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        self._length = len(self.octets) // len(_LAWS)

    def span(self, codec: Codec) -> tuple[int, int]:
        """Where in ``octets`` the frames of a law begin and end."""
        begin = _LAWS.index(codec) * self._length
        return begin, begin + self._length
