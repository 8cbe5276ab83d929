"""Sounds made by arithmetic: call progress tones, beeps, keys, and bursts that measure like speech.

Everything is 8 kHz mono signed 16-bit little-endian, and the same on every run.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from calldron.media.g711 import SAMPLE_RATE

Wave = NDArray[np.float64]
"""Samples of full scale 1.0."""

_LEVEL: Final = 0.25  # -15 dBFS for a sine: well above the line's noise, pleasant in an earpiece
_EDGE: Final = 0.005  # seconds of fade that keep a beep from clicking

_RINGBACK_HZ: Final = 425  # ITU-T E.180 supplement 2, Russia: 425 Hz, 1 s on, 4 s off
_ATTENTION_HZ: Final = 950

_ROWS: Final = (697, 770, 852, 941)  # Hz, ITU-T Q.23
_COLUMNS: Final = (1209, 1336, 1477, 1633)
_KEYPAD: Final = "123A456B789C*0#D"

_HARMONICS: Final = np.array([1, 2, 3, 5, 7, 11])


def silence(seconds: float) -> bytes:
    """Samples of zero."""
    return bytes(2 * round(seconds * SAMPLE_RATE))


def tone(hz: float, seconds: float) -> bytes:
    """A sine that begins at zero; it loops without a click where ``hz * seconds`` is a whole number."""
    return _pcm(_sine(hz, seconds))


def beep(hz: float, seconds: float) -> bytes:
    """A sine with soft edges."""
    return _pcm(_faded(_sine(hz, seconds)))


def key(name: str, seconds: float) -> bytes:
    """The two tones of a key (ITU-T Q.23), for lines without telephone-events. Raises ``ValueError`` for no key."""
    if len(name) != 1 or name not in _KEYPAD:
        raise ValueError(f"{name!r} is not one of the keys {_KEYPAD}")
    row, column = divmod(_KEYPAD.index(name), 4)
    return _pcm(_faded(_sine(_ROWS[row], seconds) + _sine(_COLUMNS[column], seconds)))


def ringback() -> bytes:
    """One period of what a caller hears while the other side rings; to be looped."""
    return beep(_RINGBACK_HZ, 1.0) + silence(4.0)


def attention() -> bytes:
    """One period of the two short beeps that ask for a key; to be looped."""
    short = beep(_ATTENTION_HZ, 0.12)
    return short + silence(0.12) + short + silence(1.64)


def word(seconds: float, seed: int = 7) -> bytes:
    """One voiced burst, as a syllable or a "hello" looks to a detector."""
    return _pcm(_voiced(seconds, np.random.default_rng(seed)))


def speech(seconds: float, seed: int = 7) -> bytes:
    """Voiced bursts of about 0.3 s, with gaps shorter than a pause between sentences."""
    random = np.random.default_rng(seed)
    length = round(seconds * SAMPLE_RATE)
    parts: list[Wave] = []
    while sum(part.size for part in parts) < length:
        parts += [
            _voiced(random.uniform(0.22, 0.42), random),
            np.zeros(round(random.uniform(0.03, 0.09) * SAMPLE_RATE)),
        ]
    return _pcm(_faded(np.concatenate([*parts, np.zeros(0)])[:length]))


def _time(seconds: float) -> Wave:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _sine(hz: float, seconds: float) -> Wave:
    return _LEVEL * np.sin(2 * np.pi * hz * _time(seconds))


def _voiced(seconds: float, random: np.random.Generator) -> Wave:
    """Harmonics of a voice's pitch under a rising and falling envelope."""
    time = _time(seconds)
    pitch, phase = random.uniform(110, 150), random.uniform(0, 2 * np.pi)
    waves = np.sin(np.outer(2 * np.pi * pitch * time + phase, _HARMONICS)) / _HARMONICS
    envelope = np.sqrt(np.sin(np.pi * time / max(seconds, 1 / SAMPLE_RATE)).clip(0))
    return np.asarray(0.5 * _LEVEL * envelope * waves.sum(axis=1))


def _faded(wave: Wave) -> Wave:
    edge = min(round(_EDGE * SAMPLE_RATE), wave.size // 2)
    if edge:
        ramp = np.arange(edge) / edge
        wave[:edge] *= ramp
        wave[-edge:] *= ramp[::-1]
    return wave


def _pcm(wave: Wave) -> bytes:
    return np.rint(wave * 32767).astype("<i2").tobytes()
