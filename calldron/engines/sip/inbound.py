"""Calls that come in: the server side of an INVITE (RFC 3261 section 13.3)."""

from collections.abc import Callable, Sequence

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.call import Call, Phase, reason
from calldron.engines.sip.core import ALLOW, Core, new_tag
from calldron.engines.sip.dialog import Dialog, Hop
from calldron.engines.sip.endings import q850
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.layer import ServerTransaction
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.repeater import Repeater
from calldron.engines.sip.session_timer import SessionTimer
from calldron.engines.sip.uri import parse_uri
from calldron.media.sdp import MEDIA_TYPE, Description, SdpError, parse


class InboundCall(Call):
    """A call that somebody places to us, from its INVITE to its end.

    Every method may be called at any time and does nothing where it no longer applies. Handlers are plain attributes,
    to be set within ``on_invite``; they are called on the event loop. ``number`` and ``caller`` are the user parts of
    the Request-URI and of From. ``offer`` is what the INVITE offers, ``None`` where it leaves the offer to us (then the
    answer's ``sdp`` is one).
    """

    def __init__(
        self,
        core: Core,
        request: Request,
        transaction: ServerTransaction,
        offer: Description | None,
        timer: tuple[SessionTimer | None, Headers],
    ) -> None:
        super().__init__(core)
        self.request = request
        self.number = parse_uri(request.uri).user
        self.caller = _user(request.from_.uri)
        self.offer = offer
        self.on_cancel: Callable[[], None] = lambda: None
        """The caller gave up; 487 has been sent."""
        self.on_established: Callable[[Description | None], None] = lambda _: None
        """The ACK of our answer came; with the caller's answer where the INVITE held no offer."""
        self._transaction = transaction
        transaction.on_failure = lambda: None  # nobody acknowledged a refusal: it is over all the same
        self._timer = timer
        self._tag = new_tag()
        peer = transaction.peer
        self.dialog = Dialog.as_server(request, self._tag, Hop(*peer))
        self._local_contact = core.contact(self.number, peer)
        self._repeater: Repeater | None = None
        self._reason: int | None = None
        core.register(self.dialog, self)

    def ring(self, code: int = 180, sdp: Description | None = None) -> None:
        """Send a provisional response, with ``sdp`` for early media (usually 183)."""
        if self.phase is Phase.SETUP:
            self._transaction.respond(self._response(code, sdp=sdp))

    def answer(self, sdp: Description) -> None:
        """Send 200; repeated until the ACK comes (section 13.3.1.4)."""
        if self.phase is not Phase.SETUP or self.dialog is None:
            return
        timer, headers = self._timer
        response = self._response(200, sdp=sdp, headers=headers)
        self._bring_up(
            self.dialog,
            self._local_contact,
            sdp,
            timer,
            caller=False,
            may_update="UPDATE" in self.request.options("allow"),
        )
        self._transaction.respond(response)
        self._repeater = Repeater(
            self._core.loop,
            self._core.profile.timing,
            lambda: self._transaction.respond(response),
            lambda: self._say_bye(EndedBy.SILENCE),
        )

    def reject(
        self, code: int, phrase: str = "", *, reason_q850: int | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Send a final response from 300 up, with a Reason header field (RFC 3326) where a cause is given."""
        if self.phase is Phase.SETUP:
            response = self._response(code, phrase, headers=reason(reason_q850))
            for name, value in headers:
                response.headers.setdefault(name.lower(), []).append(value)
            self._transaction.respond(response)
            self._close(Ending(EndedBy.LOCAL, code, reason_q850))

    def bye(self, *, reason_q850: int | None = None) -> None:
        """Hang up: BYE where it is answered, 603 before."""
        if self.phase is Phase.SETUP:
            self.reject(603, reason_q850=reason_q850)
        else:
            self._say_bye(EndedBy.LOCAL, reason_q850)

    def hangup(self, *, reason_q850: int | None = None) -> None:
        """The same, as calls of either side know it."""
        self.bye(reason_q850=reason_q850)

    # ------------------------------------------------------------ from the caller

    def cancelled(self, cancel: Request) -> None:
        """Take the caller's CANCEL (section 9.2); after a final response it changes nothing."""
        if self.phase is Phase.SETUP:
            self._terminated(cancel)

    def _remote_bye(self, request: Request) -> None:
        if self.phase is Phase.SETUP:
            self._terminated(request)  # section 15.1.2: a BYE in the early dialog ends the INVITE too
        else:
            super()._remote_bye(request)

    def _terminated(self, request: Request) -> None:
        self._transaction.respond(self._response(487))
        self.phase = Phase.OVER
        self.on_cancel()
        self._close(Ending(EndedBy.REMOTE, 487, q850(request)))

    def _acknowledged(self, ack: Request) -> None:
        if self._repeater is None:
            super()._acknowledged(ack)
        elif ack.cseq.number == self.request.cseq.number:
            self._repeater.stop()
            self._repeater = None
            if self.phase is Phase.UP:
                self._established(ack)
                self._watch_the_far_side()

    def _established(self, ack: Request) -> None:
        body = ack.content(MEDIA_TYPE)
        try:
            answer = parse(body) if body is not None and self.offer is None else None
            if answer is None and self.offer is None:
                raise SdpError("the ACK holds no answer to our offer")
            self.on_established(answer)
        except SdpError:
            self._say_bye(EndedBy.MEDIA)

    # ------------------------------------------------------------ writing

    def _contact(self) -> str:
        return self._local_contact

    def _response(
        self, code: int, phrase: str = "", *, sdp: Description | None = None, headers: Headers | None = None
    ) -> Response:
        response = self.request.response(code, phrase, to_tag=self._tag, headers=headers)
        if code < 300:
            response.headers["contact"] = [self._local_contact]
            if routes := self.request.getall("record-route"):
                response.headers["record-route"] = routes  # section 12.1.1
        if 200 <= code < 300:
            response.headers |= {"allow": [ALLOW], "supported": ["timer"]}
        if sdp is not None:
            response.headers["content-type"] = [MEDIA_TYPE]
            response.body = bytes(sdp)
        response.headers["server"] = [self._core.profile.name]
        return response

    def _close(self, ending: Ending) -> None:
        if self._repeater is not None and self.phase is not Phase.CLOSING:
            self._repeater.stop()
            self._repeater = None
        super()._close(ending)


def _user(uri: str) -> str:
    try:
        return parse_uri(uri).user
    except MessageError:
        return ""
