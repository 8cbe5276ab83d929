"""Reading and writing messages: what is well-formed is understood, what is not is one kind of error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import CSeq, NameAddr, Via, parse_params, quote, split, unquote
from calldron.engines.sip.message import Request, Response, parse
from calldron.engines.sip.uri import escape_user, make_uri, parse_uri

INVITE = b"""INVITE sip:+74951234567@192.0.2.2;user=phone SIP/2.0
v: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKabc;rport
Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKdef , SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKghi
Max-Forwards: 70
f: "A. \\"quoted\\", <person>" <sip:a@example.com>;tag=1928
T: <sip:+74951234567@192.0.2.2>
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Contact: <sip:a@192.0.2.1:5080;transport=UDP>
Subject: folded
 over two
\tthree lines
Supported: timer, 100rel
k: replaces
Content-Type: application/sdp;charset=utf-8
l: 4

body and what is beyond its length""".replace(b"\n", b"\r\n")


def edited(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new)


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_a_request_with_every_liberty_the_grammar_takes() -> None:
    message = request(INVITE)
    assert (message.method, message.uri) == ("INVITE", "sip:+74951234567@192.0.2.2;user=phone")
    assert [Via.parse(value).host for value in message.getall("via")] == ["192.0.2.1", "proxy.example.com", "10.0.0.1"]
    assert (message.via.branch, message.via.port, message.via.transport) == ("z9hG4bKabc", 5080, "UDP")
    assert (message.from_.uri, message.from_.tag, message.to.tag) == ("sip:a@example.com", "1928", "")
    assert message.cseq == CSeq(1, "INVITE")
    assert message.get("subject") == "folded over two three lines"
    assert message.options("supported") == {"timer", "100rel", "replaces"}
    assert message.body == b"body"
    assert message.content("application/sdp") == b"body"
    assert message.content("text/plain") is None


def test_what_is_written_reads_the_same() -> None:
    message = request(INVITE)
    again = request(bytes(message))
    assert again.headers == message.headers
    assert again.body == message.body
    assert b"Call-ID: 1@192.0.2.1\r\n" in bytes(message)


def test_a_response_echoes_what_it_must() -> None:
    message = request(INVITE)
    response = parse(bytes(message.response(486, to_tag="xyz")))
    assert isinstance(response, Response)
    assert (response.code, response.phrase) == (486, "Busy Here")
    assert response.getall("via") == message.getall("via")
    assert response.headers["from"] == message.headers["from"]
    assert response.to.tag == "xyz"
    assert response.cseq == message.cseq


def test_the_tag_of_a_request_is_kept_in_its_response() -> None:
    message = request(edited(b"T: <sip:+74951234567@192.0.2.2>", b"T: <sip:x@192.0.2.2>;tag=mine"))
    assert message.response(200, to_tag="other").to.tag == "mine"


@pytest.mark.parametrize(
    ("line", "code", "phrase"),
    [
        (b"SIP/2.0 200 OK", 200, "OK"),
        (b"SIP/2.0 200 ", 200, ""),
        (b"SIP/2.0 200", 200, ""),
        ("SIP/2.0 480 Абонент занят".encode(), 480, "Абонент занят"),
        (b"SIP/2.0 699 = 2**3 * 13**2 but not 1/3", 699, "= 2**3 * 13**2 but not 1/3"),
    ],
)
def test_status_lines(line: bytes, code: int, phrase: str) -> None:
    message = parse(INVITE.replace(INVITE.split(b"\r\n")[0], line))
    assert isinstance(message, Response)
    assert (message.code, message.phrase) == (code, phrase)


# RFC 4475 section 3.1.2 and 3.3: what has to be refused, as edits of a good message.
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"l: 4", b"l: 9999"),
        (b"l: 4", b"l: -999"),
        (b"l: 4", b"l: 4\r\nContent-Length: 5"),
        (b"l: 4", b"l: four"),
        (b"l: 4", "l: ²".encode()),
        (b"l: 4", b"l: 99999999999999999999999"),
        (b"CSeq: 1 INVITE", b"CSeq: 36893488147419103232 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
        (b"CSeq: 1 INVITE", b"CSeq: one INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 1 INVITE\r\nCSeq: 2 INVITE"),
        (b"CSeq: 1 INVITE\r\n", b""),
        (b"Call-ID: 1@192.0.2.1\r\n", b""),
        (b"Call-ID: 1@192.0.2.1", b"Call-ID:"),
        (b"T: <sip:+74951234567@192.0.2.2>\r\n", b""),
        (b"T: <sip:", b'T: "Mr. J. User <sip:'),
        (b"T: <sip:+74951234567@192.0.2.2>", b"T: <sip:x@y"),
        (b"T: <sip:+74951234567@192.0.2.2>", b"T: <sip:x@y> junk"),
        (b"T: <sip:+74951234567@192.0.2.2>", b"T: <>"),
        (b"T: <sip:+74951234567@192.0.2.2>", b"T: <sip:x@y>;=z"),
        (b"Max-Forwards: 70", b"Max-Forwards 70"),
        (b"Max-Forwards: 70", b"Max Forwards: 70"),
        (b"Max-Forwards: 70", b": 70"),
        (b"Max-Forwards: 70", b"Max-Forwards: 7\x000"),
        (b"Max-Forwards: 70", b"Max-Forwards: 7\n0"),
        (b"Max-Forwards: 70", b"Max-Forwards: 7\r0"),
        (b"Max-Forwards: 70", b"Max-Forwards: \xff"),
        (b"Max-Forwards: 70", b"\r\n".join([b"X: 1"] * 300)),
        (b"INVITE sip:", b"INVITE  sip:"),
        (b"INVITE sip:", b"INV\xc3\x89TE sip:"),
        (b"INVITE sip:+74951234567@192.0.2.2;user=phone", b"INVITE <sip:+74951234567@192.0.2.2>"),
        (b"phone SIP/2.0", b"phone SIP/7.0"),
        (b"phone SIP/2.0", b"phone"),
        (b"192.0.2.1:5080;branch", b"192.0.2.1:99999;branch"),
        (b"v: SIP/2.0/UDP 192.0.2.1:5080;branch", b"v: SIP/2.0/UDP ;branch"),
        (b"v: SIP/2.0/UDP 192.0.2.1:5080;branch", b"v: nonsense;branch"),
        (b"Contact: <sip:a@192.0.2.1:5080;transport=UDP>", b'Contact: "a <sip:b@c>'),
        (b"\r\n\r\n", b"\r\n"),
    ],
)
def test_malformed_messages_are_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(MessageError):
        parse(edited(old, new))


@pytest.mark.parametrize("code", [b"099", b"700", b"4294967301", b"-1", b"2x0"])
def test_impossible_codes_are_refused(code: bytes) -> None:
    with pytest.raises(MessageError):
        parse(INVITE.replace(INVITE.split(b"\r\n")[0], b"SIP/2.0 " + code + b" Better not"))


@pytest.mark.parametrize("name", ["max-forwards", "session-expires", "rseq", "retry-after"])
@pytest.mark.parametrize("value", ["", "x", "-1", "12345678901234567890", ";;;", '"'])
def test_a_field_that_is_malformed_and_optional_counts_as_absent(name: str, value: str) -> None:
    message = request(INVITE)
    message.headers[name] = [value]
    assert message.number(name) is None
    assert message.param(name, "refresher") is None


def test_a_header_field_cannot_begin_another_one() -> None:
    message = request(INVITE)
    message.headers["subject"] = ["x\r\nX-Evil: 1"]
    with pytest.raises(MessageError):
        bytes(message)


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a, b,c", ["a", "b", "c"]),
        ('"a, b" <sip:c>, <sip:d,e>', ['"a, b" <sip:c>', "<sip:d,e>"]),
        (r'"a\", b", c', [r'"a\", b"', "c"]),
        (", ,a", ["a"]),
        ("", []),
    ],
)
def test_lists_are_split_outside_quotes_and_brackets(value: str, parts: list[str]) -> None:
    assert split(value) == parts


@pytest.mark.parametrize(
    ("value", "uri", "params"),
    [
        ("<sip:a@b;x=y>;Tag=T1", "sip:a@b;x=y", {"tag": "T1"}),
        ("sip:a@b;tag=1", "sip:a@b", {"tag": "1"}),
        ('"<sip:no@no>" <sip:a@b> ; q = 0.5 ; flag', "sip:a@b", {"q": "0.5", "flag": ""}),
        ("Mr. Watson <sip:a@b>", "sip:a@b", {}),
        ('<sip:a@b>;n="x;y,\\"z"', "sip:a@b", {"n": 'x;y,"z'}),
        ("<sip:a@b>;tag=1;tag=2", "sip:a@b", {"tag": "1"}),
    ],
)
def test_addresses(value: str, uri: str, params: dict[str, str]) -> None:
    assert NameAddr.parse(value) == NameAddr(uri, params)


@given(st.text())
def test_quoting_is_undone(text: str) -> None:
    printable = "".join(char for char in text if char >= " " and char != "\x7f")
    assert unquote(quote(text)) == printable
    assert split(f"{quote(text)}, x") == [quote(text).strip(), "x"]


def test_a_via_is_stamped_with_where_it_came_from() -> None:
    asked = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK+a*~")
    assert asked.stamped("192.0.2.7", 4711) == (
        "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK+a*~;rport=4711;received=192.0.2.7"
    )
    assert Via.parse("SIP/2.0/UDP 10.0.0.1;branch=x").stamped("10.0.0.1", 5060) == "SIP/2.0/UDP 10.0.0.1;branch=x"
    assert Via.parse("SIP/2.0/UDP a.example;branch=x").stamped("192.0.2.7", 5060).endswith(";received=192.0.2.7")
    lying = Via.parse("SIP/2.0/UDP a.example;received=127.0.0.1;branch=x").stamped("192.0.2.7", 5060)
    assert Via.parse(lying).params["received"] == "192.0.2.7"


@pytest.mark.parametrize(
    "value", ["SIP / 2.0 / UDP  first.example.com: 4000;ttl=16 ;branch=z9hG4bK1", "sip/2.0/udp [2001:db8::1]:5060"]
)
def test_vias_with_space_and_ipv6(value: str) -> None:
    via = Via.parse(value)
    assert via.transport == "UDP"
    assert via.host in ("first.example.com", "2001:db8::1")


# ---------------------------------------------------------------- URIs


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "transport"),
    [
        ("sip:+7495@h.example:5070;transport=TCP", "+7495", "h.example", 5070, "tcp"),
        ("SIP:a%20b@192.0.2.1", "a b", "192.0.2.1", None, "udp"),
        ("sip:[2001:db8::1]:5060", "", "2001:db8::1", 5060, "udp"),
        ("sip:a@h?Replaces=x%3By", "a", "h", None, "udp"),
        ("sip:a;b?c@h", "a;b?c", "h", None, "udp"),
        ("tel:+7-495-1", "+7-495-1", "", None, "udp"),
        ("sip:a@h;lr;Transport=UDP", "a", "h", None, "udp"),
    ],
)
def test_uris(text: str, user: str, host: str, port: int | None, transport: str) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.transport) == (user, host, port, transport)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "http://h",
        "sip:a@",
        "sip:a@h:0",
        "sip:a@h:99999",
        "sip:a b@h",
        "sip:a@h\r\nX: 1",
        "sip:a@h\n",
        "sip:é@h",
        "sip:a@h;self=1",
        f"sip:{'a' * 3000}@h",
    ],
)
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(MessageError):
        parse_uri(text)


@given(st.text(min_size=1, max_size=40))
def test_whatever_is_dialled_stays_within_its_uri(user: str) -> None:
    text = make_uri(user, "h.example", 5060, "tcp")
    assert text == f"sip:{escape_user(user)}@h.example:5060;transport=tcp"
    assert parse_uri(text).user == user


# ---------------------------------------------------------------- fuzz


def read_everything(data: bytes) -> None:
    """Read a message and everything that is looked at in one; only ``MessageError`` may come of it."""
    try:
        message = parse(data)
    except MessageError:
        return
    assert message.call_id
    assert message.cseq.method
    assert message.via.host
    _ = message.from_.tag, message.to.tag, message.contact
    for name in list(message.headers):
        message.number(name)
        message.param(name, "refresher")
        message.options(name)
    parse(bytes(message))
    if isinstance(message, Request):
        parse(bytes(message.response(200, to_tag="t")))
        try:
            parse_uri(message.uri)
        except MessageError:
            return


@given(st.binary(max_size=400))
def test_junk(data: bytes) -> None:
    read_everything(data)


@given(st.integers(0, len(INVITE) - 1), st.integers(0, 60), st.binary(max_size=8))
def test_mutants(at: int, cut: int, junk: bytes) -> None:
    read_everything(INVITE[:at] + junk + INVITE[at + cut :])


@given(st.lists(st.sampled_from(INVITE.split(b"\r\n")), max_size=30), st.text(alphabet='<>",;:=@\\ sip', max_size=30))
def test_shuffled_lines(lines: list[bytes], value: str) -> None:
    read_everything(b"\r\n".join([INVITE.split(b"\r\n")[0], *lines, b"To: " + value.encode(), b"", b""]))


@given(st.text(alphabet='abc<>",;:=@\\ %+', max_size=60))
def test_fields_of_junk(value: str) -> None:
    for read in (NameAddr.parse, Via.parse, CSeq.parse, parse_params, split, parse_uri):
        try:
            read(value)
        except MessageError:
            continue


@pytest.mark.parametrize("length", [20_000])
def test_hostile_fields_are_read_in_linear_time(length: int) -> None:
    for value in (
        '"' * length,
        "a" * length + "<",
        ";a=" * length,
        '\\"' * length,
        "a-" * length,
        "sip:" + "a.-" * 600,
    ):
        for read in (NameAddr.parse, Via.parse, parse_params, split, parse_uri):
            try:
                read(value)
            except MessageError:
                continue
