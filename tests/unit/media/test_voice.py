import numpy as np
import pytest

from calldron.media.g711 import Codec, encode
from calldron.media.voice import Listening, is_voice


def noise(decibels: float, codec: Codec = Codec.PCMA, frames: int = 50) -> list[bytes]:
    """Frames of white noise of that level below full scale."""
    level = 32768 * 10 ** (decibels / 20)
    pcm = np.random.default_rng(1).normal(0, level, 160 * frames).clip(-32768, 32767).astype("<i2")
    octets = encode(pcm.tobytes(), codec)
    return [octets[at : at + 160] for at in range(0, len(octets), 160)]


@pytest.mark.parametrize("codec", Codec)
def test_speech_level_is_voice_and_line_noise_is_not(codec: Codec) -> None:
    assert all(is_voice(frame, codec) for frame in noise(-30, codec))
    assert not any(is_voice(frame, codec) for frame in noise(-55, codec))
    assert not is_voice(bytes([codec.silence]) * 160, codec)


def test_an_empty_payload_is_no_voice() -> None:
    assert not is_voice(b"", Codec.PCMA)


def test_voice_is_added_up_and_silence_ends_it() -> None:
    listening = Listening(1000, seconds=60, silence=2)
    now = 1000
    for frame in noise(-20):
        now += 160
        listening.hear(now, frame, Codec.PCMA)
        assert not listening.over(now)
    assert listening.seconds == 1.0
    assert not listening.over(now + 2 * 8000 - 1)
    assert listening.over(now + 2 * 8000)


def test_it_ends_while_somebody_talks_on() -> None:
    listening = Listening(0, seconds=0.5, silence=2)
    for index, frame in enumerate(noise(-20)):
        listening.hear(index * 160, frame, Codec.PCMA)
    assert not listening.over(3999)
    assert listening.over(4000)
