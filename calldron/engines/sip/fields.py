"""Values of header fields that have a structure: Via, name-addr, CSeq, parameters, lists.

Own instead of ``sipmessage``'s, whose quoted strings run to the last quote of a line (two quoted Contacts become one),
whose digest grammar refuses ``qop="auth,auth-int"``, and which escapes a Via's branch anew when it is echoed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from calldron.engines.sip.errors import MessageError

TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_SENT_BY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?:\s*:\s*([0-9]{1,5}))?")
_VIA: Final = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9-]+)\s+(.*)", re.IGNORECASE | re.DOTALL)
_CSEQ: Final = re.compile(r"([0-9]{1,10})\s+([A-Za-z0-9\-.!%*_+`'~]+)")
_MAX_CSEQ: Final = 2**31  # RFC 3261 section 8.1.1.5
_DISPLAY_NAME: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# Values read last, which every message of a dialog repeats. A value may be as long as a header: not too many of them.
_KEPT: Final = 1024


def split(value: str, separator: str = ",") -> list[str]:
    """Split at separators outside quoted strings and angle brackets; the parts are stripped, empty ones dropped."""
    if separator not in value:
        return [value.strip()] if value.strip() else []
    if '"' not in value and "<" not in value:
        return [part for part in map(str.strip, value.split(separator)) if part]
    parts: list[str] = []
    start = 0
    quoted = escaped = angle = False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            angle = True
        elif char == ">":
            angle = False
        elif char == separator and not angle:
            parts.append(value[start:index].strip())
            start = index + 1
    if quoted:
        raise MessageError("a quoted string has no end")
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def unquote(value: str) -> str:
    """The content of a quoted string; anything else as it is."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def quote(value: str) -> str:
    """A quoted string; what may not stand in one at all (control characters) is left out."""
    printable = "".join(char for char in value if char >= " " and char != "\x7f")
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_params(text: str) -> dict[str, str]:
    """``;name=value;flag`` to a dictionary with lower-case names; the first of a name wins, a flag is ``""``."""
    params: dict[str, str] = {}
    for part in split(text, ";"):
        name, _, value = part.partition("=")
        name = name.strip().lower()
        if not TOKEN.fullmatch(name):
            raise MessageError("malformed parameter")
        params.setdefault(name, unquote(value.strip()))
    return params


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A value of From, To, Contact, Route, Record-Route. ``uri`` is the text between the angle brackets."""

    uri: str
    params: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag, or ``""``."""
        return self.params.get("tag", "")

    @classmethod
    @lru_cache(maxsize=_KEPT)
    def parse(cls, value: str) -> "NameAddr":
        """Read one value. Raises ``MessageError``."""
        start = 0
        if value.startswith('"'):
            end = _DISPLAY_NAME.match(value)
            if end is None:
                raise MessageError("a display name has no end")
            start = end.end()
        opening = value.find("<", start)
        if opening < 0:
            # RFC 3261 section 20.10: without brackets, parameters are the header field's, not the URI's.
            uri, _, params = value[start:].partition(";")
            uri = uri.strip()
            if start or not uri or any(char in uri for char in ' \t,?"'):
                raise MessageError("malformed address")
            return cls(uri, parse_params(params))
        closing = value.find(">", opening)
        uri = value[opening + 1 : closing].strip()
        rest = value[closing + 1 :].strip()
        if closing < 0 or not uri or (rest and not rest.startswith(";")):
            raise MessageError("malformed address")
        return cls(uri, parse_params(rest))


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value. ``transport`` is upper-case, ``host`` is an IPv6 address without its brackets."""

    transport: str
    host: str
    port: int | None
    params: Mapping[str, str]
    text: str

    @property
    def branch(self) -> str:
        """The branch, or ``""`` from an RFC 2543 peer."""
        return self.params.get("branch", "")

    @classmethod
    @lru_cache(maxsize=_KEPT)
    def parse(cls, value: str) -> "Via":
        """Read one value. Raises ``MessageError``."""
        match = _VIA.fullmatch(value)
        if match is None:
            raise MessageError("malformed Via")
        sent_by, semicolon, params = match[2].partition(";")
        place = _SENT_BY.fullmatch(sent_by.strip())
        if place is None or (place[2] and not 0 < int(place[2]) < 65536):
            raise MessageError("malformed sent-by in Via")
        port = int(place[2]) if place[2] else None
        return cls(match[1].upper(), place[1].strip("[]"), port, parse_params(params) if semicolon else {}, value)

    def stamped(self, host: str, port: int) -> str:
        """The value with where the request really came from (section 18.2.1; RFC 3581 section 4)."""
        asked = "rport" in self.params
        if not asked and host == self.host:
            return self.text
        head, *params = self.text.split(";")
        kept = [one for one in params if one.partition("=")[0].strip().lower() not in ("rport", "received")]
        return ";".join([head, *kept, *([f"rport={port}"] if asked else []), f"received={host}"])


@dataclass(frozen=True, slots=True)
class CSeq:
    """A CSeq value."""

    number: int
    method: str

    @classmethod
    @lru_cache(maxsize=_KEPT)
    def parse(cls, value: str) -> "CSeq":
        """Read it. Raises ``MessageError``."""
        match = _CSEQ.fullmatch(value)
        if match is None or int(match[1]) >= _MAX_CSEQ:
            raise MessageError("malformed CSeq")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
