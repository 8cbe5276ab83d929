"""Sounds and audio files that tests make for themselves."""

import io

import lameenc
import numpy as np
import soundfile
from numpy.typing import NDArray

Sound = NDArray[np.float32]


def sine(hertz: float, seconds: float, rate: int, amplitude: float = 0.5) -> Sound:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def speech(seconds: float, rate: int, amplitude: float = 0.2) -> Sound:
    """Voiced bursts of 0.3 s with pauses between: the loudness and peaks of a person speaking."""
    time = np.arange(int(seconds * rate)) / rate
    envelope = np.clip(np.sin(2 * np.pi * 1.7 * time), 0, 1)
    voice = sum(np.sin(2 * np.pi * 130 * k * time + k) / k for k in (1, 2, 3, 5, 7, 11))
    return (amplitude * envelope * voice).astype(np.float32)


def encoded(sound: Sound, rate: int, container: str = "WAV", subtype: str = "PCM_16", endian: str = "FILE") -> bytes:
    """A wav or ogg file as libsndfile writes it; `sound` has shape (frames,) or (frames, channels)."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=container, subtype=subtype, endian=endian)
    return file.getvalue()


def mp3(sound: Sound, rate: int, kbits: int = 64, channels: int = 1) -> bytes:
    """An mp3 file as LAME writes it."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kbits)
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_channels(channels)
    encoder.set_quality(7)
    encoder.silence()
    pcm = np.rint(sound * 32767).astype("<i2").tobytes()
    return bytes(encoder.encode(pcm)) + bytes(encoder.flush())


def samples(pcm: bytes) -> Sound:
    """s16le to floats of full scale 1.0."""
    return (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)


def rms(sound: Sound) -> float:
    """dBFS."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def peak_hertz(sound: Sound, rate: int) -> float:
    """The frequency with most energy."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    return float(np.argmax(spectrum) * rate / sound.size)
