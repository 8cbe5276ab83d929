"""The transaction layer: matches messages with transactions and carries out what the machines decide."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from calldron.engines.sip.client_transaction import InviteClient, NonInviteClient
from calldron.engines.sip.deadline import Deadline
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.message import Headers, Request, Response, parse
from calldron.engines.sip.server_transaction import InviteServer, NonInviteServer
from calldron.engines.sip.transaction import (
    Command,
    Commands,
    Deliver,
    End,
    Fail,
    Failure,
    Send,
    Start,
    Stop,
    Timer,
    Timing,
)
from calldron.engines.sip.uri import bracketed
from calldron.engines.sip.wire import Peer, Wire

MAX_SERVER_TRANSACTIONS: Final = 100_000
"""Requests of others under way; a flood beyond it is dropped before it takes the memory."""

_DEADLINES: Final = frozenset({Timer.B, Timer.F, Timer.H})  # after which the other side counts as silent
_COOKIE: Final = "z9hG4bK"  # section 8.1.1.7: the branch of a transaction by RFC 3261

log = logging.getLogger(__name__)

Key = tuple[str, ...]


class _Running:
    """A machine at work: its timers, and its place in the layer's table."""

    def __init__(self, layer: "TransactionLayer", key: Key, peer: Peer) -> None:
        self.peer = peer
        self.overslept = False  # the other side's silence may have been our own sleep
        self._layer = layer
        self._key = key
        self._timers: dict[Timer, asyncio.TimerHandle | Deadline] = {}

    def _carry_out(self, commands: Commands) -> None:
        for command in commands:
            self._act(command)

    def _act(self, command: Command) -> None:
        match command:
            case Send(data):
                self._layer.wire.send(data, self._destination())
            case Start(timer, seconds):
                self._stop(timer)
                self._start(timer, seconds)
            case Stop(timer):
                self._stop(timer)
            case Deliver(response):
                self._deliver(response)
            case Fail(failure):
                self._fail(failure)
            case End():
                self.forget()

    def _destination(self) -> Peer:
        return self.peer

    def _start(self, timer: Timer, seconds: float) -> None:
        loop = self._layer.loop
        if timer in _DEADLINES:
            self._timers[timer] = Deadline(loop, seconds, lambda: self._fired(timer))
        else:
            self._timers[timer] = loop.call_later(seconds, self._fired, timer)

    def _stop(self, timer: Timer) -> None:
        if handle := self._timers.pop(timer, None):
            handle.cancel()

    def _fired(self, timer: Timer) -> None:
        fired = self._timers.pop(timer)
        self.overslept = isinstance(fired, Deadline) and fired.overslept
        self._feed_timer(timer)

    def forget(self) -> None:
        """Stop the timers and leave the table, whatever the state is."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self._layer.remove(self._key, self)

    def _feed_timer(self, timer: Timer) -> None:
        raise NotImplementedError

    def _deliver(self, response: Response) -> None:
        raise NotImplementedError

    def _fail(self, failure: Failure) -> None:
        raise NotImplementedError


class ClientTransaction(_Running):
    """A request of ours under way."""

    def __init__(
        self,
        layer: "TransactionLayer",
        request: Request,
        peer: Peer,
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        super().__init__(layer, (request.via.branch, request.method), peer)
        self.request = request
        self._on_response = on_response
        self._on_failure = on_failure
        machine = InviteClient if request.method == "INVITE" else NonInviteClient
        self._machine = machine(request, layer.timing, reliable=peer.reliable)
        self._until = layer.loop.time() + layer.timing.patience

    def begin(self) -> None:
        """Send the request for the first time."""
        self._carry_out(self._machine.start())

    def receive(self, response: Response) -> None:
        """Take a response that matches."""
        self._carry_out(self._machine.feed(response))

    def stop_repeating(self) -> None:
        """Send an INVITE no more that nobody waits for; what still answers it is taken."""
        self._stop(Timer.A)

    def transport_failed(self) -> None:
        """Take it that the peer cannot be reached."""
        self._carry_out(self._machine.feed(Failure.TRANSPORT))

    def _feed_timer(self, timer: Timer) -> None:
        if timer is Timer.A and self._layer.loop.time() >= self._until:
            # Section 17.1.1.2 ends here what timer B ends, which a process that was frozen hears of later: to a server
            # whose transaction is over, a retransmission is a new call.
            return
        self._carry_out(self._machine.feed(timer))

    def _deliver(self, response: Response) -> None:
        self._on_response(response)

    def _fail(self, failure: Failure) -> None:
        self._on_failure(failure)


class ServerTransaction(_Running):
    """A request of the other side under way. ``on_failure`` is called when nobody acknowledged our final response."""

    def __init__(self, layer: "TransactionLayer", key: Key, request: Request, peer: Peer) -> None:
        super().__init__(layer, key, peer)
        self.request = request
        self.on_failure: Callable[[], None] = lambda: None
        self._machine: InviteServer | NonInviteServer = (
            InviteServer(request, layer.timing, reliable=peer.reliable)
            if request.method == "INVITE"
            else NonInviteServer(layer.timing, reliable=peer.reliable)
        )

    def begin(self) -> None:
        """Start the machine."""
        self._carry_out(self._machine.start())

    def receive(self, request: Request) -> None:
        """Take the request again, or its ACK."""
        self._carry_out(self._machine.feed(request))

    def respond(self, response: Response) -> None:
        """Send a response."""
        self._carry_out(self._machine.feed(response))

    def _destination(self) -> Peer:
        if self._layer.wire.connected(self.peer):
            return self.peer
        # Section 18.2.2: where the connection is gone, a new one to the port the Via names.
        return Peer(self.peer.transport, self.peer.host, self.request.via.port or 5060)

    def _feed_timer(self, timer: Timer) -> None:
        self._carry_out(self._machine.feed(timer))

    def _deliver(self, response: Response) -> None:
        raise NotImplementedError  # no server machine delivers responses

    def _fail(self, failure: Failure) -> None:
        self.on_failure()


class TransactionLayer:
    """Between the wire and the transaction user.

    ``on_request`` gets every new request with its transaction; an ACK, which has none of its own, with ``None``.
    """

    def __init__(
        self, wire: Wire, timing: Timing, on_request: Callable[[Request, ServerTransaction | None], None]
    ) -> None:
        self.wire = wire
        self.timing = timing
        self.loop = asyncio.get_running_loop()
        self._on_request = on_request
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._by_peer: dict[Peer, set[ClientTransaction]] = {}

    # ------------------------------------------------------------ sending

    def request(
        self,
        request: Request,
        peer: Peer,
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None],
    ) -> ClientTransaction:
        """Send a request in a transaction of its own. Its Via is added here."""
        self._stamp(request, peer)
        return self._begin(ClientTransaction(self, request, peer, on_response, on_failure))

    def cancel(self, invite: ClientTransaction) -> None:
        """Send CANCEL for an INVITE that had a provisional response (section 9.1). What becomes of the CANCEL itself
        decides nothing: the INVITE's final response does."""
        original = invite.request
        headers: Headers = {
            "via": original.headers["via"][:1],
            **{name: original.headers[name] for name in ("from", "to", "call-id", "max-forwards")},
            "cseq": [f"{original.cseq.number} CANCEL"],
        }
        if "route" in original.headers:
            headers["route"] = original.headers["route"]
        cancel = Request(headers, method="CANCEL", uri=original.uri)
        self._begin(ClientTransaction(self, cancel, invite.peer, lambda _: None, lambda _: None))

    def send_ack(self, ack: Request, peer: Peer) -> bytes:
        """Send the ACK of a 2xx, which belongs to no transaction; what was sent, to be repeated by ``repeat``."""
        self._stamp(ack, peer)
        data = bytes(ack)
        self.wire.send(data, peer)
        return data

    def repeat(self, data: bytes, peer: Peer) -> None:
        """Send a message again as it was."""
        self.wire.send(data, peer)

    def _stamp(self, request: Request, peer: Peer) -> None:
        host, port = self.wire.local(peer)
        via = f"SIP/2.0/{peer.transport} {bracketed(host)}:{port};branch={_COOKIE}{secrets.token_hex(10)};rport"
        # Via goes first (section 7.3.1 recommends it, and it is quickest to read).
        request.headers = {"via": [via], **request.headers}

    def _begin(self, transaction: ClientTransaction) -> ClientTransaction:
        key = (transaction.request.via.branch, transaction.request.method)
        self._clients[key] = transaction
        self._by_peer.setdefault(transaction.peer, set()).add(transaction)
        transaction.begin()
        return transaction

    # ------------------------------------------------------------ receiving

    def receive(self, data: bytes, peer: Peer) -> None:
        """Take one message off the wire. What is malformed is dropped: there is nobody to answer to for sure."""
        try:
            message = parse(data)
        except MessageError as error:
            log.debug("dropped a message from %s: %s", peer, error)
            return
        if isinstance(message, Request):
            self._receive_request(message, peer)
        elif len(message.getall("via")) > 1:
            log.debug("dropped a response from %s that is for somebody else", peer)  # section 18.1.2
        elif client := self._clients.get((message.via.branch, message.cseq.method)):
            client.receive(message)

    def _receive_request(self, request: Request, peer: Peer) -> None:
        via = request.via
        request.headers["via"][0] = via.stamped(peer.host, peer.port)
        key = _server_key(request)
        if existing := self._servers.get(key):
            existing.receive(request)
        elif request.method == "ACK":
            self._on_request(request, None)
        elif len(self._servers) >= MAX_SERVER_TRANSACTIONS:
            log.warning("too many requests at once, one from %s is dropped", peer)
        else:
            # Section 18.2.2: a response goes where the request came from (RFC 3581) or to the Via's port.
            port = peer.port if peer.reliable or "rport" in via.params else via.port or 5060
            transaction = ServerTransaction(self, key, request, Peer(peer.transport, peer.host, port))
            self._servers[key] = transaction
            transaction.begin()
            self._on_request(request, transaction)

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL is about (section 9.2)."""
        return self._servers.get(_server_key(cancel, method="INVITE"))

    # ------------------------------------------------------------ ends

    def peer_lost(self, peer: Peer) -> None:
        """The wire cannot reach this peer: fail what waits for it."""
        for transaction in list(self._by_peer.get(peer, ())):
            transaction.transport_failed()

    def remove(self, key: Key, transaction: _Running) -> None:
        """Forget a transaction that is over."""
        if isinstance(transaction, ServerTransaction):
            self._servers.pop(key, None)
            return
        self._clients.pop(key, None)
        if isinstance(transaction, ClientTransaction) and (waiting := self._by_peer.get(transaction.peer)):
            waiting.discard(transaction)
            if not waiting:
                del self._by_peer[transaction.peer]

    def close(self) -> None:
        """Forget everything, at the end of the agent."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            transaction.forget()


def _server_key(request: Request, method: str = "") -> Key:
    """Section 17.2.3. CANCEL has a transaction of its own, an ACK belongs to its INVITE's."""
    via = request.via
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    if via.branch.startswith(_COOKIE):
        return (via.branch, via.host.lower(), str(via.port), method)
    # An RFC 2543 peer: its branch says nothing, so the request as a whole has to.
    return (via.host, str(via.port), request.call_id, request.from_.tag, str(request.cseq.number), method)
