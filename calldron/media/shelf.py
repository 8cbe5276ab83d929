"""The prompts that are held for the media process: the least recently played are let go when there are too
many."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from calldron.media.errors import UnknownPrompt

_OCTETS: Final = 512 << 20  # about nine hours of prompts in both laws
_DESCRIPTORS: Final = 256


class Shelf:
    """Shared memory of prompts by name, least recently used first. Owns the descriptors."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[int, int]] = OrderedDict()  # descriptor, size
        self._octets = 0

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Names and descriptors."""
        return ((name, descriptor) for name, (descriptor, _) in self._held.items())

    def put(self, name: str, descriptor: int, size: int) -> None:
        """Hold a prompt."""
        self._held[name] = descriptor, size
        self._octets += size

    def use(self, name: str) -> None:
        """Take note that it is played. Raises ``UnknownPrompt``."""
        try:
            self._held.move_to_end(name)
        except KeyError:
            raise UnknownPrompt(f"prompt {name!r} is not loaded") from None

    def shed(self) -> Iterator[str]:
        """Let go of what is too much, but never of the last used; the names."""
        while len(self._held) > 1 and (self._octets > _OCTETS or len(self._held) > _DESCRIPTORS):
            name, (descriptor, size) = self._held.popitem(last=False)
            self._octets -= size
            os.close(descriptor)
            yield name

    def clear(self) -> None:
        """Let go of all."""
        for descriptor, _ in self._held.values():
            os.close(descriptor)
        self._held.clear()
        self._octets = 0
