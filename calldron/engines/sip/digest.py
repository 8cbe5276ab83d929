"""Digest authentication (RFC 7616, RFC 8760) as a client: MD5 and SHA-256, with ``qop=auth`` or without ``qop``."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from calldron.engines.sip.errors import DigestError, MessageError
from calldron.engines.sip.fields import TOKEN, quote, split, unquote
from calldron.engines.sip.message import Headers, Response

MAX_STALE: Final = 3
"""How often in a row a server may call its own nonce stale until we take it that it always will."""

_PARAM: Final = re.compile(r'([A-Za-z0-9\-.!%*_+`\'~]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",]*)', re.DOTALL)
_SCHEME: Final = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+(?=[^=\s])(.*)", re.DOTALL)


def _md5(data: str) -> str:
    return hashlib.md5(data.encode(), usedforsecurity=False).hexdigest()  # what most trunks still ask for


def _sha256(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


_HASHES: Final[dict[str, Callable[[str], str]]] = {"SHA-256": _sha256, "MD5": _md5}
_STRENGTH: Final = tuple(_HASHES)  # the strongest first


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a trunk."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One digest challenge. ``algorithm`` is as it was written, ``""`` where it was not."""

    header: str  # of the answer: "authorization" or "proxy-authorization"
    realm: str
    nonce: str
    algorithm: str
    qop: frozenset[str]
    opaque: str | None
    stale: bool

    @property
    def hash_name(self) -> str:
        """The hash function: the algorithm without ``-sess``, MD5 by default."""
        return (self.algorithm or "MD5").upper().removesuffix("-SESS")

    @property
    def usable(self) -> bool:
        """Whether we can answer it."""
        return self.hash_name in _HASHES and (not self.qop or "auth" in self.qop)


def challenges(response: Response) -> list[Challenge]:
    """The digest challenges of a 401 or 407, malformed ones left out."""
    asked, answered = (
        ("www-authenticate", "authorization") if response.code == 401 else ("proxy-authenticate", "proxy-authorization")
    )
    found = []
    for value in response.getall(asked):
        for scheme, params in _parsed(value):
            if scheme.lower() == "digest" and "realm" in params and params.get("nonce"):
                found.append(_challenge(answered, params))
    return found


def _challenge(header: str, params: dict[str, str]) -> Challenge:
    return Challenge(
        header=header,
        realm=params["realm"],
        nonce=params["nonce"],
        algorithm=params.get("algorithm", ""),
        qop=frozenset(one.strip().lower() for one in params.get("qop", "").split(",") if one.strip()),
        opaque=params.get("opaque"),
        stale=params.get("stale", "").lower() == "true",
    )


def _parsed(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """One field value may hold several challenges; a part with a word before its parameter begins another."""
    try:
        parts = split(value)
    except MessageError:
        return
    scheme, params = "", dict[str, str]()
    for part in parts:
        rest = part
        if begun := _SCHEME.fullmatch(part):
            if scheme:
                yield scheme, params
            scheme, rest, params = begun[1], begun[2], {}
        if param := _PARAM.fullmatch(rest):
            params.setdefault(param[1].lower(), unquote(param[2]))
    if scheme:
        yield scheme, params


class Authenticator:
    """Answers the challenges met by one request and its repeats; a new request begins with a new one.

    Several servers on the way may challenge, each for its realm: every answer given stays in the repeats.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._accepted: dict[tuple[str, str], Challenge] = {}
        self._used: dict[str, int] = {}  # by nonce: the nonce count
        self._stale = 0

    def take(self, response: Response) -> None:
        """Take a 401 or 407 in. Raises ``DigestError`` where repeating the request makes no sense: nothing that we
        know is offered, or the password was refused."""
        if not self._credentials.username:
            raise DigestError("the trunk asks for a password and none is set")
        offered = [one for one in challenges(response) if one.usable]
        if not offered:
            raise DigestError("no challenge that can be answered")
        by_realm: dict[tuple[str, str], Challenge] = {}
        for one in sorted(offered, key=lambda one: _STRENGTH.index(one.hash_name)):
            by_realm.setdefault((one.header, one.realm), one)  # RFC 8760 section 2.4: the strongest that is offered
        for place, one in by_realm.items():
            if place in self._accepted:
                self._again(self._accepted[place], one)
        self._accepted.update(by_realm)

    def _again(self, before: Challenge, now: Challenge) -> None:
        self._stale += 1
        if not now.stale or now.nonce == before.nonce or self._stale > MAX_STALE:
            raise DigestError("the user name or password was refused")

    def headers(self, method: str, uri: str) -> Headers:
        """The header fields to repeat the request with."""
        headers: Headers = {}
        for challenge in self._accepted.values():
            headers.setdefault(challenge.header, []).append(self._answer(challenge, method, uri))
        return headers

    def _answer(self, challenge: Challenge, method: str, uri: str) -> str:
        count = self._used[challenge.nonce] = self._used.get(challenge.nonce, 0) + 1
        return authorization(challenge, self._credentials, method, uri, secrets.token_hex(8), count)


def authorization(
    challenge: Challenge, credentials: Credentials, method: str, uri: str, cnonce: str, count: int
) -> str:
    """The value of (Proxy-)Authorization: RFC 7616 section 3.4."""
    hashed = _HASHES[challenge.hash_name]
    secret = hashed(f"{credentials.username}:{challenge.realm}:{credentials.password}")
    session = challenge.algorithm.upper().endswith("-SESS")
    if session:
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}")
    nonce_count = f"{count:08x}"
    middle = f"{challenge.nonce}:{nonce_count}:{cnonce}:auth" if challenge.qop else challenge.nonce
    parts = {
        "username": quote(credentials.username),
        "realm": quote(challenge.realm),
        "nonce": quote(challenge.nonce),
        "uri": quote(uri),
        "response": quote(hashed(f"{secret}:{middle}:{hashed(f'{method}:{uri}')}")),
    }
    if TOKEN.fullmatch(challenge.algorithm):
        parts["algorithm"] = challenge.algorithm
    if challenge.qop:
        parts |= {"qop": "auth", "nc": nonce_count}
    if challenge.qop or session:
        parts["cnonce"] = quote(cnonce)
    if challenge.opaque is not None:
        parts["opaque"] = quote(challenge.opaque)
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parts.items())
