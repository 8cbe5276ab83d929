"""SIP messages (RFC 3261 section 7): read once, written once.

Whatever is wrong with a message is one ``MessageError``. What every part of the stack looks at (the top Via, From, To,
Call-ID, CSeq, Contact) is checked and parsed when a message is read; other header fields are read leniently where they
are used, so that one that is malformed counts as absent.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import TOKEN, CSeq, NameAddr, Via, parse_params, split
from calldron.engines.sip.phrases import PHRASES

MAX_HEADER_BYTES: Final = 32 * 1024
MAX_BODY_BYTES: Final = 64 * 1024
MAX_HEADER_LINES: Final = 200

Headers = dict[str, list[str]]
"""Values by lower-case long name, in the order of the message within a name."""

_COMPACT: Final = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
_WRITTEN: Final = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "min-se": "Min-SE",
    "p-asserted-identity": "P-Asserted-Identity",
    "rack": "RAck",
    "rseq": "RSeq",
    "www-authenticate": "WWW-Authenticate",
}
_LISTS: Final = frozenset({"via", "contact", "route", "record-route"})
_SINGLE: Final = ("from", "to", "call-id", "cseq")
_LEADING_NUMBER: Final = re.compile(r"[0-9]{1,9}(?![0-9])")
_FOLD: Final = re.compile(r"\r\n[ \t]+")
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_REQUEST_LINE: Final = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) ([^\s<>]+) SIP/2\.0", re.IGNORECASE)


@dataclass(eq=False)
class _Message:
    headers: Headers
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The first value of a header field, by its lower-case long name."""
        values = self.headers.get(name)
        return values[0] if values else None

    def getall(self, name: str) -> list[str]:
        """Every value of a header field, the first first."""
        return self.headers.get(name, [])

    def number(self, name: str) -> int | None:
        """The number a header field begins with; ``None`` where it is absent or begins with something else."""
        match = _LEADING_NUMBER.match(self.get(name) or "")
        return int(match[0]) if match else None

    def options(self, name: str) -> frozenset[str]:
        """The tokens of a list such as Require or Allow, as they are written."""
        return frozenset(token.strip() for value in self.getall(name) for token in value.split(",") if token.strip())

    def param(self, name: str, param: str) -> str | None:
        """A parameter behind the first value of a header field; ``None`` where there is none to read."""
        _, semicolon, params = (self.get(name) or "").partition(";")
        try:
            return parse_params(params).get(param) if semicolon else None
        except MessageError:
            return None

    def content(self, media_type: str) -> bytes | None:
        """The body where it is of this type."""
        kind = (self.get("content-type") or "").partition(";")[0].strip().lower()
        return self.body if self.body and kind == media_type else None

    @cached_property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.headers["call-id"][0]

    @cached_property
    def via(self) -> Via:
        """The top Via."""
        return Via.parse(self.headers["via"][0])

    @cached_property
    def from_(self) -> NameAddr:
        """From."""
        return NameAddr.parse(self.headers["from"][0])

    @cached_property
    def to(self) -> NameAddr:
        """To."""
        return NameAddr.parse(self.headers["to"][0])

    @cached_property
    def cseq(self) -> CSeq:
        """The CSeq."""
        return CSeq.parse(self.headers["cseq"][0])

    @cached_property
    def contact(self) -> NameAddr | None:
        """The first Contact; ``None`` where there is none, and for ``*``."""
        value = self.get("contact")
        return None if value is None or value == "*" else NameAddr.parse(value)

    def _encode(self, first_line: str) -> bytes:
        lines = [first_line]
        for name, values in self.headers.items():
            written = _written(name)
            lines += [f"{written}: {value}" for value in values]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        text = "\r\n".join(lines)
        # Whatever a value was made of (a number, a user name), it cannot begin a header field of its own.
        if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
            raise MessageError("a line break within a header field")
        return text.encode() + self.body


@dataclass(eq=False)
class Request(_Message):
    """A request. ``uri`` is the Request-URI as text."""

    method: str = ""
    uri: str = ""

    def __bytes__(self) -> bytes:
        return self._encode(f"{self.method} {self.uri} SIP/2.0")

    def response(self, code: int, phrase: str = "", *, to_tag: str = "", headers: Headers | None = None) -> "Response":
        """A response to this request (section 8.2.6). ``to_tag`` is added where To has no tag yet."""
        to = self.headers["to"][0]
        echoed: Headers = {
            "via": self.headers["via"],
            "from": self.headers["from"],
            "to": [f"{to};tag={to_tag}" if to_tag and not self.to.tag else to],
            "call-id": self.headers["call-id"],
            "cseq": self.headers["cseq"],
        }
        return Response({**echoed, **(headers or {})}, code=code, phrase=phrase or PHRASES.get(code, "Unknown"))


@dataclass(eq=False)
class Response(_Message):
    """A response."""

    code: int = 0
    phrase: str = ""

    def __bytes__(self) -> bytes:
        return self._encode(f"SIP/2.0 {self.code} {self.phrase}")


Message = Request | Response


# ---------------------------------------------------------------- reading


def parse(data: bytes) -> Message:
    """Read one datagram, or one message cut out of a stream. Raises ``MessageError`` and nothing else."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator or len(head) > MAX_HEADER_BYTES or len(body) > MAX_BODY_BYTES:
        raise MessageError("no end of the header in reach, or a body that is too long")
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        raise MessageError("the header is not UTF-8") from error
    if "\0" in text:
        raise MessageError("a NUL in the header")
    # Section 7.3.1: a line that begins with white space continues the one before.
    first_line, *lines = _FOLD.sub(" ", text).split("\r\n")
    if len(lines) > MAX_HEADER_LINES:
        raise MessageError("too many header lines")
    headers = _headers(lines)
    message = _first_line(first_line, headers)
    _check(message)
    message.body = _body(message, body)
    return message


def _headers(lines: Iterable[str]) -> Headers:
    headers: Headers = {}
    for line in lines:
        written, colon, value = line.partition(":")
        if not colon or "\n" in value or "\r" in value:
            raise MessageError("a header line is not 'Name: value'")
        name = _long_name(written)
        values = split(value) if name in _LISTS else [value.strip()]
        if name in headers:
            headers[name] += values
        else:
            headers[name] = values
    return headers


@lru_cache(maxsize=1024)
def _long_name(written: str) -> str:
    name = written.rstrip(" \t").lower()
    if not TOKEN.fullmatch(name):
        raise MessageError("a header line is not 'Name: value'")
    return _COMPACT.get(name, name)


@lru_cache(maxsize=256)
def _written(name: str) -> str:
    return _WRITTEN.get(name) or name.title()


def _first_line(line: str, headers: Headers) -> Message:
    if status := _STATUS_LINE.fullmatch(line):
        return Response(headers, code=int(status[1]), phrase=status[2] or "")
    if request := _REQUEST_LINE.fullmatch(line):
        return Request(headers, method=request[1], uri=request[2])
    raise MessageError("the first line is neither a request's nor a response's")


def _check(message: Message) -> None:
    headers = message.headers
    for name in _SINGLE:
        if len(headers.get(name, ())) != 1 or not headers[name][0]:
            raise MessageError(f"not exactly one {name}")
    if not headers.get("via"):
        raise MessageError("no Via")
    # Parsed here, where a failure has somebody to be told, and kept.
    _ = message.via, message.from_, message.to, message.contact
    if isinstance(message, Request) and message.cseq.method != message.method:
        raise MessageError("CSeq names another method than the request line")
    _ = message.cseq


def _body(message: Message, body: bytes) -> bytes:
    lengths = message.headers.pop("content-length", [])
    if not lengths:
        return body
    length = lengths[0]
    if len(set(lengths)) > 1 or not (length.isascii() and length.isdigit() and len(length) < 7):
        raise MessageError("malformed Content-Length")
    if int(length) > len(body):
        raise MessageError("the body is shorter than Content-Length says")
    # Section 18.3: what a datagram holds beyond Content-Length is discarded.
    return body[: int(length)]
