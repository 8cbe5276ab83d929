import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.media.g711 import Codec, decode, encode
from calldron.media.track import HEADER_SIZE, Placement, Track, TrackHeader
from calldron.media.writer import Writer

SILENCE = bytes([Codec.PCMA.silence])
LEAP = 2 * 8000


class DirectWriter(Writer):
    """Does every job at once, on the caller's thread."""

    def __init__(self) -> None:
        self.waiting = 0

    def submit(self, job: Callable[[], None], octets: int = 0) -> None:
        job()

    @property
    def backlog(self) -> int:
        return self.waiting


def track(file: Path, writer: Writer | None = None) -> Track:
    return Track(file, Codec.PCMA, writer or DirectWriter(), origin=1000.0)


def sound(file: Path) -> bytes:
    return file.read_bytes()[HEADER_SIZE:]


@contextmanager
def disk_with_room_for(octets: int) -> Iterator[None]:
    """No file gets longer: to who writes it is as a disk that is full (EFBIG for ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, HEADER_SIZE, HEADER_SIZE + 200])
def test_a_full_disk_is_told_of_once_and_what_was_written_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    file = tmp_path / "a.g711"
    one = track(file)
    with disk_with_room_for(room):
        for clock in range(0, 1600, 160):
            one.put(clock, b"\x01" * 160, Codec.PCMA)
            one.flush()
        one.close()
    assert file.stat().st_size == room
    assert len(caplog.records) == 1


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "call" / "a.g711"
    one = track(file)
    one.put(12000, b"\x01" * 160, Codec.PCMA)
    one.close()
    header = TrackHeader.unpack(file.read_bytes())
    assert header.codec is Codec.PCMA
    assert header.monotonic == 1001.5
    assert sound(file) == b"\x01" * 160
    assert file.stat().st_mode & 0o007 == 0


def test_nothing_put_makes_no_file(tmp_path: Path) -> None:
    one = track(tmp_path / "a.g711")
    one.flush()
    one.close()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    for octet in (b"\x01", b"\x02", b"\x03"):
        one = track(tmp_path / "a.g711")
        one.put(0, octet, Codec.PCMA)
        one.close()
    assert {file.name: sound(file) for file in tmp_path.iterdir()} == {
        "a.g711": b"\x01",
        "a-2.g711": b"\x02",
        "a-3.g711": b"\x03",
    }


def test_the_other_law_is_translated(tmp_path: Path) -> None:
    one = track(tmp_path / "a.g711")
    octets = bytes(range(256))
    one.put(0, octets, Codec.PCMU)
    one.close()
    assert sound(tmp_path / "a.g711") == encode(decode(octets, Codec.PCMU), Codec.PCMA)


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(1, 255), st.integers(1, 400), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_payloads_land_where_they_belong(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[int, int, int, bool]]
) -> None:
    file = tmp_path_factory.mktemp("track") / "a.g711"
    one = track(file)
    first = puts[0][0]
    expected = bytearray()
    for clock, octet, length, flush in puts:
        one.put(clock, bytes([octet]) * length, Codec.PCMA)
        if flush:
            one.flush()
        cut = max(0, first - clock)  # what belongs before the beginning is not kept
        at, count = clock - first + cut, max(0, length - cut)
        if count:
            expected += SILENCE * (at + count - len(expected))
            expected[at : at + count] = bytes([octet]) * count
    one.close()
    assert sound(file) == expected


def test_a_long_gap_goes_to_disk_in_pieces(tmp_path: Path) -> None:
    one = track(tmp_path / "a.g711")
    one.put(0, b"\x01", Codec.PCMA)
    one.put(1_000_000, b"\x02", Codec.PCMA)
    assert (tmp_path / "a.g711").stat().st_size > 900_000
    one.close()
    assert sound(tmp_path / "a.g711") == b"\x01" + SILENCE * 999_999 + b"\x02"


def test_a_disk_that_refuses_fails_the_track_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where the folder should be")
    one = track(tmp_path / "folder" / "a.g711")
    one.put(0, b"\x01", Codec.PCMA)
    one.flush()
    one.close()
    assert one.failed


def test_a_disk_that_does_not_keep_up_fails_the_track(tmp_path: Path) -> None:
    writer = DirectWriter()
    one = track(tmp_path / "a.g711", writer)
    one.put(0, b"\x01", Codec.PCMA)
    one.flush()
    writer.waiting = 1 << 30
    one.put(1, b"\x02", Codec.PCMA)
    one.close()
    assert one.failed
    assert sound(tmp_path / "a.g711") == b"\x01"


def test_the_writer_finishes_everything_and_survives_a_bad_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer()
    one = track(tmp_path / "a.g711", writer)
    one.put(0, b"\x01" * 500, Codec.PCMA)
    writer.submit(lambda: 1 // 0)
    one.close()
    writer.stop()
    assert sound(tmp_path / "a.g711") == b"\x01" * 500
    assert writer.backlog == 0
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "octets", [b"", b"CDT1", bytes(HEADER_SIZE), b"CDT1\x05" + bytes(30), b"CDT1\x08" + b"\xff" * 30]
)
def test_what_is_no_track_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        TrackHeader.unpack(octets)


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.tuples(st.integers(0, 50), st.integers(-400, 400)), min_size=1))
def test_placement_follows_timestamps_through_jitter_and_the_wrap(start: int, packets: list[tuple[int, int]]) -> None:
    placement = Placement()
    assert placement.place(start, 5000) == 5000
    at = 0
    for step, jitter in packets:
        at += step * 160
        assert placement.place(start + at & 0xFFFFFFFF, 5000 + at + jitter) == 5000 + at


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 1000)), min_size=1))
def test_no_timestamp_places_sound_far_from_its_arrival(packets: list[tuple[int, int]]) -> None:
    placement = Placement()
    now = 0
    for timestamp, step in packets:
        now += step
        assert abs(placement.place(timestamp, now) - now) <= LEAP


def test_timestamps_that_creep_ahead_cannot_add_up() -> None:
    placement = Placement()
    for packet in range(1000):
        place = placement.place(packet * 15000, packet * 160)
        assert place - packet * 160 <= LEAP


def test_another_source_is_placed_by_arrival() -> None:
    placement = Placement()
    placement.place(1000, 0)
    placement.forget()
    assert placement.place(1160, 4000) == 4000
