import numpy as np
import pytest
from sounds import encoded, mp3, peak_hertz, rms, samples, sine, speech

from calldron.media.audio import decode


def tone_at(container: str, subtype: str, rate: int, channels: int = 1) -> bytes:
    tone = sine(440, 2, rate)
    return encoded(np.repeat(tone[:, None], channels, axis=1), rate, container, subtype)


def tagged(file: bytes) -> bytes:
    """With an ID3v2 tag before and an ID3v1 tag after."""
    return b"ID3\x04\0\0\0\0\x02\x01" + bytes(257) + file + b"TAG" + bytes(125)


FILES = {
    "wav u8": lambda: tone_at("WAV", "PCM_U8", 11025),
    "wav 16": lambda: tone_at("WAV", "PCM_16", 44100, 2),
    "wav 16 at 8 kHz": lambda: tone_at("WAV", "PCM_16", 8000),
    "wav 24": lambda: tone_at("WAV", "PCM_24", 96000),
    "wav 32": lambda: tone_at("WAV", "PCM_32", 48000, 6),
    "wav float": lambda: tone_at("WAV", "FLOAT", 22050),
    "wav double": lambda: tone_at("WAV", "DOUBLE", 22050),
    "wav A-law": lambda: tone_at("WAV", "ALAW", 8000),
    "wav mu-law": lambda: tone_at("WAV", "ULAW", 16000),
    "wav extensible": lambda: tone_at("WAVEX", "PCM_16", 44100, 2),
    "wav RF64": lambda: tone_at("RF64", "PCM_16", 44100),
    "wav big-endian": lambda: encoded(sine(440, 2, 16000), 16000, endian="BIG"),
    "ogg Vorbis": lambda: tone_at("OGG", "VORBIS", 44100, 2),
    "ogg Opus": lambda: tone_at("OGG", "OPUS", 48000),
    "mp3": lambda: mp3(sine(440, 2, 44100), 44100),
    "mp3 MPEG-2": lambda: mp3(sine(440, 2, 22050), 22050, 32),
    "mp3 MPEG-2.5": lambda: mp3(sine(440, 2, 8000), 8000, 16),
    "mp3 stereo": lambda: mp3(np.repeat(sine(440, 2, 48000), 2), 48000, 128, channels=2),
    "mp3 with tags": lambda: tagged(mp3(sine(440, 2, 44100), 44100)),
}


@pytest.mark.parametrize("name", FILES)
def test_reads_what_people_have(name: str) -> None:
    audio = decode(FILES[name]())

    assert audio.format == name[:3]
    assert len(audio.pcm) == audio.seconds * 16000
    assert audio.seconds == pytest.approx(2, abs=0.2)  # mp3 pads its ends
    sound = samples(audio.pcm)
    assert peak_hertz(sound, 8000) == pytest.approx(440, abs=1)
    assert rms(sound[2000:14000]) == pytest.approx(-19, abs=2)


def test_a_wav_written_to_a_pipe_has_no_length_yet_plays() -> None:
    wav = tone_at("WAV", "PCM_16", 8000)
    at = wav.index(b"data") + 4

    audio = decode(wav[:4] + b"\xff" * 4 + wav[8:at] + b"\xff" * 4 + wav[at + 4 :])

    assert audio.seconds == 2


@pytest.mark.parametrize("amplitude", [0.02, 0.1, 0.9])
def test_every_prompt_comes_out_as_loud(amplitude: float) -> None:
    audio = decode(encoded(speech(5, 16000, amplitude / 2), 16000))

    sound = samples(audio.pcm)
    assert rms(sound) == pytest.approx(-18, abs=1)
    assert np.abs(sound).max() < 0.9


def test_pauses_do_not_make_a_prompt_louder() -> None:
    said = speech(3, 8000)
    paused = np.concatenate((said, np.zeros(8 * 8000, np.float32)))

    plain, long = (samples(decode(encoded(sound, 8000)).pcm) for sound in (said, paused))

    assert rms(plain) == pytest.approx(rms(long[: plain.size]), abs=0.5)


def test_a_peak_is_limited_not_clipped() -> None:
    sound = speech(4, 8000, 0.02)
    sound[16000:16400] += sine(1000, 0.05, 8000, 0.9)

    out = samples(decode(encoded(sound, 8000)).pcm)

    assert np.abs(out).max() <= 10 ** (-1 / 20) + 1e-4
    peaks = np.sort(np.abs(out))[-20:]
    assert len(np.unique(peaks)) > 5  # a clipped top is flat


def test_silence_stays_silent() -> None:
    assert decode(encoded(np.zeros(8000, np.float32), 8000)).pcm == bytes(16000)


def test_offset_and_hum_are_removed() -> None:
    sound = sine(440, 3, 16000, 0.1) + sine(50, 3, 16000, 0.1) + np.float32(0.3)

    out = samples(decode(encoded(sound, 16000)).pcm)

    assert abs(out[4000:-4000].mean()) < 1e-3
    spectrum = np.abs(np.fft.rfft(out[4000:20000]))
    hum, tone = spectrum[100], spectrum[880]
    assert hum < tone / 10


def test_what_a_telephone_cannot_carry_does_not_alias() -> None:
    sound = sine(1000, 2, 44100, 0.05) + sine(6000, 2, 44100, 0.5)

    out = samples(decode(encoded(sound, 44100)).pcm)

    spectrum = np.abs(np.fft.rfft(out * np.hanning(out.size)))
    assert spectrum[4000] < spectrum[2000] / 1000  # 6 kHz would fold to 2 kHz


def test_sides_in_opposite_phase_do_not_cancel() -> None:
    tone = sine(440, 2, 8000)

    out = samples(decode(encoded(np.column_stack((tone, -tone)), 8000)).pcm)

    assert rms(out) == pytest.approx(-19, abs=2)


def test_all_channels_are_heard() -> None:
    left, right = sine(440, 2, 8000), sine(1250, 2, 8000)

    out = samples(decode(encoded(np.column_stack((left, right)), 8000)).pcm)

    spectrum = np.abs(np.fft.rfft(out))
    assert spectrum[880] == pytest.approx(spectrum[2500], rel=0.05)
