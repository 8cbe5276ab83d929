import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.media import dtmf
from calldron.media.dtmf import KEYS, KeyReader

keys = st.sampled_from(KEYS)


def packets(pressed: str, duration: float = 0.16, start: int = 0) -> list[tuple[int, bytes]]:
    """Timestamp and payload of every packet, the next key 60 ms after the last."""
    sent = []
    for key in pressed:
        frames = dtmf.press(key, duration)
        sent += [(start & 0xFFFFFFFF, frame.payload) for frame in frames]
        start += 160 * (len(frames) + 3)
    return sent


def test_a_press_by_the_octet() -> None:
    assert [frame.payload.hex() for frame in dtmf.press("#", 0.06)] == [
        "0b0a00a0",
        "0b0a0140",
        "0b8a01e0",
        "0b8a01e0",
        "0b8a01e0",
    ]
    assert [frame.first for frame in dtmf.press("#", 0.06)] == [True, False, False, False, False]


@pytest.mark.parametrize(("key", "duration"), [("x", 0.1), ("", 0.1), ("12", 0.1), ("1", 0.0), ("1", 9.0), ("1", -1.0)])
def test_no_key_or_duration_is_refused(key: str, duration: float) -> None:
    with pytest.raises(ValueError, match=r"not"):
        dtmf.press(key, duration)


@given(st.text(KEYS, max_size=8), st.integers(0, 0xFFFFFFFF), st.data())
def test_every_press_is_read_once_whichever_of_its_packets_arrive(
    pressed: str, start: int, data: st.DataObject
) -> None:
    sent = packets(pressed, start=start)
    survivors: dict[int, list[bytes]] = {}
    for timestamp, payload in sent:
        survivors.setdefault(timestamp, []).append(payload)
    reader = KeyReader()
    heard = ""
    for timestamp, payloads in survivors.items():
        kept = data.draw(st.lists(st.sampled_from(payloads), min_size=1))  # lost, doubled, out of order
        heard += "".join(reader.read(timestamp, payload) or "" for payload in kept)
    assert heard == pressed


@given(keys)
def test_one_end_packet_is_enough(key: str) -> None:
    timestamp, payload = packets(key)[-1]
    assert KeyReader().read(timestamp, payload) == key


def test_the_same_key_twice_is_two_presses() -> None:
    reader = KeyReader()
    assert [key for timestamp, payload in packets("55") if (key := reader.read(timestamp, payload))] == ["5", "5"]


def test_a_late_packet_of_the_last_press_is_no_new_one() -> None:
    reader = KeyReader()
    first, second = packets("1"), packets("2", start=5000)
    assert reader.read(*first[0]) == "1"
    assert reader.read(*second[0]) == "2"
    assert reader.read(*first[-1]) is None
    assert reader.read(*second[-1]) is None


def test_a_press_longer_than_the_duration_field_stays_one() -> None:
    reader = KeyReader()
    assert reader.read(1000, b"\x05\x0a\xff\xff") == "5"
    assert reader.read(1000 + 0xFFFF, b"\x05\x0a\x00\xa0") is None
    assert reader.read(1000 + 0xFFFF, b"\x05\x8a\x10\x00") is None


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=3))
def test_a_payload_cut_short_is_ignored(timestamp: int, payload: bytes) -> None:
    assert KeyReader().read(timestamp, payload) is None


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.binary(max_size=12))))
def test_junk_is_at_worst_a_key(junk: list[tuple[int, bytes]]) -> None:
    reader = KeyReader()
    for timestamp, payload in junk:
        key = reader.read(timestamp, payload)
        assert key is None or key in KEYS


@pytest.mark.parametrize("event", [16, 32, 255])
def test_events_that_are_no_keys_are_ignored(event: int) -> None:
    assert KeyReader().read(0, bytes([event, 10, 0, 160])) is None
