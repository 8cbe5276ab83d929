"""Session descriptions: what is offered, answered and agreed, and that nothing read from the wire breaks the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.media import sdp
from calldron.media.g711 import Codec
from calldron.media.sdp import Audio, Direction, Reject, SdpError

ASTERISK = b"""v=0
o=- 1234567 3 IN IP4 10.0.0.5
s=Asterisk
c=IN IP4 10.0.0.6
t=0 0
m=audio 17000 RTP/AVP 9 0 8 97
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000/1
a=rtpmap:97 telephone-event/8000
a=fmtp:97 0-16
a=ptime:30
a=maxptime:140
a=sendrecv
m=video 0 RTP/AVP 31
"""


def audio_of(body: str) -> Audio:
    audio = sdp.parse(body.encode()).audio
    assert audio is not None
    return audio


def described(*lines: str, session: tuple[str, ...] = ()) -> str:
    head = ("v=0", "o=a 1 1 IN IP4 192.0.2.1", "s=-", *session, "t=0 0")
    return "\r\n".join((*head, *lines, ""))


def test_reads_what_a_real_peer_sends() -> None:
    theirs = sdp.parse(ASTERISK)
    assert theirs.audio == Audio("10.0.0.6", 17000, (Codec.PCMU, Codec.PCMA), 97, Direction.SENDRECV, 30)
    assert (theirs.session_id, theirs.version) == (1234567, 3)
    assert theirs.streams[1] == Reject("video", "RTP/AVP", "31")


def test_answer_prefers_pcma_takes_their_event_type_and_refuses_the_rest_in_order() -> None:
    ours = sdp.answer(sdp.parse(ASTERISK), "192.0.2.9", 4000, session_id=7)
    assert ours.audio == Audio("192.0.2.9", 4000, (Codec.PCMA,), 97)
    assert b"m=audio 4000 RTP/AVP 8 97\r\n" in bytes(ours)
    assert bytes(ours).endswith(b"m=video 0 RTP/AVP 31\r\n")


def test_offer_and_answer_agree_from_both_sides_with_event_types_that_differ() -> None:
    ours = sdp.offer("192.0.2.9", 4000, session_id=7)
    theirs = sdp.parse(ASTERISK)
    agreed = sdp.agree(ours, theirs)
    assert agreed == sdp.Agreement(("10.0.0.6", 17000), Codec.PCMA, 97, 101, send=True, receive=True)
    assert sdp.agree(theirs, ours).codec is Codec.PCMU


def test_what_is_written_reads_the_same() -> None:
    ours = sdp.offer("2001:db8::1", 4000, session_id=2**63, direction=Direction.RECVONLY)
    assert sdp.parse(bytes(ours)) == ours
    assert b"c=IN IP6 2001:db8::1" in bytes(ours)


def test_a_revision_raises_the_version() -> None:
    ours = sdp.offer("192.0.2.9", 4000, session_id=7)
    held = ours.revised(Audio("192.0.2.9", 4000, (Codec.PCMA,), 101, Direction.SENDONLY))
    assert (held.version, held.session_id) == (ours.version + 1, 7)
    assert b"a=sendonly" in bytes(held)


@pytest.mark.parametrize(
    ("line", "answered", "send", "receive"),
    [
        ("a=sendrecv", Direction.SENDRECV, True, True),
        ("a=sendonly", Direction.RECVONLY, False, True),
        ("a=recvonly", Direction.SENDONLY, True, False),
        ("a=inactive", Direction.INACTIVE, False, False),
    ],
)
def test_hold_is_answered_by_its_mirror(line: str, answered: Direction, send: bool, receive: bool) -> None:
    theirs = sdp.parse(described("m=audio 9 RTP/AVP 8", "c=IN IP4 192.0.2.1", line).encode())
    ours = sdp.answer(theirs, "192.0.2.9", 4000, session_id=7, version=2)
    assert ours.audio is not None
    assert ours.audio.direction is answered
    agreed = sdp.agree(ours, theirs)
    assert (agreed.send, agreed.receive) == (send, receive)


def test_hold_the_old_way_stops_sending() -> None:
    theirs = sdp.parse(described("m=audio 9 RTP/AVP 8", session=("c=IN IP4 0.0.0.0",)).encode())
    ours = sdp.answer(theirs, "192.0.2.9", 4000, session_id=7)
    assert theirs.audio is not None
    assert theirs.audio.held
    assert not sdp.agree(ours, theirs).send
    assert ours.audio is not None
    assert ours.audio.direction is Direction.RECVONLY


def test_direction_and_address_of_the_session_hold_for_its_streams() -> None:
    audio = audio_of(described("m=audio 9 RTP/AVP 0", session=("c=IN IP4 192.0.2.7", "a=recvonly")))
    assert (audio.host, audio.direction) == ("192.0.2.7", Direction.RECVONLY)


def test_a_static_type_mapped_to_something_else_is_not_ours() -> None:
    theirs = sdp.parse(described("c=IN IP4 192.0.2.1", "m=audio 9 RTP/AVP 8", "a=rtpmap:8 opus/48000/2").encode())
    assert theirs.audio is None


def test_only_the_first_usable_audio_stream_is_taken() -> None:
    body = described(
        "m=audio 9 RTP/SAVP 8", "m=audio 11 RTP/AVP 8", "m=audio 13 RTP/AVP 0", session=("c=IN IP4 192.0.2.1",)
    )
    ours = sdp.answer(sdp.parse(body.encode()), "192.0.2.9", 4000, session_id=7)
    ports = [line.split()[1] for line in bytes(ours).decode().splitlines() if line.startswith("m=")]
    assert ports == ["0", "4000", "0"]


@pytest.mark.parametrize(
    "stream", ["m=audio 9 RTP/AVP 18", "m=audio 0 RTP/AVP 8", "m=image 9 udptl t38", "m=audio 9 RTP/SAVP 8"]
)
def test_nothing_in_common_is_said(stream: str) -> None:
    theirs = sdp.parse(described(stream, session=("c=IN IP4 192.0.2.1",)).encode())
    with pytest.raises(SdpError, match="PCMA"):
        sdp.answer(theirs, "192.0.2.9", 4000, session_id=7)
    with pytest.raises(SdpError, match="codec"):
        sdp.agree(sdp.offer("192.0.2.9", 4000, session_id=7), theirs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "v=0"),
        (b"\xff\xfe", "UTF-8"),
        (b"v=0\r\n", "o="),
        (b"v=0\r\no=- x 1 IN IP4 h\r\n", "o="),
        (b"v=0\r\nhello\r\n", "line 2"),
        (described("m=audio 9 RTP/AVP 8").encode(), "c="),
        (described("c=IN IP4 239.1.2.3", "m=audio 9 RTP/AVP 8").encode(), "multicast"),
        (described("c=ATM NSAP 47", "m=audio 9 RTP/AVP 8").encode(), "c="),
        (described("m=audio 99999 RTP/AVP 8").encode(), "port"),
        (described("m=audio x RTP/AVP 8").encode(), "port"),
        (described("m=audio 9").encode(), "m="),
        (described(*["m=audio 9 RTP/AVP 8"] * 17).encode(), "streams"),
        (b"v=0\r\n" + b"a=" + b"x" * 20000, "too long"),
    ],
)
def test_malformed_descriptions_say_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(SdpError, match=message):
        sdp.parse(body)


@pytest.mark.parametrize(
    ("value", "ptime"), [("10", 10), ("0", 20), ("9999", 20), ("x", 20), ("", 20), ("-20", 20), ("²", 20)]
)
def test_ptime_out_of_reason_is_the_default(value: str, ptime: int) -> None:
    assert (
        audio_of(described("m=audio 9 RTP/AVP 8", f"a=ptime:{value}", session=("c=IN IP4 192.0.2.1",))).ptime == ptime
    )


LINES = ASTERISK.decode().splitlines()


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300).map(lambda text: ("v=0\r\n" + text).encode("utf8", "replace"))
    )
)
def test_junk_is_an_sdp_error_or_a_description(body: bytes) -> None:
    read_and_answer(body)


@given(
    st.lists(st.integers(0, len(LINES) - 1), max_size=30),
    st.integers(0, 29),
    st.integers(0, 40),
    st.text(alphabet=" \t:;/=0123456789abcdefINP4²\x00\x85", max_size=6),
)
def test_mutants_of_a_good_description_are_an_sdp_error_or_a_description(
    order: list[int], line: int, column: int, junk: str
) -> None:
    lines = [LINES[index] for index in order] or LINES[:]
    victim = lines[line % len(lines)]
    lines[line % len(lines)] = victim[:column] + junk + victim[column:]
    read_and_answer("\r\n".join(["v=0", LINES[1], *lines]).encode())


def read_and_answer(body: bytes) -> None:
    try:
        theirs = sdp.parse(body)
        ours = sdp.answer(theirs, "192.0.2.9", 4000, session_id=1)
    except SdpError:
        return
    again = sdp.parse(bytes(ours))
    assert again.audio == ours.audio
    assert len(again.streams) == len(theirs.streams)
    sdp.agree(ours, theirs)
