"""A call: an INVITE dialog from its making to its end, whichever side began it (RFC 3261 sections 12 to 15)."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Final

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.core import ALLOW, Core
from calldron.engines.sip.dialog import Dialog
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.endings import q850
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.layer import ServerTransaction
from calldron.engines.sip.liveness import Liveness
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.renegotiation import Renegotiation
from calldron.engines.sip.session_timer import SessionTimer
from calldron.media.sdp import Audio, Description

_KEYS: Final = frozenset("0123456789*#ABCD")


class Phase(Enum):
    """Where a call is in its life."""

    SETUP = auto()  # no 2xx yet
    UP = auto()
    CLOSING = auto()  # our BYE is under way
    OVER = auto()


class Call:
    """What outbound and inbound calls share. Handlers are plain attributes, called on the event loop."""

    def __init__(self, core: Core, credentials: Credentials | None = None) -> None:
        self.ended: asyncio.Future[Ending] = core.loop.create_future()
        """Done exactly once, when the call is over for us (RFC 3261 section 15.1.1: once our BYE is on its way)."""
        self.released: asyncio.Future[None] = core.loop.create_future()
        """Done when the call is over on the wire as well: our BYE was answered, or nobody will."""
        self.on_digit: Callable[[str], None] = lambda _: None
        """A key came in an INFO request."""
        self.on_bye: Callable[[], None] = lambda: None
        """The other side hung up; 200 has been sent."""
        self.on_reinvite: Callable[[Description | None], Description | None] | None = None
        """A re-INVITE or UPDATE carries an offer: returns the answer (``None`` argument: returns a fresh offer),
        ``None`` or ``SdpError`` to refuse with 488. Without this handler the last description is given again."""
        self.on_reanswer: Callable[[Description], None] = lambda _: None
        """The other side answered an offer of ours that changed the session."""
        self.dialog: Dialog | None = None
        self.phase = Phase.SETUP
        self._core = core
        self._credentials = credentials
        self._session: Renegotiation | None = None
        self._liveness: Liveness | None = None

    # ------------------------------------------------------------ up

    def _bring_up(
        self,
        dialog: Dialog,
        contact: str,
        ours: Description,
        timer: SessionTimer | None,
        *,
        caller: bool,
        may_update: bool,
    ) -> None:
        self.dialog = dialog
        self.phase = Phase.UP
        dialog.heard_at = self._core.loop.time()
        self._session = Renegotiation(
            self._core,
            dialog,
            contact,
            self._credentials,
            ours,
            caller=caller,
            may_update=may_update,
            on_answer=self._reanswered,
            end=lambda: self._say_bye(EndedBy.SILENCE),
        )
        self._session.set_timer(timer)

    def _watch_the_far_side(self) -> None:
        """From when both sides know that the call is up."""
        if self.phase is Phase.UP and self.dialog is not None and self._session is not None:
            end = partial(self._say_bye, EndedBy.SILENCE)
            self._liveness = Liveness(self._core, self.dialog, self._credentials, self._session, end)

    def _reanswered(self, theirs: Description) -> None:
        self.on_reanswer(theirs)

    def reoffer(self, audio: Audio) -> None:
        """Change our side of the session (hold, resume, another address) by re-INVITE."""
        if self.phase is Phase.UP and self._session is not None:
            self._session.offer(audio)

    def send_digit(self, key: str) -> None:
        """Send a key as INFO, the way of peers without telephone-events."""
        if self.phase is Phase.UP and self.dialog is not None:
            body = f"Signal={key}\r\nDuration=160\r\n".encode()
            self._exchange().send("INFO", {"content-type": ["application/dtmf-relay"]}, body)

    def _exchange(self) -> Exchange:
        assert self.dialog is not None  # noqa: S101 (callers look)
        return Exchange(self._core, self.dialog, self._credentials, lambda _: None, lambda _: None)

    # ------------------------------------------------------------ requests of the other side

    def receive(self, dialog: Dialog, request: Request, transaction: ServerTransaction | None) -> None:
        """Take a request within the dialog; an ACK comes without a transaction."""
        dialog.heard_at = self._core.loop.time()
        if transaction is None:
            self._acknowledged(request)
        elif not dialog.accepts(request):
            transaction.respond(request.response(500, headers={"retry-after": ["1"]}))  # section 12.2.2: out of order
        else:
            self._dispatch(dialog, request, transaction)

    def _dispatch(self, dialog: Dialog, request: Request, transaction: ServerTransaction) -> None:
        match request.method:
            case "BYE":
                transaction.respond(request.response(200))
                self._remote_bye(request)
            case "INVITE" | "UPDATE":
                self._change(request, transaction)
            case "INFO":
                self._info(request, transaction)
            case "OPTIONS":
                transaction.respond(request.response(200, headers={"allow": [ALLOW], "accept": ["application/sdp"]}))
            case "PRACK":
                transaction.respond(request.response(481))  # RFC 3262 section 3: we sent nothing reliably
            case "REFER":
                transaction.respond(request.response(603))  # a dialler does not let itself be sent elsewhere
            case method:
                known = method in ("MESSAGE", "NOTIFY", "SUBSCRIBE", "REGISTER", "PUBLISH")
                transaction.respond(request.response(405 if known else 501, headers={"allow": [ALLOW]}))

    def _change(self, request: Request, transaction: ServerTransaction) -> None:
        if self.phase is Phase.UP and self._session is not None:
            self._session.receive(request, transaction, self.on_reinvite)
        elif self.phase is Phase.SETUP:
            # Before the answer to the INVITE every offer crosses it (RFC 3311 section 5.2).
            code = 200 if request.method == "UPDATE" and not request.body else 491
            transaction.respond(request.response(code, headers={"contact": [self._contact()]}))
        else:
            transaction.respond(request.response(481))

    def _contact(self) -> str:
        raise NotImplementedError

    def _info(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(request.response(200))
        key = digit(request)
        if key and self.phase is not Phase.OVER:
            self.on_digit(key)

    def _acknowledged(self, ack: Request) -> None:
        if self._session is not None:
            self._session.acknowledged(ack)

    # ------------------------------------------------------------ the end

    def _remote_bye(self, request: Request) -> None:
        # While our own BYE is under way (glare), its response ends the call.
        if self.phase is Phase.UP:
            self._stop_session()
            self.phase = Phase.OVER
            self.on_bye()
            self._close(Ending(EndedBy.REMOTE, 200, q850(request), answered=True, reached=True))

    def _say_bye(self, by: EndedBy, cause: int | None = None) -> None:
        """Send BYE, which ends the call; it is released when the BYE is answered, or nobody does by timer F."""
        if self.phase is not Phase.UP or self.dialog is None:
            return
        self.phase = Phase.CLOSING
        self._stop_session()
        ending = Ending(by, 200, cause, answered=True, reached=True)

        def answered(response: Response) -> None:
            if response.code >= 200:
                self._close(ending)

        exchange = Exchange(self._core, self.dialog, self._credentials, answered, lambda _: self._close(ending))
        exchange.send("BYE", reason(cause))
        self._report(ending)

    def hangup(self, *, reason_q850: int | None = None) -> None:
        """End the call in the way its phase asks for."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Let go of a call whose other side does not answer, when the agent stops."""
        if self.phase is not Phase.OVER:
            up = self.phase is not Phase.SETUP
            self._close(Ending(EndedBy.LOCAL, answered=up, reached=up))

    def _stop_session(self) -> None:
        if self._session is not None:
            self._session.stop()
        if self._liveness is not None:
            self._liveness.stop()

    def _close(self, ending: Ending) -> None:
        """The call is over on the wire as well."""
        self.phase = Phase.OVER
        self._stop_session()
        if self.dialog is not None:
            self._core.unregister(self.dialog)
        self._report(ending)
        if not self.released.done():
            self.released.set_result(None)

    def _report(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)


def reason(cause: int | None) -> Headers:
    """A Reason header field with a Q.850 cause (RFC 3326)."""
    return {} if cause is None else {"reason": [f"Q.850;cause={cause}"]}


def digit(request: Request) -> str:
    """The key in an INFO request, or ``""``: ``Signal=5`` (application/dtmf-relay) or a bare ``5``
    (application/dtmf)."""
    if (body := request.content("application/dtmf-relay")) is not None:
        for line in body.decode("ascii", "replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                return _key(value)
        return ""
    return _key((request.content("application/dtmf") or b"").decode("ascii", "replace"))


def _key(text: str) -> str:
    key = text.strip().upper()
    key = {"10": "*", "11": "#"}.get(key, key)  # RFC 2833 event codes, as some gateways write them
    return key if key in _KEYS else ""
