"""The sounds of the number plan, made when the carrier starts."""

from typing import Final

from calldron.engines.carrier.plan import Sound
from calldron.media import tones

ANNOUNCEMENT_SECONDS: Final = 2.0
HELLO_SECONDS: Final = 0.6
GREETING_SECONDS: Final = 8.0


def synthesise() -> dict[Sound, bytes]:
    """8 kHz mono signed 16-bit little-endian."""
    return {
        Sound.ANNOUNCEMENT: tones.speech(ANNOUNCEMENT_SECONDS, seed=21),
        Sound.HELLO: tones.word(HELLO_SECONDS),
        Sound.GREETING: tones.speech(GREETING_SECONDS, seed=60) + tones.silence(0.3) + tones.beep(1000, 0.5),
        Sound.TONE_440: tones.tone(440, 1.0),
        Sound.TONE_880: tones.tone(880, 1.0),
    }
