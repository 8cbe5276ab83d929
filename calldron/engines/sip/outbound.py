"""Calls that go out: the client side of an INVITE (RFC 3261 section 13.2), from the request to its end."""

import logging
from collections.abc import Callable
from dataclasses import replace

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip import endings, session_timer
from calldron.engines.sip.call import Call, Phase
from calldron.engines.sip.core import Core
from calldron.engines.sip.deadline import Deadline
from calldron.engines.sip.dialog import Dialog
from calldron.engines.sip.digest import Authenticator
from calldron.engines.sip.early import EarlyDialogs
from calldron.engines.sip.errors import DigestError, MessageError
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.invitation import Invitation, InviteWriter, Redirects
from calldron.engines.sip.layer import ClientTransaction
from calldron.engines.sip.message import Request, Response
from calldron.engines.sip.transaction import Failure
from calldron.engines.sip.wire import Peer
from calldron.media.sdp import MEDIA_TYPE, Description, SdpError, parse

log = logging.getLogger(__name__)


class OutboundCall(Call):
    """One call being placed. It begins with the next turn of the event loop; handlers are set before that.

    ``hangup`` may be called at any time. How it ended is in ``ended``; where a 2xx crosses our CANCEL it was answered
    all the same.
    """

    def __init__(self, core: Core, invitation: Invitation, offer: Description) -> None:
        super().__init__(core, invitation.credentials)
        self.on_progress: Callable[[int, Description | None], None] = lambda _code, _sdp: None
        """A provisional response above 100, with the answer it may hold (early media)."""
        self.on_answer: Callable[[Description], None] = lambda _: None
        """A 2xx was acknowledged; with the answer to our offer. May raise ``SdpError``: BYE follows."""
        self.offer = offer
        self._invitation = invitation
        self._writer: InviteWriter | None = None
        self._early: EarlyDialogs | None = None
        self._peer: Peer | None = None
        self._invite: ClientTransaction | None = None
        self._authenticator = Authenticator(invitation.credentials)
        self._redirects = Redirects(invitation.number)
        self._heard = False  # any response at all came to this INVITE
        self._reached = False  # a provisional above 100 came
        self._cancel_by: EndedBy | None = None  # the call is not wanted any more, and why
        self._cancelled = False  # CANCEL was sent for this INVITE
        self._deadlines: list[Deadline] = []
        self._silence: Deadline | None = None
        self._acks: dict[str, tuple[bytes, Peer] | None] = {}  # by To tag; None: it cannot be sent (yet)
        core.loop.call_soon(self._begin)

    # ------------------------------------------------------------ INVITE

    def _begin(self) -> None:
        if self.ended.done():
            return
        try:
            self._invitation.uri()
        except MessageError as error:
            log.info("cannot dial %r: %s", self._invitation.number, error)
            self._close(Ending(EndedBy.REMOTE, 484, sent=False))  # as a proxy would answer it
            return
        self._core.reach(self._invitation.hop, self._found)

    def _found(self, peer: Peer | None) -> None:
        if self.ended.done():
            return
        if peer is None:
            self._close(Ending(EndedBy.SILENCE, sent=False))
            return
        self._peer = peer
        self._early = EarlyDialogs(self._core, self, self._invitation.credentials, self._invitation.hop)
        contact = self._core.contact(self._invitation.caller, peer)
        host = self._core.wire.local(peer)[0]
        self._writer = InviteWriter(self._invitation, self._core.profile, contact, host, self.offer)
        self._later(self._invitation.ring_timeout, self._ring_timeout)
        self._send_invite()

    def _send_invite(self) -> None:
        if self._writer is None or self._peer is None:
            return
        if not self._invitation.may_leave():
            self._close(Ending(EndedBy.LOCAL, reached=self._reached, sent=self._invite is not None))
            return
        self._heard = self._cancelled = False
        invite = self._writer.write({})
        invite.headers |= self._authenticator.headers("INVITE", invite.uri)
        self._invite = self._core.layer.request(
            invite, self._peer, lambda response: self._receive(invite, response), self._failed
        )
        if self._silence is not None:
            self._silence.cancel()
        if (no_reply := self._core.profile.timing.no_reply) is not None:
            self._silence = self._later(no_reply, self._no_reply)

    def _later(self, seconds: float, act: Callable[[], None]) -> Deadline:
        deadline = Deadline(self._core.loop, seconds, act)
        self._deadlines.append(deadline)
        return deadline

    def _contact(self) -> str:
        return self._writer.contact if self._writer else ""

    # ------------------------------------------------------------ responses

    def _receive(self, invite: Request, response: Response) -> None:
        if response.code < 200:
            self._provisional(invite, response)
        elif response.code < 300:
            self._success(invite, response)
        else:
            self._refused(response)

    def _provisional(self, invite: Request, response: Response) -> None:
        self._heard = True
        news = response.code > 100
        if news:
            self._reached = True
            news = self._early is not None and self._early.take(invite, response)
        if self._cancel_by is not None:
            self._send_cancel()
        elif news:
            self.on_progress(response.code, self._early_answer(response))

    def _early_answer(self, response: Response) -> Description | None:
        body = response.content(MEDIA_TYPE)
        if body is None or self._early is None:
            return None
        try:
            answer = parse(body)
        except SdpError as error:
            log.info("early media passed over: %s", error)
            return None
        self._early.bodies[response.to.tag] = body
        return answer

    def _success(self, invite: Request, response: Response) -> None:
        self._heard = self._reached = True
        tag = response.to.tag
        if tag in self._acks:
            if ack := self._acks[tag]:
                self._core.layer.repeat(*ack)  # section 13.2.2.4: an ACK for each 2xx that comes
            return
        if self._early is None:
            return
        dialog = self._early.confirm(invite, response)
        self._acknowledge(dialog, invite)
        if self.phase is Phase.SETUP and not self.ended.done():
            self._answered(dialog, response)
        else:
            # Another branch of a fork answered too, or nobody waits for this answer any more.
            self._core.register(dialog, self)
            self._dismiss(dialog)

    def _acknowledge(self, dialog: Dialog, invite: Request) -> None:
        ack = dialog.ack(invite)
        self._acks[dialog.id.remote_tag] = None

        def reached(peer: Peer | None) -> None:
            if peer is None:
                self._core.loop.call_soon(self._say_bye, EndedBy.SILENCE)
            else:
                self._acks[dialog.id.remote_tag] = (self._core.layer.send_ack(ack, peer), peer)

        self._core.reach_dialog(dialog, reached)

    def _dismiss(self, dialog: Dialog) -> None:
        def over(_: object) -> None:
            self._core.unregister(dialog)

        Exchange(self._core, dialog, self._credentials, over, over).send("BYE")

    def _answered(self, dialog: Dialog, response: Response) -> None:
        self._stop_waiting()
        self._core.register(dialog, self)
        self._bring_up(
            dialog,
            self._contact(),
            self.offer,
            session_timer.from_response(response),
            caller=True,
            may_update="UPDATE" in response.options("allow"),
        )
        if self._cancel_by is not None:
            self._say_bye(self._cancel_by)  # section 9.1: the 2xx crossed our CANCEL
            return
        body = response.content(MEDIA_TYPE) or self._body_before(dialog)
        try:
            if body is None:
                raise SdpError("the 2xx holds no answer to our offer")
            self.on_answer(parse(body))
        except SdpError as error:
            log.info("hung up on %s: %s", self._invitation.number, error)
            self._say_bye(EndedBy.MEDIA)
        else:
            self._watch_the_far_side()

    def _body_before(self, dialog: Dialog) -> bytes | None:
        """The answer a provisional response gave: a 2xx need not repeat it (RFC 3262 section 5)."""
        return self._early.bodies.get(dialog.id.remote_tag) if self._early else None

    def _refused(self, response: Response) -> None:
        if self._cancel_by is None and self._tries_again(response):
            self._send_invite()
            return
        ending = endings.refused(response, reached=self._reached)
        by = self._cancel_by
        if by is EndedBy.LOCAL or (by is not None and response.code == 487):
            ending = replace(ending, by=by)
        self._close(ending)

    def _tries_again(self, response: Response) -> bool:
        if self._writer is None:
            return False
        match response.code:
            case 401 | 407:
                try:
                    self._authenticator.take(response)
                except DigestError as error:
                    log.warning("trunk %s: %s", self._invitation.host, error)
                    return False
                return True
            case 422:
                # RFC 4028 section 7.3: once more with the interval that is wanted.
                wanted = response.number("min-se") or 0
                if not self._writer.session_interval or wanted <= self._writer.min_se:
                    return False
                self._writer.min_se = wanted
                self._writer.session_interval = max(wanted, self._writer.session_interval)
                return True
            case code if 300 <= code < 400:
                self._writer.redirected = self._redirects.next(response)
                return bool(self._writer.redirected)
        return False

    # ------------------------------------------------------------ giving up

    def hangup(self, *, reason_q850: int | None = None) -> None:
        """CANCEL or BYE, whichever is due. Does nothing where the call is over or ending already."""
        if self.phase is Phase.UP:
            self._say_bye(EndedBy.LOCAL, reason_q850)
        elif self.phase is Phase.SETUP:
            self._give_up(EndedBy.LOCAL)

    def _ring_timeout(self) -> None:
        if self.phase is Phase.SETUP and self._heard:
            self._give_up(EndedBy.RING_TIMEOUT)
        else:
            self._no_reply()

    def _no_reply(self) -> None:
        if self._heard or self.phase is not Phase.SETUP or self._invite is None:
            return
        self._report(self._without_reply())
        # The trunk may wake up yet: what it then says is cancelled, or answered by BYE.
        self._cancel_by = self._cancel_by or EndedBy.SILENCE
        self._invite.stop_repeating()

    def _without_reply(self) -> Ending:
        """A ring timeout without any reply is the trunk's silence. Where we were frozen it may have spoken."""
        by = EndedBy.LOCAL if self._cancel_by is EndedBy.LOCAL else EndedBy.SILENCE
        overslept = self._invite is not None and self._invite.overslept
        overslept = overslept or any(deadline.overslept for deadline in self._deadlines)
        return Ending(by, reached=self._reached or overslept)

    def _give_up(self, by: EndedBy) -> None:
        if self._cancel_by is not None:
            return
        self._cancel_by = by
        if self._invite is None:
            self._close(Ending(by, sent=False))
        elif self._heard:
            self._send_cancel()
        # Section 9.1: no CANCEL before a provisional response; the first one, the final one or timer B is next.

    def _send_cancel(self) -> None:
        if self._cancelled or self._invite is None:
            return
        self._cancelled = True
        self._core.layer.cancel(self._invite)
        # Section 9.1: without a final response by then, the INVITE counts as cancelled.
        self._later(self._core.profile.timing.patience, self._cancel_unanswered)

    def _cancel_unanswered(self) -> None:
        if self.phase is Phase.SETUP and self._invite is not None:
            self._invite.forget()
            self._close(Ending(self._cancel_by or EndedBy.SILENCE, reached=self._reached))

    def _failed(self, failure: Failure) -> None:
        log.info("no reply from trunk %s: %s", self._invitation.host, failure.value)
        self._close(self._without_reply())

    def _stop_waiting(self) -> None:
        for deadline in self._deadlines:
            deadline.cancel()
        self._deadlines.clear()
        if self._early is not None:
            self._early.drop()

    def _close(self, ending: Ending) -> None:
        self._stop_waiting()
        super()._close(ending)
