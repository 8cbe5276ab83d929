"""What every call of an agent shares: the transaction layer, the table of dialogs, names and limits."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from calldron.engines.sip.dialog import GONE, Dialog, DialogId, Hop
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.layer import ServerTransaction, TransactionLayer
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.resolver import Resolver
from calldron.engines.sip.session_timer import DEFAULT_INTERVAL, MIN_SE
from calldron.engines.sip.transaction import Failure, Timing
from calldron.engines.sip.uri import make_uri
from calldron.engines.sip.wire import Peer, Wire

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
UNDERSTOOD: Final = frozenset({"timer"})
"""Option tags that may be required of us in a request."""
SUPPORTED: Final = "timer, 100rel"
"""Option tags that our INVITE may be answered with."""
LIVENESS_INTERVAL: Final = 30.0
"""Seconds of quiet after which a far side is asked; one that is dead is noticed 40 s later (80*T1)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How an agent behaves; seconds. ``session_interval`` 0: no session timer is asked for; ``liveness_interval`` 0:
    the far side of a call is never asked whether it lives."""

    name: str = "Calldron"
    timing: Timing = field(default_factory=Timing)
    session_interval: int = DEFAULT_INTERVAL
    min_se: int = MIN_SE
    liveness_interval: float = LIVENESS_INTERVAL


class DialogUser(Protocol):
    """Takes the requests that come within a dialog. An ACK comes without a transaction."""

    def receive(self, dialog: Dialog, request: Request, transaction: ServerTransaction | None) -> None:
        """Take one."""


class Core:
    """The agent's inside, as calls see it."""

    def __init__(
        self, wire: Wire, profile: Profile, on_request: Callable[[Request, ServerTransaction | None], None]
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.profile = profile
        self.wire = wire
        self.layer = TransactionLayer(wire, profile.timing, on_request)
        self.resolver = Resolver()
        self._dialogs: dict[DialogId, tuple[Dialog, DialogUser]] = {}

    def register(self, dialog: Dialog, user: DialogUser) -> None:
        """Let the requests of this dialog reach its user."""
        self._dialogs[dialog.id] = (dialog, user)

    def unregister(self, dialog: Dialog) -> None:
        """Forget a dialog; what still comes in it is answered 481."""
        self._dialogs.pop(dialog.id, None)

    def find(self, request: Request) -> tuple[Dialog, DialogUser] | None:
        """The dialog that a request of the other side belongs to."""
        return self._dialogs.get(DialogId(request.call_id, request.to.tag, request.from_.tag))

    def contact(self, user: str, peer: Peer) -> str:
        """Our Contact for this peer (section 8.1.1.8); it says ``;transport=tcp`` where that is how we are reached."""
        host, port = self.wire.local(peer)
        return f"<{make_uri(user, host, port, peer.transport)}>"

    def reach(self, hop: Hop, done: Callable[[Peer | None], None]) -> None:
        """Find the address of a hop; ``None`` where it has none or its transport is not spoken here."""
        if hop.transport not in ("UDP", "TCP"):
            done(None)
            return
        self.resolver.resolve(
            hop.host, lambda address: done(Peer(hop.transport, address, hop.port) if address else None)
        )

    def transmit(
        self,
        dialog: Dialog,
        request: Request,
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        """Send a request in a dialog."""

        def respond(response: Response) -> None:
            if response.code >= 200 and response.code not in GONE:
                dialog.heard_at = self.loop.time()
            on_response(response)

        def reached(peer: Peer | None) -> None:
            if peer is None:
                self.loop.call_soon(on_failure, Failure.TRANSPORT)
            else:
                self.layer.request(request, peer, respond, on_failure)

        request.headers["user-agent"] = [self.profile.name]
        self.reach_dialog(dialog, reached)

    def reach_dialog(self, dialog: Dialog, done: Callable[[Peer | None], None]) -> None:
        """Find the address that the next request in a dialog goes to."""
        try:
            hop = dialog.hop()
        except MessageError:
            done(None)
        else:
            self.reach(hop, done)

    def refuse(
        self, transaction: ServerTransaction, code: int, phrase: str = "", headers: Headers | None = None
    ) -> None:
        """Answer a request with what needs no call."""
        transaction.respond(
            transaction.request.response(code, phrase, to_tag=new_tag(), headers=headers),
        )


def new_tag() -> str:
    """A tag (section 19.3) or the local part of a Call-ID: nobody can guess it."""
    return secrets.token_hex(8)
