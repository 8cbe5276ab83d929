"""Files made to hurt: each is `BadAudio`, or sound, and nothing else."""

import contextlib
import random
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import encoded, mp3, sine

from calldron.media import containers
from calldron.media.audio import BadAudio, decode

WAV = encoded(sine(440, 1, 8000), 8000)
MP3 = mp3(sine(440, 1, 44100), 44100)
VORBIS = encoded(sine(440, 1, 8000), 8000, "OGG", "VORBIS")
OPUS = encoded(sine(440, 1, 48000), 48000, "OGG", "OPUS")


def wav(*, channels: int = 1, rate: int = 8000, data_size: int | None = None) -> bytes:
    """WAV with a header that lies."""
    size = len(WAV) - 44 if data_size is None else data_size
    return WAV[:22] + struct.pack("<HI", channels, rate) + WAV[28:40] + struct.pack("<I", size) + WAV[44:]


def floats(value: float) -> bytes:
    return encoded(np.full(8000, value, np.float32), 8000, "WAV", "FLOAT")


def hours_of_mp3() -> bytes:
    """8 kbit/s frames of 72 ms: 20 hours in 72 MB; here 2 in 7."""
    frame = b"\xff\xe3\x18\xc0" + bytes(68)
    return frame * 100_000


HOSTILE = {
    "nothing": (b"", "empty"),
    "one byte": (b"R", "not_audio"),
    "html": (b"<!doctype html><title>404</title>" * 100, "not_audio"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(100_000), "not_audio"),
    "frame starts without frames": (b"\xff\xfb" * 100_000, "not_audio"),
    "wav without sound": (WAV[:44], "truncated"),
    "wav header only begun": (WAV[:20], "truncated"),
    "wav of no samples": (encoded(np.zeros(0, np.float32), 8000), "empty"),
    "wav cut short": (WAV[:-2000], "truncated"),
    "wav claiming 4 GB": (wav(data_size=4_000_000_000), "truncated"),
    "wav of 1 Hz": (wav(rate=1), "unreadable"),
    "wav of 1 GHz": (wav(rate=10**9), "unreadable"),
    "wav of 255 channels": (wav(channels=255), "unreadable"),
    "wav of no channels": (wav(channels=0), "unreadable"),
    "wav of an unknown codec": (WAV[:20] + b"\x34\x12" + WAV[22:], "unreadable"),
    "nan": (floats(np.nan), "unreadable"),
    "infinity": (floats(-np.inf), "unreadable"),
    "1e38": (floats(1e38), "unreadable"),
    "mp3 cut short": (MP3[:-50], "truncated"),
    "mp3 of hours": (hours_of_mp3(), "too_long"),
    "vorbis cut short": (VORBIS[: len(VORBIS) // 2], "truncated"),
    "opus cut short": (OPUS[:-10], "truncated"),
    "ogg pages of nothing": (b"OggS" * 1000, "truncated"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_is_refused(name: str) -> None:
    data, code = HOSTILE[name]

    with pytest.raises(BadAudio) as refused:
        decode(data)

    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_too_big_is_refused_unread() -> None:
    with pytest.raises(BadAudio) as refused:
        decode(WAV, max_bytes=len(WAV) - 1)
    assert refused.value.code == "too_big"


@pytest.mark.parametrize("data", [WAV, MP3, VORBIS, OPUS], ids=["wav", "mp3", "vorbis", "opus"])
def test_length_is_limited_while_decoding(data: bytes) -> None:
    assert decode(data, max_seconds=1.1).seconds > 0.9

    with pytest.raises(BadAudio) as refused:
        decode(data, max_seconds=0.5)

    assert refused.value.code == "too_long"


@pytest.mark.parametrize("data", [WAV, MP3, VORBIS, OPUS], ids=["wav", "mp3", "vorbis", "opus"])
def test_damage_is_bad_audio_or_sound(data: bytes) -> None:
    """Bytes overwritten, cut out and doubled, most of them in the headers."""
    chance = random.Random(len(data))
    for _ in range(12):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            at = int(len(damaged) * chance.random() ** 4)
            match chance.randrange(3):
                case 0:
                    damaged[at : at + 4] = chance.choice(
                        [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", chance.randbytes(4)]
                    )
                case 1:
                    del damaged[at : at + chance.randint(1, 300)]
                case _:
                    damaged[at:at] = damaged[at : at + chance.randint(1, 300)]
        try:
            audio = decode(bytes(damaged), max_seconds=30)
        except BadAudio:
            continue
        assert 0 < audio.seconds <= 30.1


@pytest.mark.parametrize(("death", "code"), [("SEGV", "unreadable"), ("ABRT", "unreadable"), ("XCPU", "too_costly")])
def test_a_decoder_that_dies_is_bad_audio(
    death: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho ready\ncat >/dev/null\nkill -{death} $$\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("calldron.media.audio.sys.executable", str(python))

    with pytest.raises(BadAudio) as refused:
        decode(WAV)

    assert refused.value.code == code


def test_a_decoder_that_cannot_start_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncat >/dev/null\necho no numpy >&2\nexit 1\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("calldron.media.audio.sys.executable", str(python))

    with pytest.raises(RuntimeError, match="no numpy"):
        decode(WAV)


@given(st.sampled_from([b"", WAV[:44], MP3[:900], VORBIS[:200], b"ID3\x04\0\0\0\0\x02\x01"]), st.binary(max_size=2000))
def test_headers_are_read_whatever_they_hold(start: bytes, rest: bytes) -> None:
    data = start + rest
    for read in (containers.kind, containers.check_wav, containers.check_ogg, containers.check_mp3):
        with contextlib.suppress(BadAudio):
            read(data)
