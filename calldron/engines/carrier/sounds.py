"""The sounds of the number plan, made when the carrier starts."""

from typing import Final

from calldron.engines.carrier.plan import KEY_SECONDS, Sound
from calldron.media import tones
from calldron.media.client import MediaServer
from calldron.media.dtmf import KEYS
from calldron.media.g711 import SAMPLE_RATE

ANNOUNCEMENT_SECONDS: Final = 2.0
HELLO_SECONDS: Final = 0.6
GREETING_SECONDS: Final = 8.0


class SoundBank:
    """Every sound a callee makes, as prompts of the media process."""

    def __init__(self) -> None:
        self._sounds = {
            Sound.ANNOUNCEMENT: tones.speech(ANNOUNCEMENT_SECONDS, seed=21),
            Sound.HELLO: tones.word(HELLO_SECONDS),
            Sound.GREETING: tones.speech(GREETING_SECONDS, seed=60) + tones.silence(0.3) + tones.beep(1000, 0.5),
            Sound.TONE_440: tones.tone(440, 1.0),
            Sound.TONE_880: tones.tone(880, 1.0),
        }

    async def load(self, media: MediaServer) -> None:
        """Make all of them known. Raises ``MediaUnavailable``."""
        for sound, pcm in self._sounds.items():
            await media.load_prompt(sound, pcm)
        for key in KEYS:
            await media.load_prompt(self.key(key), tones.key(key, KEY_SECONDS))

    def seconds(self, sound: Sound) -> float:
        """How long it is."""
        return len(self._sounds[sound]) / 2 / SAMPLE_RATE

    def key(self, key: str) -> str:
        """The prompt of a key as it sounds on a line without telephone-events."""
        return f"key-{key}"
