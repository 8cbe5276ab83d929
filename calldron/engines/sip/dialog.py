"""Dialogs (RFC 3261 section 12): what two user agents share between the requests of a call."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import NameAddr
from calldron.engines.sip.message import Headers, Message, Request, Response
from calldron.engines.sip.uri import parse_uri

MAX_FORWARDS: Final = "70"
DEFAULT_PORT: Final = 5060
GONE: Final = frozenset({408, 481})
"""Refusals of a request within a dialog that end the dialog (section 12.2.1.2)."""


class Hop(NamedTuple):
    """Where a request goes next: ``transport`` is upper-case, ``host`` may be a name."""

    transport: str
    host: str
    port: int


class DialogId(NamedTuple):
    """What names a dialog (section 12.1)."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(slots=True, eq=False)
class Dialog:
    """A dialog, early or confirmed. ``local`` and ``remote`` are the values for From and To, with their tags."""

    id: DialogId
    local: str
    remote: str
    target: str
    routes: list[str]
    first_hop: Hop
    """Where the request went, or came from, that made the dialog."""
    local_seq: int = 0
    remote_seq: int = -1
    heard_at: float = 0.0
    """When the far side last gave a sign of life: a request, or the final response to one of ours. Loop time."""

    @classmethod
    def as_client(cls, invite: Request, response: Response, first_hop: Hop) -> "Dialog":
        """The dialog that a response to our INVITE makes (section 12.1.2)."""
        dialog = cls(
            id=DialogId(invite.call_id, invite.from_.tag, response.to.tag),
            local=invite.headers["from"][0],
            remote=response.headers["to"][0],
            target=invite.uri,
            routes=[],
            first_hop=first_hop,
            local_seq=invite.cseq.number,
        )
        dialog.confirm(response)
        return dialog

    @classmethod
    def as_server(cls, invite: Request, local_tag: str, first_hop: Hop) -> "Dialog":
        """The dialog that an INVITE to us makes (section 12.1.1)."""
        return cls(
            id=DialogId(invite.call_id, local_tag, invite.from_.tag),
            local=f"{invite.headers['to'][0]};tag={local_tag}",
            remote=invite.headers["from"][0],
            target=invite.contact.uri if invite.contact else invite.from_.uri,
            routes=_usable(invite.getall("record-route")),
            first_hop=first_hop,
            remote_seq=invite.cseq.number,
        )

    def confirm(self, response: Response) -> None:
        """Take target and route set from a response; those of the 2xx are final (section 13.2.2.4)."""
        self.routes = _usable(response.getall("record-route")[::-1])
        self.refresh_target(response)

    def refresh_target(self, message: Message) -> None:
        """Take the remote target from an INVITE or UPDATE or its 2xx (section 12.2)."""
        if message.contact is not None:
            self.target = message.contact.uri

    def request(self, method: str, headers: Headers | None = None, body: bytes = b"") -> Request:
        """The next request in this dialog (section 12.2.1.1)."""
        self.local_seq += 1
        return self._request(method, self.local_seq, headers or {}, body)

    def ack(self, invite: Request) -> Request:
        """The ACK of a 2xx to this INVITE: its CSeq number and its credentials (sections 13.2.2.4, 22.1)."""
        kept: Headers = {}
        for name in ("authorization", "proxy-authorization"):
            if name in invite.headers:
                kept[name] = invite.headers[name]
        return self._request("ACK", invite.cseq.number, kept, b"")

    def _request(self, method: str, number: int, headers: Headers, body: bytes) -> Request:
        uri, routes = self._route()
        common: Headers = {
            "max-forwards": [MAX_FORWARDS],
            "from": [self.local],
            "to": [self.remote],
            "call-id": [self.id.call_id],
            "cseq": [f"{number} {method}"],
        }
        if routes:
            common["route"] = routes
        return Request({**common, **headers}, body, method, uri)

    def _route(self) -> tuple[str, list[str]]:
        if not self.routes:
            return self.target, []
        first = NameAddr.parse(self.routes[0]).uri
        if parse_uri(first).loose:
            return self.target, self.routes
        # Section 12.2.1.1, a strict router: it is the Request-URI, and the target is the last route.
        return first, [*self.routes[1:], f"<{self.target}>"]

    def hop(self) -> Hop:
        """Where the next request goes. Raises ``MessageError`` where the peer gave no usable URI."""
        uri = parse_uri(NameAddr.parse(self.routes[0]).uri if self.routes else self.target)
        if not uri.host or uri.scheme == "sips":
            raise MessageError("the peer wants to be reached by tel or sips, which is not spoken here")
        hop = Hop(uri.transport.upper(), uri.host, uri.port or DEFAULT_PORT)
        # Peers on TCP often leave ;transport out of their Contact; there is a connection to this one already.
        if "transport" not in uri.params and hop[1:] == self.first_hop[1:]:
            return self.first_hop
        return hop

    def accepts(self, request: Request) -> bool:
        """Whether a request of the other side is in order, and note its number (section 12.2.2)."""
        if request.cseq.number < self.remote_seq:
            return False
        self.remote_seq = request.cseq.number
        return True


def _usable(routes: list[str]) -> list[str]:
    """The route set, or none of it where a part is malformed: then the target may still be reached directly."""
    try:
        for route in routes:
            parse_uri(NameAddr.parse(route).uri)
    except MessageError:
        return []
    return list(routes)
