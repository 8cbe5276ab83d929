import tracemalloc
from pathlib import Path

import miniaudio
import numpy as np
import pytest
from numpy.typing import NDArray

from calldron.media import recording
from calldron.media.g711 import Codec, encode
from calldron.media.recording import mix
from calldron.media.track import TrackHeader


def tone(frequency: float, seconds: float, level: float = 8000) -> NDArray[np.int16]:
    time = np.arange(round(seconds * 8000)) / 8000
    return (level * np.sin(2 * np.pi * frequency * time)).astype("<i2")


def write(file: Path, pcm: NDArray[np.int16], start: float = 0.0, codec: Codec = Codec.PCMA) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(TrackHeader(codec, 1.7e9 + start, 5000 + start).pack() + encode(pcm.tobytes(), codec))


def heard(file: Path) -> NDArray[np.int16]:
    decoded = miniaudio.mp3_read_file_s16(str(file))
    assert (decoded.sample_rate, decoded.nchannels) == (8000, 1)
    return np.asarray(decoded.samples, np.int16)


def strength(pcm: NDArray[np.int16], frequency: float) -> float:
    """Amplitude of a frequency in a piece of sound."""
    time = np.arange(len(pcm)) / 8000
    return float(2 * abs(np.mean(pcm * np.exp(-2j * np.pi * frequency * time))))


def piece(pcm: NDArray[np.int16], begin: float, end: float) -> NDArray[np.int16]:
    return pcm[round(begin * 8000) : round(end * 8000)]


def test_tracks_are_summed_at_their_times(tmp_path: Path) -> None:
    write(tmp_path / "tracks" / "a.g711", tone(440, 3))
    write(tmp_path / "tracks" / "b.g711", tone(1000, 2), start=2.0, codec=Codec.PCMU)
    assert mix(tmp_path / "tracks", tmp_path / "out" / "record.mp3") == 4.0
    pcm = heard(tmp_path / "out" / "record.mp3")
    assert 4.0 <= len(pcm) / 8000 < 4.4  # and the encoder's padding
    for begin, low, high in ((0.5, 8000, 0), (2.4, 8000, 8000), (3.4, 0, 8000)):
        assert strength(piece(pcm, begin, begin + 0.4), 440) == pytest.approx(low, abs=500)
        assert strength(piece(pcm, begin, begin + 0.4), 1000) == pytest.approx(high, abs=500)


def test_only_the_result_is_left(tmp_path: Path) -> None:
    write(tmp_path / "tracks" / "a.g711", tone(440, 1))
    mix(tmp_path / "tracks", tmp_path / "out" / "record.mp3")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["record.mp3"]
    assert (tmp_path / "out" / "record.mp3").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("octets", [None, b"", b"CDT1\x08", TrackHeader(Codec.PCMA, 1.0, 1.0).pack(), b"junk" * 99])
def test_nothing_recorded_makes_no_file(tmp_path: Path, octets: bytes | None) -> None:
    if octets is not None:
        (tmp_path / "a.g711").write_bytes(octets)
    assert mix(tmp_path, tmp_path / "record.mp3") is None
    assert not (tmp_path / "record.mp3").exists()


def test_a_missing_folder_recorded_nothing(tmp_path: Path) -> None:
    assert mix(tmp_path / "absent", tmp_path / "record.mp3") is None


def test_what_a_killed_process_left_is_mixed(tmp_path: Path) -> None:
    write(tmp_path / "a.g711", tone(440, 2))
    whole = (tmp_path / "a.g711").read_bytes()
    (tmp_path / "a.g711").write_bytes(whole[:-3333])
    (tmp_path / "b.g711").write_bytes(whole[:7])
    assert mix(tmp_path, tmp_path / "record.mp3") == pytest.approx(2 - 3333 / 8000)


def test_a_header_that_lies_about_time_makes_no_endless_file(tmp_path: Path) -> None:
    write(tmp_path / "a.g711", tone(440, 1))
    write(tmp_path / "b.g711", tone(440, 1), start=1e9)
    assert mix(tmp_path, tmp_path / "record.mp3") == 1.0


def test_loud_voices_are_limited_and_do_not_wrap(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.g711", tone(440, 1, level=30000))
    mix(tmp_path, tmp_path / "record.mp3")
    pcm = piece(heard(tmp_path / "record.mp3"), 0.2, 0.9)
    assert strength(pcm, 440) > 32767  # a square wave's first harmonic: a wrapped sum has far less


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "tracks" / "a.g711", tone(440, 1))

    def no_space(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "_encode", no_space)
    with pytest.raises(OSError, match="no space"):
        mix(tmp_path / "tracks", tmp_path / "out" / "record.mp3")
    assert list((tmp_path / "out").iterdir()) == []


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    minutes = 20
    file = tmp_path / "a.g711"
    with file.open("wb") as out:
        out.write(TrackHeader(Codec.PCMA, 1.0, 1.0).pack())
        for _ in range(minutes):
            out.write(b"\xd5" * 480_000)
    tracemalloc.start()
    assert mix(tmp_path, tmp_path / "record.mp3") == 60.0 * minutes
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
