"""How much of what is heard is voice, by energy."""

from typing import Final

import numpy as np

from calldron.media.g711 import SAMPLE_RATE, Codec, samples

_STEP: Final = 16  # sample magnitude per level, so that a level fits an octet; saturates at -18 dBFS
_THRESHOLD: Final = 260 / _STEP  # mean magnitude, about -42 dBFS: above line noise, below quiet speech


def _levels(codec: Codec) -> bytes:
    magnitude = np.abs(samples(bytes(range(256)), codec).astype(np.int32))
    return bytes(np.minimum(magnitude // _STEP, 255).tolist())


_LEVELS: Final = {codec: _levels(codec) for codec in Codec}


def is_voice(payload: bytes, codec: Codec) -> bool:
    """Whether a G.711 payload is loud enough to be somebody speaking."""
    return sum(payload.translate(_LEVELS[codec])) > _THRESHOLD * len(payload)


class Listening:
    """Measures voice until ``seconds`` have passed, or the last ``silence`` seconds had none. Clocks are in
    samples."""

    __slots__ = ("_patience", "_quiet_since", "_until", "_voiced")

    def __init__(self, now: int, seconds: float, silence: float) -> None:
        self._until = now + round(seconds * SAMPLE_RATE)
        self._patience = round(silence * SAMPLE_RATE)
        self._quiet_since = now
        self._voiced = 0

    def hear(self, now: int, payload: bytes, codec: Codec) -> None:
        """Take note of a payload that came at ``now``."""
        if is_voice(payload, codec):
            self._voiced += len(payload)
            self._quiet_since = now

    def over(self, now: int) -> bool:
        """Whether it is time to stop listening."""
        return now >= self._until or now - self._quiet_since >= self._patience

    @property
    def seconds(self) -> float:
        """Voice so far."""
        return self._voiced / SAMPLE_RATE
