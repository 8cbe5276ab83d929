import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.media import rtp
from calldron.media.errors import MalformedPacket

packets = st.builds(
    rtp.Packet,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=400),
)


@given(packets)
def test_what_is_packed_unpacks_to_itself(packet: rtp.Packet) -> None:
    assert rtp.unpack(rtp.pack(packet)) == packet


@given(packets, st.integers(0, 15), st.none() | st.binary(max_size=20), st.integers(0, 30))
def test_csrc_extension_and_padding_are_left_out(
    packet: rtp.Packet, csrc: int, extension: bytes | None, padding: int
) -> None:
    plain = rtp.pack(packet)
    first = 0x80 | csrc
    options = b"\xaa" * (4 * csrc)
    if extension is not None:
        first |= 0x10
        words = -(-len(extension) // 4)
        options += b"\xbe\xde" + words.to_bytes(2, "big") + extension.ljust(4 * words, b"\0")
    trailer = b""
    if padding:
        first |= 0x20
        trailer = bytes(padding - 1) + bytes([padding])
    data = bytes([first]) + plain[1:12] + options + plain[12:] + trailer
    assert rtp.unpack(data) == packet


@given(st.binary(max_size=80))
def test_any_octets_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        packet = rtp.unpack(data)
    except MalformedPacket:
        return
    assert len(packet.payload) <= len(data) - 12


@given(st.integers(0x80, 0xBF), st.binary(max_size=60))
def test_any_lie_about_lengths_is_a_packet_or_malformed(first: int, rest: bytes) -> None:
    try:
        rtp.unpack(bytes([first]) + rest)
    except MalformedPacket:
        return
    assert len(rest) >= 11


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too few"),
        (b"\x80" + bytes(10), "too few"),
        (bytes(12), "version 0"),
        (b"\xc0" + bytes(12), "version 3"),
        (b"\x8f" + bytes(12), "past the end"),
        (b"\x90" + bytes(12), "cut off"),
        (b"\x90" + bytes(11) + b"\0\0\0\x09", "past the end"),
        (b"\xa0" + bytes(12), "0 octets of padding"),
        (b"\xa0" + bytes(11) + b"\x05", "5 octets of padding"),
        (b"\xa0" + bytes(10) + b"\x01", "1 octets of padding"),
    ],
)
def test_malformed_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=reason):
        rtp.unpack(data)


@given(packets, st.integers(1, 60))
def test_an_unbroken_run_joins_to_one_packet(first: rtp.Packet, count: int) -> None:
    size = len(first.payload)
    run = [
        first._replace(
            sequence=first.sequence + step & 0xFFFF,
            timestamp=first.timestamp + step * size & 0xFFFFFFFF,
            payload=bytes([step]) * size,
        )
        for step in range(count)
    ]
    joined = rtp.join([rtp.pack(packet) for packet in run])
    wraps = run[-1].sequence < first.sequence or run[-1].timestamp < first.timestamp
    if size == 0 or wraps:
        assert joined is None
    else:
        assert joined == first._replace(payload=b"".join(packet.payload for packet in run))


@given(st.integers(0, 8), st.sampled_from(["payload_type", "marker", "sequence", "timestamp", "ssrc", "payload"]))
def test_a_broken_run_does_not_join(at: int, what: str) -> None:
    run = [rtp.Packet(8, False, 65530 + n & 0xFFFF, 160 * n, 7, bytes(160)) for n in range(9)]
    changes = {"payload_type": 9, "marker": True, "sequence": 3, "timestamp": 5, "ssrc": 8, "payload": bytes(161)}
    run[at] = run[at]._replace(**{what: changes[what]})
    assert rtp.join([rtp.pack(packet) for packet in run]) is None


def test_a_run_with_header_options_does_not_join() -> None:
    packed = rtp.pack(rtp.Packet(8, False, 1, 0, 7, bytes(160)))
    assert rtp.join([b"\x81" + packed[1:]]) is None


@given(st.integers(0, 0xFFFFFFFF), st.integers(-(2**31), 2**31 - 1))
def test_elapsed_survives_the_wrap(earlier: int, distance: int) -> None:
    assert rtp.elapsed(earlier, earlier + distance & 0xFFFFFFFF) == distance


def counted(sequences: list[int]) -> rtp.Counter:
    counter = rtp.Counter()
    for sequence in sequences:
        counter.count(sequence & 0xFFFF)
    return counter


@given(
    st.integers(0, 0xFFFF),
    st.integers(2, 400),
    st.sets(st.integers(1, 398), max_size=50),
    st.randoms(use_true_random=False),
)
def test_loss_is_counted_whatever_the_order_within_a_jitter_buffer(
    start: int, count: int, lost: set[int], random
) -> None:
    kept = [n for n in range(count) if n not in lost or n == count - 1]
    kept.sort(key=lambda n: (n + random.randint(0, 20) if 0 < n < count - 1 else n, n))
    if kept[-1] != count - 1:
        kept.remove(count - 1)
        kept.append(count - 1)
    counter = counted([start + n for n in kept])
    assert counter.received == len(kept)
    assert counter.lost == count - len(kept)
    highest = -1
    late = 0
    for n in kept:
        late += n < highest
        highest = max(highest, n)
    assert counter.late == late


def test_a_restarted_source_is_counted_anew() -> None:
    counter = counted([1, 2, 4, 30000, 30001, 30003])
    assert counter.lost == 2
    assert counter.received == 6


def test_one_stray_packet_is_no_restart() -> None:
    assert counted([1, 2, 30000, 3, 4]).lost == 0


def test_loss_adds_up_over_sources() -> None:
    counter = counted([1, 3])
    counter.restart()
    for sequence in (500, 503):
        counter.count(sequence)
    assert counter.lost == 3


def test_a_duplicate_hides_no_negative_loss() -> None:
    assert counted([1, 1, 1]).lost == 0


@given(st.integers(0, 0xFFFF), st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60)), min_size=1, max_size=10))
def test_a_run_counts_like_its_packets(start: int, runs: list[tuple[int, int]]) -> None:
    one, other = rtp.Counter(), rtp.Counter()
    sequence = start
    for gap, length in runs:
        sequence += gap
        one.count_run(sequence & 0xFFFF, length)
        for step in range(length):
            other.count(sequence + step & 0xFFFF)
        sequence += length
    assert (one.received, one.lost, one.late) == (other.received, other.lost, other.late)
