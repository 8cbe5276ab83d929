"""What is dialled and as whom, and the INVITE that says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from calldron.engines.sip.core import ALLOW, SUPPORTED, Profile, new_tag
from calldron.engines.sip.dialog import DEFAULT_PORT, MAX_FORWARDS, Hop
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import NameAddr
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.session_timer import asked
from calldron.engines.sip.uri import escape_user, is_uri, make_uri, parse_uri
from calldron.media.sdp import MEDIA_TYPE, Description

MAX_REDIRECTS: Final = 2
NOBODY: Final = "anonymous"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A call to be placed by way of a trunk (``host``, ``port``, ``transport``), which is the next hop for numbers and
    SIP URIs alike. ``may_leave`` is asked at the moment when an INVITE would leave, each that is not a retransmission;
    where it says no, the call is over."""

    number: str
    host: str
    port: int = DEFAULT_PORT
    transport: str = "udp"
    caller_id: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ring_timeout: float = 60.0
    may_leave: Callable[[], bool] = lambda: True

    @property
    def credentials(self) -> Credentials:
        """What challenges are answered with."""
        return Credentials(self.username, self.password)

    @property
    def hop(self) -> Hop:
        """Where the INVITE goes."""
        return Hop(self.transport.upper(), self.host.strip("[]"), self.port or DEFAULT_PORT)

    @property
    def caller(self) -> str:
        """The user part of From: the caller id, else the trunk's user name."""
        return self.caller_id or self.username or NOBODY

    def uri(self, user: str = "") -> str:
        """The Request-URI, of ``user`` where the call was redirected to another. Raises ``MessageError`` for a SIP URI
        that is none."""
        if user:
            return make_uri(user, self.host.strip("[]"), self.port, self.transport)
        if is_uri(self.number):
            parse_uri(self.number)
            return self.number
        return make_uri(self.number, self.host.strip("[]"), self.port, self.transport)


class InviteWriter:
    """Writes the INVITE of one call and its repeats: one Call-ID and From tag, a CSeq that rises."""

    def __init__(
        self, invitation: Invitation, profile: Profile, contact: str, local_host: str, offer: Description
    ) -> None:
        self.session_interval = profile.session_interval
        self.min_se = profile.min_se
        self.redirected = ""
        """The user that a 3xx sent us to."""
        self.contact = contact
        self.call_id = f"{new_tag()}@{local_host}"
        self._invitation = invitation
        self._profile = profile
        self._offer = offer
        self._from_tag = new_tag()
        self._seq = 0

    def write(self, authorization: Headers) -> Request:
        """The next INVITE, with what a challenge asked for."""
        self._seq += 1
        one = self._invitation
        uri = one.uri(self.redirected)
        identity = make_uri(one.caller, one.host.strip("[]"))
        headers: Headers = {
            "max-forwards": [MAX_FORWARDS],
            "from": [f"<{identity}>;tag={self._from_tag}"],
            "to": [f"<{uri}>"],
            "call-id": [self.call_id],
            "cseq": [f"{self._seq} INVITE"],
            "contact": [self.contact],
            "allow": [ALLOW],
            "supported": [SUPPORTED],
            "user-agent": [self._profile.name],
            "content-type": [MEDIA_TYPE],
        }
        if one.caller_id:
            headers["p-asserted-identity"] = [f"<{identity}>"]  # RFC 3325
        if self.session_interval:
            headers |= asked(self.session_interval, self.min_se)
        return Request({**headers, **authorization}, bytes(self._offer), "INVITE", uri)


class Redirects:
    """Follows 3xx (section 8.1.3.4), bounded. Of a contact only the user part is followed, and only by way of the same
    trunk: a redirect must not make us call hosts, and so pay tolls, of its own choice."""

    def __init__(self, number: str) -> None:
        self._tried = {number}

    def next(self, response: Response) -> str:
        """The user to try now: the untried contact with the highest q; ``""`` where there is none."""
        if len(self._tried) > MAX_REDIRECTS:
            return ""
        found: list[tuple[float, str]] = []
        for value in response.getall("contact"):
            try:
                contact = NameAddr.parse(value)
                user = parse_uri(contact.uri).user
            except MessageError:
                continue
            if user and user not in self._tried and len(escape_user(user)) < 128:
                found.append((_q(contact), user))
        if not found:
            return ""
        user = max(found, key=lambda one: one[0])[1]
        self._tried.add(user)
        return user


def _q(contact: NameAddr) -> float:
    try:
        q = float(contact.params.get("q", "1"))
    except ValueError:
        return 0.0
    return q if 0 <= q <= 1 else 0.0
