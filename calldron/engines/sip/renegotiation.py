"""What changes in a session that is up: re-INVITE (RFC 3261 section 14) and UPDATE (RFC 3311) both ways, for hold and
for the session timer (RFC 4028)."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from calldron.engines.sip import session_timer
from calldron.engines.sip.core import ALLOW, SUPPORTED, Core
from calldron.engines.sip.dialog import GONE, Dialog
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.layer import ServerTransaction
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.repeater import Repeater
from calldron.engines.sip.session_timer import IntervalTooSmall, SessionTimer
from calldron.engines.sip.transaction import Failure
from calldron.engines.sip.wire import Peer
from calldron.media.sdp import MEDIA_TYPE, Audio, Description, SdpError, answer, parse

MAX_GLARES: Final = 5
"""How often a re-INVITE of ours is tried anew after a 491."""

OnOffer = Callable[[Description | None], Description | None]


class Renegotiation:
    """The offers and the session timer of one confirmed dialog.

    ``caller``: whether the Call-ID is ours (section 14.1 makes the owner wait longer after a glare). ``end`` is called
    when the session cannot go on, ``on_answer`` with the answer to an offer of ours.
    """

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        contact: str,
        credentials: Credentials | None,
        ours: Description,
        *,
        caller: bool,
        may_update: bool,
        on_answer: Callable[[Description], None],
        end: Callable[[], None],
    ) -> None:
        self.ours = ours
        self._may_update = may_update  # the other side takes UPDATE
        self._on_answer = on_answer
        self._core = core
        self._dialog = dialog
        self._contact = contact
        self._credentials = credentials
        self._caller = caller
        self._end = end
        self._stopped = False
        self._busy = False  # a re-INVITE of ours is under way
        self._updating = False  # an UPDATE of ours is
        self._glares = 0
        self._timer: SessionTimer | None = None
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self._repeater: Repeater | None = None
        self._awaits_answer = False  # our 200 held an offer
        self._ack: tuple[bytes, Peer] | None = None

    # ------------------------------------------------------------ the other side's

    def receive(self, request: Request, transaction: ServerTransaction, on_offer: OnOffer | None) -> None:
        """Take a re-INVITE or UPDATE. ``on_offer`` answers an offer (``None``: makes one); without it the session stays
        as it is."""
        if self._busy and (request.method == "INVITE" or request.body):
            transaction.respond(request.response(491))  # glare: sections 14.2 and RFC 3311 5.2
            return
        try:
            timer, headers = session_timer.accept(request, self._core.profile.min_se)
            ours = self._answer(request, on_offer or self._same_again)
        except IntervalTooSmall:
            transaction.respond(request.response(422, headers={"min-se": [str(self._core.profile.min_se)]}))
            return
        except SdpError as error:
            warning = f'399 calldron "{str(error)[:100]}"'
            transaction.respond(request.response(488, headers={"warning": [warning]}))
            return
        self._dialog.refresh_target(request)
        self.set_timer(timer)
        response = self._ok(request, headers, ours)
        transaction.respond(response)
        if request.method == "INVITE":
            self._await_ack(transaction, response)

    def _answer(self, request: Request, on_offer: OnOffer) -> Description | None:
        """What our 2xx says; ``None`` for an UPDATE that leaves the session as it is. Raises ``SdpError``."""
        body = request.content(MEDIA_TYPE)
        if request.body and body is None:
            raise SdpError("only application/sdp is understood")
        if body is None and request.method == "UPDATE":
            return None
        offer = parse(body) if body is not None else None
        self._awaits_answer = offer is None
        ours = on_offer(offer)
        if ours is None:
            raise SdpError("the change is refused")
        self.ours = ours
        return ours

    def _same_again(self, offer: Description | None) -> Description:
        mine = self.ours.audio
        if offer is None or mine is None:
            return self.ours
        return answer(offer, mine.host, mine.port, session_id=self.ours.session_id, version=self.ours.version + 1)

    def _ok(self, request: Request, headers: Headers, ours: Description | None) -> Response:
        response = request.response(200, headers={**self._common(), **headers})
        if ours is not None:
            response.headers["content-type"] = [MEDIA_TYPE]
            response.body = bytes(ours)
        return response

    def _common(self) -> Headers:
        return {"contact": [self._contact], "allow": [ALLOW], "supported": [SUPPORTED]}

    def _await_ack(self, transaction: ServerTransaction, response: Response) -> None:
        self._stop_repeating()  # a new re-INVITE says that the 2xx before it arrived
        self._repeater = Repeater(
            self._core.loop, self._core.profile.timing, lambda: transaction.respond(response), self._end
        )

    def acknowledged(self, ack: Request) -> None:
        """Take the ACK of a re-INVITE's 2xx."""
        self._stop_repeating()
        body = ack.content(MEDIA_TYPE)
        if self._awaits_answer and body is not None:
            self._awaits_answer = False
            self._take_answer(body)

    def _take_answer(self, body: bytes) -> None:
        try:
            self._on_answer(parse(body))
        except SdpError:
            self._end()

    def _stop_repeating(self) -> None:
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None

    # ------------------------------------------------------------ ours

    @property
    def asking(self) -> bool:
        """Whether a request of ours is under way."""
        return self._busy or self._updating

    def refresh(self) -> bool:
        """Refresh the session now, which ends it where nobody answers; false where a request of ours is under way."""
        if self.asking:
            return False
        self._refresh()
        return True

    def offer(self, audio: Audio) -> None:
        """Change our side of the session, by re-INVITE (to hold or resume). Done again after a glare."""
        self.ours = self.ours.revised(audio)
        self._reinvite()

    def _refresh(self) -> None:
        """Refresh the session (RFC 4028 section 7.4): by UPDATE where that is understood, since it moves no media."""
        if self._may_update:
            self._updating = True
            exchange = Exchange(self._core, self._dialog, self._credentials, self._updated, self._failed)
            exchange.send("UPDATE", self._refresh_headers())
        else:
            self._reinvite()

    def _refresh_headers(self) -> Headers:
        headers = self._common()
        if self._timer is not None:
            refresher = "uac" if self._timer.ours else "uas"
            headers |= session_timer.asked(self._timer.interval, self._core.profile.min_se, refresher=refresher)
        return headers

    def _updated(self, response: Response) -> None:
        self._updating = response.code < 200
        if response.code in (405, 501):
            self._may_update = False
            self._reinvite()
        elif response.code >= 200:
            self._settled(response)

    def _reinvite(self) -> None:
        self._handles.pop("again", None)
        if self._stopped or self._busy:
            return
        self._busy = True
        self._ack = None
        exchange = Exchange(
            self._core,
            self._dialog,
            self._credentials,
            lambda response: self._reinvited(exchange, response),
            self._failed,
        )
        exchange.send("INVITE", {**self._refresh_headers(), "content-type": [MEDIA_TYPE]}, bytes(self.ours))

    def _reinvited(self, exchange: Exchange, response: Response) -> None:
        if response.code < 200:
            return
        if response.code < 300:
            if self._ack is not None:
                self._core.layer.repeat(*self._ack)
                return
            self._acknowledge(exchange)
            body = response.content(MEDIA_TYPE)
            if body is not None and not self._stopped:
                self._take_answer(body)
        self._busy = False
        if response.code == 491 and self._glares < MAX_GLARES:
            self._glares += 1
            # Section 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s, in steps of 10 ms.
            steps = random.randint(210, 400) if self._caller else random.randint(0, 200)  # noqa: S311 (spreads load)
            self._after("again", steps / 100, self._reinvite)
        else:
            self._settled(response)

    def _acknowledge(self, exchange: Exchange) -> None:
        if exchange.request is None:
            return
        ack = self._dialog.ack(exchange.request)

        def reached(peer: Peer | None) -> None:
            if peer is not None:
                self._ack = (self._core.layer.send_ack(ack, peer), peer)

        self._core.reach_dialog(self._dialog, reached)

    def _settled(self, response: Response) -> None:
        if self._stopped:
            return
        if response.code < 300:
            self._glares = 0
            self._dialog.refresh_target(response)
            self.set_timer(session_timer.from_response(response))
        elif response.code == 422 and self._timer is not None and (wanted := response.number("min-se")):
            if wanted > self._timer.interval:
                self._timer = SessionTimer(wanted, self._timer.ours)
                self._refresh()
        elif response.code in GONE:
            self._end()
        # Any other refusal leaves the session as it was; if it was a refresh, the session ends when it expires.

    def _failed(self, failure: Failure) -> None:
        self._busy = self._updating = False
        if not self._stopped:
            self._end()

    # ------------------------------------------------------------ time

    def set_timer(self, timer: SessionTimer | None) -> None:
        """(Re)start the session timer, at the start of the session and at every refresh."""
        self._timer = timer
        for name in ("refresh", "expire"):
            if handle := self._handles.pop(name, None):
                handle.cancel()
        if timer is not None and not self._stopped:
            if timer.ours:
                self._after("refresh", timer.refresh_after, self._refresh)
            self._after("expire", timer.expires_after, self._end)

    def _after(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        self._handles[name] = self._core.loop.call_later(seconds, act)

    def stop(self) -> None:
        """The session is over."""
        self._stopped = True
        self._stop_repeating()
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
