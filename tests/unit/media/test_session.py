"""One session's logic, packet by packet, with a list in place of the socket and a clock counted by hand."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from calldron.media import dtmf, rtp
from calldron.media.events import DigitPressed, FirstPacket, MediaEvent, PromptPlayed, VoiceHeard
from calldron.media.g711 import FRAME, Codec, decode, encode
from calldron.media.prompt import Prompt, share
from calldron.media.session import Negotiated, Session
from calldron.media.track import HEADER_SIZE
from calldron.media.writer import Writer

EVENTS = 101
REMOTE = ("192.0.2.1", 4000)
SILENCE = {codec: bytes([codec.silence]) * FRAME for codec in Codec}


class FakeEndpoint:
    """Collects what is sent and hands out what a test lets arrive."""

    def __init__(self) -> None:
        self.sent: list[rtp.Packet] = []
        self.arriving: list[bytes] = []
        self.refuses = False
        self.port = 4000

    def send(self, data: bytes) -> int:
        if self.refuses:
            raise ConnectionRefusedError
        self.sent.append(rtp.unpack(data))
        return len(data)

    def receive(self, _size: int) -> bytes:
        if not self.arriving:
            raise BlockingIOError
        return self.arriving.pop(0)

    def connect(self, _remote: object, _latch: bool) -> bool:
        return False

    def close(self) -> None:
        pass


class Leg:
    """A session with its far side played by the test; one clock step is a 20 ms frame."""

    def __init__(self, codec: Codec = Codec.PCMA, *, event_out: int | None = EVENTS, negotiated: bool = True) -> None:
        self.endpoint = FakeEndpoint()
        self.events: list[MediaEvent] = []
        self.session = Session(1, self.endpoint, lambda _, event: self.events.append(event))  # type: ignore[arg-type]  # the fake
        self.clock = 0
        self.sequence = 65530
        self.timestamp = 2**32 - 1000
        self.ssrc = 7
        self.codec = codec
        self.event_out = event_out
        if negotiated:
            self.negotiate()

    def negotiate(self, codec: Codec | None = None, *, send: bool = True, receive: bool = True) -> None:
        self.codec = self.codec if codec is None else codec
        self.session.connect(Negotiated(REMOTE, self.codec, self.event_out, EVENTS, receive, send, latch=False))

    def tick(self, frames: int = 1) -> list[rtp.Packet]:
        """What the session sends in that many frames."""
        before = len(self.endpoint.sent)
        for _ in range(frames):
            self.clock += FRAME
            self.session.tick(self.clock)
        return self.endpoint.sent[before:]

    def arrive(self, data: bytes) -> None:
        self.endpoint.arriving.append(data)
        self.session.receive(self.clock)

    def hear(
        self, payload: bytes, payload_type: int | None = None, *, timestamp: int | None = None, marker: bool = False
    ) -> None:
        """The far side sends its next packet."""
        kind = self.codec if payload_type is None else payload_type
        at = self.timestamp if timestamp is None else timestamp
        self.arrive(rtp.pack(rtp.Packet(kind, marker, self.sequence, at, self.ssrc, payload)))
        self.sequence = self.sequence + 1 & 0xFFFF
        if timestamp is None:
            self.timestamp = self.timestamp + len(payload) & 0xFFFFFFFF

    def press(self, key: str) -> None:
        """The far side presses a key."""
        start = self.timestamp
        for frame in dtmf.press(key, 0.1):
            self.hear(frame.payload, EVENTS, timestamp=start, marker=frame.first)
            self.timestamp = self.timestamp + FRAME & 0xFFFFFFFF


def prompt(frames: int, extra: int = 0) -> tuple[Prompt, bytes]:
    """A prompt of that many frames, no two alike, and its samples."""
    pcm = np.random.default_rng(frames).integers(-8000, 8000, frames * FRAME + extra).astype("<i2").tobytes()
    descriptor, _ = share("prompt", pcm)
    try:
        return Prompt(descriptor), pcm
    finally:
        os.close(descriptor)


def bridge(one: Leg, other: Leg) -> None:
    one.session.hear(other.session)
    other.session.hear(one.session)


def seamless(packets: list[rtp.Packet]) -> bool:
    """Whether a far side sees one stream: one source, every sequence number, no timestamp twice among its sound."""
    follows = all(b.sequence == a.sequence + 1 & 0xFFFF for a, b in itertools.pairwise(packets))
    sound = [packet for packet in packets if packet.payload_type != EVENTS]
    grows = all(rtp.elapsed(a.timestamp, b.timestamp) > 0 for a, b in itertools.pairwise(sound))
    return len({packet.ssrc for packet in packets}) == 1 and follows and grows


def test_nothing_is_sent_before_it_is_known_where_to() -> None:
    leg = Leg(negotiated=False)
    leg.session.outgoing.play(prompt(2)[0], loop=False)
    assert leg.tick(5) == []
    leg.negotiate()
    assert len(leg.tick(2)) == 2
    leg.tick()
    assert leg.events == [PromptPlayed()]


@pytest.mark.parametrize("codec", Codec)
def test_silence_keeps_the_stream_alive(codec: Codec) -> None:
    leg = Leg(codec)
    sent = leg.tick(3)
    assert [packet.payload for packet in sent] == [SILENCE[codec]] * 3
    assert [packet.payload_type for packet in sent] == [codec] * 3
    assert [packet.marker for packet in sent] == [True, False, False]
    assert seamless(sent)


@pytest.mark.parametrize("codec", Codec)
def test_a_prompt_is_sent_bit_exact_and_its_end_is_told(codec: Codec) -> None:
    leg = Leg(codec)
    sound, pcm = prompt(3, extra=40)
    leg.session.outgoing.play(sound, loop=False)
    sent = leg.tick(4)
    assert leg.events == []
    sent_after = leg.tick()
    assert leg.events == [PromptPlayed()]
    octets = encode(pcm, codec)
    assert b"".join(packet.payload for packet in sent) == octets + SILENCE[codec][: 4 * FRAME - len(octets)]
    assert seamless(sent + sent_after + leg.tick(2))


def test_a_loop_goes_on_and_tells_nothing() -> None:
    leg = Leg()
    sound, pcm = prompt(2)
    leg.session.outgoing.play(sound, loop=True)
    assert b"".join(packet.payload for packet in leg.tick(6)) == encode(pcm, Codec.PCMA) * 3
    assert leg.events == []


def test_a_stopped_prompt_tells_nothing_and_gives_way_to_silence() -> None:
    leg = Leg()
    leg.session.outgoing.play(prompt(5)[0], loop=False)
    leg.tick(2)
    leg.session.outgoing.stop_playing()
    assert leg.tick()[0].payload == SILENCE[Codec.PCMA]
    leg.tick(9)
    assert leg.events == []


def test_a_prompt_waits_on_hold_and_goes_on_in_another_law() -> None:
    leg = Leg()
    sound, pcm = prompt(4)
    leg.session.outgoing.play(sound, loop=False)
    before = leg.tick(2)
    leg.negotiate(send=False)
    assert leg.tick(50) == []
    leg.negotiate(Codec.PCMU)
    after = leg.tick(2)
    assert b"".join(packet.payload for packet in before) == encode(pcm, Codec.PCMA)[: 2 * FRAME]
    assert b"".join(packet.payload for packet in after) == encode(pcm, Codec.PCMU)[2 * FRAME :]
    assert after[0].marker
    assert rtp.elapsed(before[-1].timestamp, after[0].timestamp) == 51 * FRAME
    leg.tick()
    assert leg.events == [PromptPlayed()]


def test_keys_are_sent_as_events_and_the_prompt_waits() -> None:
    leg = Leg()
    sound, pcm = prompt(3)
    leg.session.outgoing.play(sound, loop=False)
    leg.tick()
    leg.session.outgoing.press("1#", 0.1)
    sent = leg.tick(40)
    assert seamless(sent)
    reader = dtmf.KeyReader()
    events = [packet for packet in sent if packet.payload_type == EVENTS]
    assert [key for event in events if (key := reader.read(event.timestamp, event.payload))] == ["1", "#"]
    assert [event.marker for event in events] == ([True] + [False] * 6) * 2
    played = b"".join(
        packet.payload for packet in sent if packet.payload not in (*SILENCE.values(),) and packet not in events
    )
    assert played == encode(pcm, Codec.PCMA)[FRAME:]


def test_keys_to_a_side_that_takes_none_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    leg = Leg(event_out=None)
    leg.session.outgoing.press("1", 0.1)
    assert [packet.payload_type for packet in leg.tick(3)] == [Codec.PCMA] * 3
    assert "no telephone-events" in caplog.text


def test_a_far_side_that_refuses_for_a_while_does_no_harm() -> None:
    leg = Leg()
    leg.endpoint.refuses = True
    assert leg.tick(5) == []
    leg.endpoint.refuses = False
    assert len(leg.tick(5)) == 5
    assert leg.session.stats().sent == 5


def test_the_first_packet_is_told_once_and_keys_once_a_press() -> None:
    leg = Leg()
    leg.hear(SILENCE[Codec.PCMA])
    leg.press("7")
    leg.press("7")
    leg.hear(SILENCE[Codec.PCMA])
    assert leg.events == [FirstPacket(), DigitPressed("7"), DigitPressed("7")]


def test_keys_are_told_once_when_they_come_from_a_source_of_their_own() -> None:
    leg = Leg()
    start = leg.timestamp
    for frame in dtmf.press("3", 0.1):
        leg.ssrc = 7
        leg.hear(SILENCE[Codec.PCMA])
        leg.ssrc = 8
        leg.hear(frame.payload, EVENTS, timestamp=start)
    assert leg.events == [FirstPacket(), DigitPressed("3")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # a STUN binding request
        b"\x80\xc8" + bytes(26),  # an RTCP sender report
        b"\x80\x0d" + bytes(11),  # comfort noise
        b"\x80\x65" + bytes(10),  # a telephone-event of no length
        b"\x80\x60" + bytes(100),  # a payload type nobody negotiated
    ],
)
def test_junk_is_no_media(data: bytes) -> None:
    leg = Leg()
    leg.arrive(data)
    assert [event for event in leg.events if event != FirstPacket()] == []
    leg.hear(SILENCE[Codec.PCMA])
    assert leg.events == [FirstPacket()]


def test_on_hold_nothing_is_heard() -> None:
    leg = Leg()
    leg.negotiate(receive=False)
    leg.hear(SILENCE[Codec.PCMA])
    leg.press("1")
    assert leg.events == []


def test_loss_and_disorder_are_counted() -> None:
    leg = Leg()
    for sequence in (10, 11, 14, 13, 15):
        leg.sequence = sequence
        leg.hear(SILENCE[Codec.PCMA])
    leg.session.close()
    stats = leg.session.stats()
    assert (stats.received, stats.lost, stats.late) == (5, 1, 1)


def test_listening_tells_how_much_was_voice() -> None:
    leg = Leg()
    loud = encode((np.sin(np.arange(FRAME)) * 9000).astype("<i2").tobytes(), Codec.PCMA)
    leg.session.listen(leg.clock, seconds=30, silence=1)
    for _ in range(25):
        leg.tick()
        leg.hear(loud)
    leg.tick(49)
    assert leg.events == [FirstPacket()]
    leg.tick(1)
    assert leg.events == [FirstPacket(), VoiceHeard(0.5)]


def test_listening_ends_even_if_nothing_ever_comes() -> None:
    leg = Leg()
    leg.session.listen(leg.clock, seconds=30, silence=0.5)
    leg.tick(26)
    assert leg.events == [VoiceHeard(0.0)]


@pytest.mark.parametrize("codec", Codec)
def test_an_echo_sends_back_what_is_heard(codec: Codec) -> None:
    leg = Leg(codec)
    sent = leg.tick(3)
    leg.session.hear(leg.session)
    for octet in range(5):
        leg.hear(bytes([octet]) * FRAME)
        leg.tick()
    echoed = leg.endpoint.sent[3:]
    assert [packet.payload for packet in echoed] == [bytes([octet]) * FRAME for octet in range(5)]
    leg.session.part()
    leg.tick(2)
    assert seamless(sent + echoed + leg.endpoint.sent[8:])


@pytest.mark.parametrize(("one_codec", "other_codec"), [(a, b) for a in Codec for b in Codec])
def test_a_bridge_passes_sound_both_ways_in_each_sides_law(one_codec: Codec, other_codec: Codec) -> None:
    one, other = Leg(one_codec), Leg(other_codec)
    one.tick(2)
    bridge(one, other)
    octets = bytes(range(FRAME))
    one.hear(octets)
    other.hear(octets)
    to_one, to_other = one.endpoint.sent[-1], other.endpoint.sent[-1]
    assert (to_one.payload_type, to_other.payload_type) == (one_codec, other_codec)
    same = one_codec is other_codec
    assert to_other.payload == (octets if same else encode(decode(octets, one_codec), other_codec))
    assert to_one.payload == (octets if same else encode(decode(octets, other_codec), one_codec))
    assert seamless(one.endpoint.sent)


def test_a_bridge_keeps_gaps_and_order_of_the_source() -> None:
    one, other = Leg(), Leg()
    bridge(one, other)
    start = one.timestamp
    for frame in (0, 1, 4, 3):
        one.hear(bytes([frame]) * FRAME, timestamp=start + frame * FRAME & 0xFFFFFFFF)
    first, *rest = other.endpoint.sent
    assert [rtp.elapsed(first.timestamp, packet.timestamp) // FRAME for packet in rest] == [1, 4, 3]
    assert [packet.sequence - first.sequence & 0xFFFF for packet in rest] == [1, 2, 3]


def test_a_bridge_passes_keys_as_events_and_tells_them() -> None:
    one, other = Leg(), Leg()
    bridge(one, other)
    one.hear(SILENCE[Codec.PCMA])
    one.press("9")
    reader = dtmf.KeyReader()
    events = [packet for packet in other.endpoint.sent if packet.payload_type == EVENTS]
    assert [key for event in events if (key := reader.read(event.timestamp, event.payload))] == ["9"]
    assert len({event.timestamp for event in events}) == 1
    assert events[0].marker
    assert DigitPressed("9") in one.events
    assert seamless(other.endpoint.sent)


def test_keys_do_not_reach_a_side_that_takes_none() -> None:
    one, other = Leg(), Leg(event_out=None)
    bridge(one, other)
    one.press("9")
    assert other.endpoint.sent == []


def test_a_silent_partner_is_stood_in_for_and_taken_back() -> None:
    one, other = Leg(), Leg()
    bridge(one, other)
    for _ in range(3):
        one.hear(b"\x01" * FRAME)
        other.tick()
    silent = other.tick(20)
    assert 14 <= len(silent) <= 16
    assert {packet.payload for packet in silent} == {SILENCE[Codec.PCMA]}
    one.timestamp = 12345
    one.hear(b"\x02" * FRAME)
    assert other.endpoint.sent[-1].payload == b"\x02" * FRAME
    assert other.endpoint.sent[-1].marker
    assert seamless(other.endpoint.sent)


@pytest.mark.parametrize("ssrc", [7, 8])
def test_a_source_that_jumps_is_retimed(ssrc: int) -> None:
    one, other = Leg(), Leg()
    bridge(one, other)
    one.hear(b"\x01" * FRAME)
    other.tick()
    one.timestamp = one.timestamp + 5_000_000 & 0xFFFFFFFF
    one.ssrc = ssrc
    one.hear(b"\x02" * FRAME)
    first, second = other.endpoint.sent
    assert 0 < rtp.elapsed(first.timestamp, second.timestamp) <= 4 * FRAME


def test_the_partner_hears_silence_after_the_bridge() -> None:
    one, other = Leg(), Leg()
    bridge(one, other)
    one.hear(b"\x01" * FRAME)
    one.session.close()
    assert [packet.payload for packet in other.tick(2)] == [SILENCE[Codec.PCMA]] * 2
    other.hear(b"\x01" * FRAME)
    assert seamless(other.endpoint.sent)


def test_a_bridge_stops_prompts() -> None:
    one, other = Leg(), Leg()
    one.session.outgoing.play(prompt(3)[0], loop=False)
    one.tick()
    bridge(one, other)
    one.tick(4)
    assert one.events == []


def tracks(leg: Leg, folder: Path) -> dict[str, bytes]:
    """What the closed session left on disk."""
    return {file.name: file.read_bytes()[HEADER_SIZE:] for file in folder.iterdir()}


@pytest.fixture
def writer() -> Writer:
    return Writer()


def test_both_ways_are_recorded(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    sound, pcm = prompt(60)
    leg.session.record(tmp_path, "client", writer, 0.0)
    leg.session.outgoing.play(sound, loop=False)
    heard = b""
    for frame in range(70):
        leg.tick()
        leg.hear(bytes([frame]) * FRAME)
        heard += bytes([frame]) * FRAME
    leg.session.close()
    writer.stop()
    assert tracks(leg, tmp_path) == {"client.heard.g711": heard, "client.prompt.g711": encode(pcm, Codec.PCMA)}


def test_a_prompt_that_was_interrupted_is_recorded_as_it_was_sent(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    sound, pcm = prompt(8)
    octets = encode(pcm, Codec.PCMA)
    leg.session.record(tmp_path, "client", writer, 0.0)
    leg.session.outgoing.play(sound, loop=False)
    leg.tick(2)
    leg.negotiate(send=False)
    leg.tick(3)
    leg.negotiate()
    leg.tick(2)
    leg.session.outgoing.play(sound, loop=False)
    leg.tick(1)
    leg.session.close()
    writer.stop()
    expected = octets[: 2 * FRAME] + SILENCE[Codec.PCMA] * 3 + octets[2 * FRAME : 4 * FRAME] + octets[:FRAME]
    assert tracks(leg, tmp_path) == {"client.prompt.g711": expected}


def test_what_is_heard_lands_by_timestamp_with_keys_left_out(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    leg.session.record(tmp_path, "client", writer, 0.0)
    leg.hear(b"\x01" * FRAME)
    leg.clock += FRAME
    leg.press("5")
    leg.clock += 8 * FRAME
    leg.hear(b"\x02" * FRAME)
    leg.session.close()
    writer.stop()
    pressed = len(dtmf.press("5", 0.1))
    assert tracks(leg, tmp_path) == {
        "client.heard.g711": b"\x01" * FRAME + SILENCE[Codec.PCMA] * pressed + b"\x02" * FRAME
    }


def test_a_law_that_changes_midway_is_recorded_in_the_first(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    leg.session.record(tmp_path, "client", writer, 0.0)
    octets = bytes(range(FRAME))
    leg.hear(octets)
    leg.hear(octets, Codec.PCMU)
    leg.negotiate(Codec.PCMU)
    leg.hear(octets)
    leg.session.close()
    writer.stop()
    translated = encode(decode(octets, Codec.PCMU), Codec.PCMA)
    assert tracks(leg, tmp_path) == {"client.heard.g711": octets + translated * 2}


def test_tracks_reach_the_disk_within_about_a_second(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    leg.session.record(tmp_path, "client", writer, 0.0)
    for _ in range(50):
        leg.hear(b"\x01" * FRAME)
        leg.tick()
    writer.stop()
    assert tracks(leg, tmp_path) == {"client.heard.g711": b"\x01" * FRAME * 50}


def test_packets_that_run_ahead_of_the_clock_make_no_long_recording(tmp_path: Path, writer: Writer) -> None:
    leg = Leg()
    leg.session.record(tmp_path, "client", writer, 0.0)
    for _ in range(200):
        leg.hear(b"\x01" * 2000)
        leg.tick()
    leg.session.close()
    writer.stop()
    assert len(tracks(leg, tmp_path)["client.heard.g711"]) < 200 * FRAME + 3 * 8000
