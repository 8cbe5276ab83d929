"""The SIP user agent of one local address: places calls, takes calls, answers what is no call."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from calldron.engines.sip import session_timer
from calldron.engines.sip.call import Call
from calldron.engines.sip.core import ALLOW, LIVENESS_INTERVAL, UNDERSTOOD, Core, Profile
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.invitation import Invitation
from calldron.engines.sip.layer import ServerTransaction
from calldron.engines.sip.message import Headers, Request
from calldron.engines.sip.outbound import OutboundCall
from calldron.engines.sip.session_timer import DEFAULT_INTERVAL, MIN_SE, IntervalTooSmall
from calldron.engines.sip.sockets import Sockets
from calldron.engines.sip.transaction import Timing
from calldron.engines.sip.wire import Peer, Wire
from calldron.media.sdp import MEDIA_TYPE, Description, SdpError, parse

STOP_PATIENCE: Final = 5.0
"""Seconds that ``stop`` waits for the other sides to confirm that calls are over."""

_IN_DIALOG_ONLY: Final = frozenset({"BYE", "UPDATE", "INFO", "PRACK"})
_KNOWN: Final = frozenset({"MESSAGE", "NOTIFY", "SUBSCRIBE", "REGISTER", "PUBLISH", "REFER"})


class UserAgent:
    """Places and takes calls at one address, over UDP and TCP on the same port.

    ``on_invite`` gets each call that comes in and sets its handlers at once; without it they are answered 480.
    ``advertise``: the address told to peers where it is not ``host`` (behind NAT). ``wire`` replaces the sockets.
    """

    def __init__(
        self,
        host: str,
        port: int = 5060,
        *,
        on_invite: Callable[[InboundCall], None] | None = None,
        transports: Sequence[str] = ("udp", "tcp"),
        name: str = "Calldron",
        advertise: str = "",
        timing: Timing | None = None,
        session_interval: int = DEFAULT_INTERVAL,
        min_se: int = MIN_SE,
        liveness_interval: float = LIVENESS_INTERVAL,
        wire: Wire | None = None,
    ) -> None:
        self.host = host
        self.wire: Wire = wire or Sockets(host, port, transports=transports, advertise=advertise)
        self._profile = Profile(name, timing or Timing(), session_interval, min_se, liveness_interval)
        self._on_invite = on_invite
        self._core: Core | None = None
        self._calls: set[Call] = set()
        self._inviting: dict[ServerTransaction, InboundCall] = {}
        self._merging: set[tuple[str, str, str]] = set()

    @property
    def port(self) -> int:
        """The port bound, after ``start`` (port 0 asks the kernel for one)."""
        return self.wire.port

    @property
    def calls(self) -> int:
        """How many calls are not over."""
        return len(self._calls)

    async def start(self) -> None:
        """Bind the sockets. Raises ``OSError``."""
        core = Core(self.wire, self._profile, self._take)
        await self.wire.start(core.layer.receive, core.layer.peer_lost)
        self._core = core

    async def stop(self) -> None:
        """Hang up every call, wait (bounded) until they are over, close the sockets."""
        if self._core is None:
            return
        self._on_invite = None
        calls = list(self._calls)
        for call in calls:
            call.hangup()
        if calls:
            await asyncio.wait([call.released for call in calls], timeout=STOP_PATIENCE)
        for call in calls:
            call.abandon()
        self._core.layer.close()
        await self._core.resolver.close()
        await self.wire.stop()
        self._core = None

    def call(self, invitation: Invitation, offer: Description) -> OutboundCall:
        """Place a call. Nothing happens before this returns: handlers are to be set on what it returns.

        Raises ``RuntimeError`` before ``start`` and after ``stop``.
        """
        if self._core is None:
            raise RuntimeError("the user agent is not running")
        call = OutboundCall(self._core, invitation, offer)
        self._keep(call)
        return call

    async def media_addresses(self, invitation: Invitation) -> tuple[str, str] | None:
        """The address to bind RTP to for a call, and the one to announce; ``None``: the host is unknown."""
        core = self._core
        if core is None:
            return None
        found: asyncio.Future[Peer | None] = core.loop.create_future()
        core.reach(invitation.hop, lambda peer: None if found.done() else found.set_result(peer))
        peer = await found
        return None if peer is None else (self.wire.source(peer.host), self.wire.local(peer)[0])

    def _keep(self, call: Call) -> None:
        self._calls.add(call)
        call.released.add_done_callback(lambda _: self._calls.discard(call))

    # ------------------------------------------------------------ what comes in

    def _take(self, request: Request, transaction: ServerTransaction | None) -> None:
        core = self._core
        if core is None:
            return
        found = core.find(request)
        if transaction is None:
            if found:
                found[1].receive(found[0], request, None)
            # An ACK outside any dialog is of no use to anybody.
        elif request.method == "CANCEL":
            self._cancel(core, request, transaction)
        elif unknown := request.options("require") - UNDERSTOOD:
            core.refuse(transaction, 420, headers={"unsupported": [", ".join(sorted(unknown))]})  # section 8.2.2.3
        elif found:
            found[1].receive(found[0], request, transaction)
        elif request.to.tag or request.method in _IN_DIALOG_ONLY:
            core.refuse(transaction, 481)  # section 12.2.2
        else:
            self._outside(core, request, transaction)

    def _outside(self, core: Core, request: Request, transaction: ServerTransaction) -> None:
        match request.method:
            case "INVITE":
                self._invited(core, request, transaction)
            case "OPTIONS":
                core.refuse(transaction, 200, headers=_abilities())
            case method if method in _KNOWN:
                core.refuse(transaction, 405, headers={"allow": [ALLOW]})
            case _:
                core.refuse(transaction, 501, headers={"allow": [ALLOW]})

    def _cancel(self, core: Core, cancel: Request, transaction: ServerTransaction) -> None:
        invite = core.layer.invite_of(cancel)
        if invite is None:
            core.refuse(transaction, 481)
            return
        core.refuse(transaction, 200)
        if call := self._inviting.get(invite):
            call.cancelled(cancel)

    def _invited(self, core: Core, request: Request, transaction: ServerTransaction) -> None:
        if self._on_invite is None:
            core.refuse(transaction, 480)
            return
        merged = (request.call_id, request.from_.tag, str(request.cseq.number))
        if merged in self._merging:
            core.refuse(transaction, 482)  # section 8.2.2.2: it reached us on two ways
            return
        try:
            body = request.content(MEDIA_TYPE)
            if request.body and body is None:
                core.refuse(transaction, 415, headers={"accept": [MEDIA_TYPE]})
                return
            offer = parse(body) if body is not None else None
            timer = session_timer.accept(request, self._profile.min_se)
            call = InboundCall(core, request, transaction, offer, timer)
        except SdpError as error:
            core.refuse(transaction, 488, headers={"warning": [f'399 calldron "{str(error)[:100]}"']})
        except IntervalTooSmall:
            core.refuse(transaction, 422, headers={"min-se": [str(self._profile.min_se)]})
        except MessageError:
            core.refuse(transaction, 416)  # the Request-URI is of no scheme that is spoken here
        else:
            self._merging.add(merged)
            self._inviting[transaction] = call
            self._keep(call)
            call.ended.add_done_callback(lambda _: self._forget(merged, transaction))
            self._on_invite(call)

    def _forget(self, merged: tuple[str, str, str], transaction: ServerTransaction) -> None:
        self._merging.discard(merged)
        self._inviting.pop(transaction, None)


def _abilities() -> Headers:
    return {"allow": [ALLOW], "accept": [MEDIA_TYPE], "supported": ["timer"]}
