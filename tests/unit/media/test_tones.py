"""Synthesised sounds: the right frequencies and cadence, loud enough to hear and to detect, and safe to loop."""

import numpy as np
import pytest
from sounds import peak_hertz, rms, samples

from calldron.media import g711, tones
from calldron.media.g711 import FRAME, SAMPLE_RATE, Codec
from calldron.media.voice import is_voice

RATE = SAMPLE_RATE


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


def voiced_share(pcm: bytes) -> float:
    """The share of 20 ms frames that the voice detector takes for voice."""
    octets = g711.encode(pcm, Codec.PCMA)
    frames = [octets[at : at + FRAME] for at in range(0, len(octets), FRAME)]
    return sum(is_voice(frame, Codec.PCMA) for frame in frames) / len(frames)


@pytest.mark.parametrize("hz", [425, 440, 880, 1000])
def test_a_tone_has_its_frequency_length_and_level(hz: int) -> None:
    sound = samples(tones.tone(hz, 2.0))
    assert sound.size == 2 * RATE
    assert peak_hertz(sound, RATE) == pytest.approx(hz, abs=1)
    assert -20 < rms(sound) < -10


def test_a_tone_of_whole_periods_loops_without_a_click() -> None:
    once = samples(tones.tone(440, 1.0))
    steps = np.abs(np.diff(np.concatenate([once, once])))
    assert steps[once.size - 1] <= steps[: once.size - 1].max() + 1e-4


def test_a_beep_has_soft_edges() -> None:
    sound = np.abs(samples(tones.beep(1000, 0.5)))
    assert sound[0] == 0
    assert sound[:8].max() < 0.05
    assert sound[-8:].max() < 0.05
    assert sound.max() > 0.2


def test_ringback_is_russian() -> None:
    pcm = tones.ringback()
    assert seconds(pcm) == 5.0
    assert peak_hertz(samples(pcm)[:RATE], RATE) == pytest.approx(425, abs=1)
    assert not samples(pcm)[RATE:].any()


def test_attention_is_two_short_beeps_and_a_pause_to_press_in() -> None:
    loud = np.abs(samples(tones.attention())).reshape(-1, FRAME).max(axis=1) > 0.05
    beginnings = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
    assert beginnings.size == 2
    assert loud.size * 0.02 == pytest.approx(2.0)
    assert not loud[-80:].any()


def test_a_key_is_its_two_tones() -> None:
    spectrum = np.abs(np.fft.rfft(samples(tones.key("5", 1.0))))
    assert sorted(np.argsort(spectrum)[-2:]) == [770, 1336]


@pytest.mark.parametrize("name", ["", "55", "E", "1#"])
def test_what_is_no_key_has_no_tones(name: str) -> None:
    with pytest.raises(ValueError, match="not one of the keys"):
        tones.key(name, 0.1)


def test_speech_is_taken_for_voice_and_silence_is_not() -> None:
    assert voiced_share(tones.speech(8.0)) > 0.7
    assert voiced_share(tones.word(0.6)) > 0.8
    assert voiced_share(tones.silence(1.0)) == 0


def test_speech_is_as_long_as_asked_never_clips_and_is_the_same_each_time() -> None:
    pcm = tones.speech(3.3, seed=1)
    assert seconds(pcm) == pytest.approx(3.3)
    assert np.abs(samples(pcm)).max() < 0.9
    assert pcm == tones.speech(3.3, seed=1)
    assert pcm != tones.speech(3.3, seed=2)


@pytest.mark.parametrize("pcm", [tones.speech(0), tones.word(0), tones.tone(440, 0), tones.beep(440, 0)])
def test_no_time_is_no_sound(pcm: bytes) -> None:
    assert pcm == b""
