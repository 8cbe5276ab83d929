"""Session descriptions (RFC 8866) and the offer/answer model (RFC 3264) for what a telephone call needs: one G.711
stream with telephone-events (RFC 4733).

A description keeps only what decides something here; streams that are not wanted are kept as rejects, because an
answer has to hold its offer's streams in their order (RFC 3264 section 6).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from calldron.media.addresses import ip_address
from calldron.media.g711 import Codec

MEDIA_TYPE: Final = "application/sdp"
MAX_BYTES: Final = 16 * 1024
MAX_STREAMS: Final = 16
TELEPHONE_EVENT: Final = 101
"""The payload type we offer for telephone-events; it is dynamic, 101 is custom."""

PREFERENCE: Final = (Codec.PCMA, Codec.PCMU)

_PROFILES: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_STATIC: Final = {str(int(codec)): (codec, f"{codec.name}/8000") for codec in Codec}


class SdpError(ValueError):
    """A session description is malformed, or has nothing in common with ours. The message says what and where."""


class Direction(StrEnum):
    """Which way media flows, seen from the side that wrote the description (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the describing side sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the describing side receives."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """The direction of a side that does the given."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE


@dataclass(frozen=True, slots=True)
class Audio:
    """An accepted audio stream: where its side wants RTP, what it takes, in order of its preference.

    ``telephone_event`` is the payload type under which this side wants to receive keys. ``host`` is what the ``c=``
    line says: an address, seldom a name. ``ptime``: milliseconds a packet.
    """

    host: str
    port: int
    codecs: tuple[Codec, ...]
    telephone_event: int | None = None
    direction: Direction = Direction.SENDRECV
    ptime: int = 20

    @property
    def held(self) -> bool:
        """Whether the side put the other on hold the old way, with an address of zeros (RFC 2543 appendix B.5)."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 (read from the wire, nothing is bound to it)


@dataclass(frozen=True, slots=True)
class Reject:
    """A stream that is not used: its ``m=`` line up to the formats, without the port."""

    media: str
    profile: str
    formats: str


@dataclass(frozen=True, slots=True)
class Description:
    """One session description. At most one of ``streams`` is an ``Audio``: the first that can be used."""

    origin_host: str
    session_id: int
    version: int
    streams: tuple[Audio | Reject, ...]
    origin_user: str = "-"

    @property
    def audio(self) -> Audio | None:
        """The stream in use; ``None`` where all are refused."""
        return next((stream for stream in self.streams if isinstance(stream, Audio)), None)

    def __bytes__(self) -> bytes:
        audio = self.audio
        host = audio.host if audio else self.origin_host
        lines = [
            "v=0",
            f"o={self.origin_user} {self.session_id} {self.version} IN {_family(self.origin_host)} {self.origin_host}",
            "s=-",
            f"c=IN {_family(host)} {host}",
            "t=0 0",
        ]
        for stream in self.streams:
            lines += _audio_lines(stream) if isinstance(stream, Audio) else [_reject_line(stream)]
        return "\r\n".join([*lines, ""]).encode()

    def revised(self, audio: Audio) -> "Description":
        """The next version of this description with another audio stream in its place (RFC 3264 section 8)."""
        streams = tuple(audio if isinstance(stream, Audio) else stream for stream in self.streams)
        return replace(self, version=self.version + 1, streams=streams)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an offer and its answer come to, from our side.

    ``telephone_event`` is the payload type to send keys under, ``telephone_event_in`` the one they arrive under.
    """

    remote: tuple[str, int]
    codec: Codec
    telephone_event: int | None
    telephone_event_in: int | None
    send: bool
    receive: bool


# ---------------------------------------------------------------- offer and answer


def offer(
    host: str,
    port: int,
    *,
    session_id: int,
    codecs: Sequence[Codec] = PREFERENCE,
    direction: Direction = Direction.SENDRECV,
) -> Description:
    """An offer of one audio stream to be received at ``host``:``port``."""
    audio = Audio(host, port, tuple(codecs), TELEPHONE_EVENT, direction)
    return Description(host, session_id, 1, (audio,))


def answer(
    theirs: Description,
    host: str,
    port: int,
    *,
    session_id: int,
    version: int = 1,
    codecs: Sequence[Codec] = PREFERENCE,
    direction: Direction = Direction.SENDRECV,
) -> Description:
    """Answer an offer, the first one or a later one (hold, session refresh): the first of ``codecs`` that is offered.

    ``direction`` is what we would like; it is cut down to what the offer leaves. ``version`` has to be one above that
    of our description before, unless this one is equal to it (RFC 3264 section 8). Raises ``SdpError`` where the
    offer has no stream for us (488 is then due).
    """
    audio = theirs.audio
    codec = next((codec for codec in codecs if audio and codec in audio.codecs), None)
    if audio is None or codec is None:
        raise SdpError("no audio stream with PCMA or PCMU over RTP/AVP is offered")
    # RFC 3264 section 6.1: the payload type of the offer is used both ways.
    ours = Audio(host, port, (codec,), audio.telephone_event, _narrowed(direction, audio))
    streams = tuple(ours if stream is audio else _rejected(stream) for stream in theirs.streams)
    return Description(host, session_id, version, streams)


def agree(ours: Description, theirs: Description) -> Agreement:
    """Join our description with theirs, whichever of them is the offer. Raises ``SdpError`` where they have no codec
    in common."""
    mine, other = ours.audio, theirs.audio
    codec = next((codec for codec in (mine.codecs if mine else ()) if other and codec in other.codecs), None)
    if mine is None or other is None or codec is None:
        raise SdpError("no codec in common")
    return Agreement(
        remote=(other.host, other.port),
        codec=codec,
        telephone_event=other.telephone_event,
        telephone_event_in=mine.telephone_event,
        send=mine.direction.sends and other.direction.receives and not other.held,
        receive=mine.direction.receives and other.direction.sends,
    )


def _narrowed(wanted: Direction, theirs: Audio) -> Direction:
    """RFC 3264 section 6.1: sendonly is answered by recvonly or inactive, and so on."""
    sends = wanted.sends and theirs.direction.receives and not theirs.held
    return Direction.of(sends=sends, receives=wanted.receives and theirs.direction.sends)


def _rejected(stream: Audio | Reject) -> Reject:
    if isinstance(stream, Reject):
        return stream
    return Reject("audio", "RTP/AVP", " ".join(str(int(codec)) for codec in stream.codecs))


# ---------------------------------------------------------------- writing


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _audio_lines(audio: Audio) -> Iterator[str]:
    events = [] if audio.telephone_event is None else [audio.telephone_event]
    yield f"m=audio {audio.port} RTP/AVP {' '.join(str(int(pt)) for pt in (*audio.codecs, *events))}"
    for codec in audio.codecs:
        yield f"a=rtpmap:{int(codec)} {codec.name}/8000"
    for payload_type in events:
        yield f"a=rtpmap:{payload_type} telephone-event/8000"
        yield f"a=fmtp:{payload_type} 0-15"
    yield f"a=ptime:{audio.ptime}"
    yield f"a={audio.direction}"


def _reject_line(stream: Reject) -> str:
    return f"m={stream.media} 0 {stream.profile} {stream.formats}"


# ---------------------------------------------------------------- reading

_DIRECTIONS: Final = {direction.value: direction for direction in Direction}


@dataclass(slots=True)
class _Section:
    """Lines of the session (the first) or of one ``m=`` line, with that line's value."""

    media: str
    firsts: dict[str, str] = field(default_factory=dict)  # the first line of each kind
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def take(self, kind: str, value: str) -> None:
        self.firsts.setdefault(kind, value)
        if kind == "a":
            name, _, rest = value.partition(":")
            self.attributes.append((name.lower(), rest))


def parse(body: bytes) -> Description:
    """Read a description. Unknown lines and attributes are passed over; raises ``SdpError`` for the rest."""
    if len(body) > MAX_BYTES:
        raise SdpError(f"a session description of {len(body)} bytes is too long")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise SdpError(f"not UTF-8 at byte {error.start}") from error
    session, *media = _sections(text)
    if session.firsts.get("v") != "0":
        raise SdpError("does not begin with v=0")
    if len(media) > MAX_STREAMS:
        raise SdpError(f"{len(media)} streams are too many")
    user, session_id, version, origin_host = _origin(session.firsts.get("o"))
    streams: list[Audio | Reject] = []
    for section in media:
        stream = _stream(section, session)
        if isinstance(stream, Audio) and any(isinstance(one, Audio) for one in streams):
            stream = _rejected(stream)
        streams.append(stream)
    return Description(origin_host, session_id, version, tuple(streams), user)


def _sections(text: str) -> list[_Section]:
    sections = [_Section("")]
    # Not splitlines(): it takes U+2028 and others for ends of lines.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        if len(line) < 2 or line[1] != "=":
            raise SdpError(f"line {number} is not of the form x=value")
        if line[0] == "m":
            sections.append(_Section(line[2:].strip()))
        else:
            sections[-1].take(line[0], line[2:].strip())
    return sections


def _origin(value: str | None) -> tuple[str, int, int, str]:
    if value is None:
        raise SdpError("no o= line")
    fields = value.split()
    if len(fields) != 6 or not (_NUMBER.fullmatch(fields[1]) and _NUMBER.fullmatch(fields[2])):
        raise SdpError("the o= line is not 'user id version IN IP4 host'")
    return fields[0], int(fields[1]), int(fields[2]), fields[5]


def _stream(section: _Section, session: _Section) -> Audio | Reject:
    fields = section.media.split()
    if len(fields) < 4:
        raise SdpError("an m= line is not 'media port profile formats'")
    media, profile, formats = fields[0], fields[2], fields[3:]
    port = _port(fields[1])
    reject = Reject(media, profile, " ".join(formats))
    if media.lower() != "audio" or profile.upper() not in _PROFILES or port == 0:
        return reject
    names = _payload_names(section)
    codecs = tuple(codec for codec in (_codec(pt, names) for pt in formats) if codec is not None)
    if not codecs:
        return reject
    connection = section.firsts.get("c") or session.firsts.get("c")
    return Audio(
        host=_connection_host(connection),
        port=port,
        codecs=tuple(dict.fromkeys(codecs)),
        telephone_event=next((int(pt) for pt in formats if names.get(pt) == "TELEPHONE-EVENT/8000"), None),
        direction=_direction(section) or _direction(session) or Direction.SENDRECV,
        ptime=_ptime(section),
    )


def _port(field: str) -> int:
    port = field.partition("/")[0]  # "port/number of ports"
    if not _NUMBER.fullmatch(port) or int(port) > 65535:
        raise SdpError("the port of an m= line is not a number up to 65535")
    return int(port)


def _payload_names(section: _Section) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, value in section.attributes:
        payload_type, _, encoding = value.partition(" ")
        if name == "rtpmap" and payload_type.isascii() and payload_type.isdigit() and int(payload_type) < 128:
            names[payload_type] = encoding.strip().upper().removesuffix("/1")
    return names


def _codec(payload_type: str, names: dict[str, str]) -> Codec | None:
    """The codec of a static payload type; one that an ``rtpmap`` gives to something else is not ours."""
    codec, name = _STATIC.get(payload_type, (None, ""))
    return codec if names.get(payload_type, name) == name else None


def _connection_host(value: str | None) -> str:
    if value is None:
        raise SdpError("an audio stream has no c= line")
    fields = value.split()
    if len(fields) != 3 or fields[0] != "IN" or fields[1] not in ("IP4", "IP6"):
        raise SdpError("a c= line is not 'IN IP4 host'")
    host = fields[2].partition("/")[0]
    if not _HOST.fullmatch(host):
        raise SdpError("the host of a c= line is malformed")
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_multicast:
        raise SdpError("media to a multicast address is refused")
    return str(address)


def _direction(section: _Section) -> Direction | None:
    return next((_DIRECTIONS[name] for name, value in section.attributes if not value and name in _DIRECTIONS), None)


def _ptime(section: _Section) -> int:
    value = next((value for name, value in section.attributes if name == "ptime"), "20")
    # A value that no G.711 sender means is read as the default instead of refusing the call for it.
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 and 10 <= int(value) <= 120 else 20
