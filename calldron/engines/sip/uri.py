"""SIP URIs (RFC 3261 section 19.1): the grammar is ``sipmessage``'s, made total.

URIs travel as the strings they came as, because a peer may compare them octet by octet and a parsed one is written
with other escapes; they are parsed where a part of them decides something.
"""

import urllib.parse
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import sipmessage
from sipmessage.grammar import C_USER_SAFE

from calldron.engines.sip.errors import MessageError

MAX_LENGTH: Final = 2048
_SCHEMES: Final = ("sip", "sips", "tel")


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of a URI; ``params`` has lower-case names. ``host`` is empty for ``tel:``, an IPv6 one has no
    brackets."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def transport(self) -> str:
        """``udp``, ``tcp`` or what else the URI says; ``udp`` where it says nothing (RFC 3263 section 4.1)."""
        return self.params.get("transport", "udp").lower()

    @property
    def loose(self) -> bool:
        """Whether a Route with this URI is a loose router (RFC 3261 section 19.1.1)."""
        return "lr" in self.params


@lru_cache(maxsize=4096)
def parse_uri(text: str) -> Uri:
    """Read a ``sip:``, ``sips:`` or ``tel:`` URI; its headers (``?…``) are dropped. Raises ``MessageError``."""
    scheme, colon, rest = text.partition(":")
    written = text.isascii() and text.isprintable() and len(text) <= MAX_LENGTH
    if not colon or not written or scheme.lower() not in _SCHEMES:
        raise MessageError("not a SIP or tel URI")
    # A "?" may stand in the user part too: only one behind the "@" begins the headers.
    at = rest.find("@") + 1
    rest = rest[:at] + rest[at:].partition("?")[0]
    try:
        parsed = sipmessage.URI.parse(f"{scheme.lower()}:{rest}")
    except (ValueError, TypeError) as error:  # TypeError: a parameter named "self" meets the library's **kwargs
        raise MessageError("malformed URI") from error
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise MessageError("the port of a URI is out of range")
    params = {name.lower(): value or "" for name, value in parsed.parameters.items()}
    return Uri(parsed.scheme, parsed.user or "", parsed.host.strip("[]"), parsed.port, params)


def is_uri(number: str) -> bool:
    """Whether a thing to dial is a URI already and not a bare number."""
    return number.partition(":")[0].lower() in ("sip", "sips")


def escape_user(user: str) -> str:
    """A user part with everything escaped that may not stand there bare."""
    return urllib.parse.quote(user, safe=C_USER_SAFE)


def bracketed(host: str) -> str:
    """The host as it is written before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def make_uri(user: str, host: str, port: int | None = None, transport: str = "udp") -> str:
    """``sip:user@host:port;transport=…``; what is default is left out."""
    at = f"{escape_user(user)}@" if user else ""
    tail = f":{port}" if port else ""
    parameter = "" if transport.lower() == "udp" else f";transport={transport.lower()}"
    return f"sip:{at}{bracketed(host)}{tail}{parameter}"
