"""Client transactions (RFC 3261 section 17.1, with RFC 6026's Accepted state): one function a state."""

from collections.abc import Callable

from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.transaction import (
    WAIT_D,
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

Event = Response | Timer | Failure


def ack_for(invite: Request, response: Response) -> Request:
    """The ACK of a final response from 300 up: the INVITE's branch and route, the response's To (section 17.1.1.3)."""
    headers: Headers = {"via": invite.headers["via"][:1]}
    for name in ("route", "from", "call-id", "max-forwards"):
        if name in invite.headers:
            headers[name] = invite.headers[name]
    headers["to"] = response.headers["to"]
    headers["cseq"] = [f"{invite.cseq.number} ACK"]
    return Request(headers, method="ACK", uri=invite.uri)


class InviteClient:
    """Figure 5 as RFC 6026 section 7.2 mends it."""

    def __init__(self, request: Request, timing: Timing, *, reliable: bool) -> None:
        self._request = request
        self._data = bytes(request)
        self._timing = timing
        self._reliable = reliable
        self._interval = timing.t1
        self._ack = b""
        self._state: Callable[[Event], Commands] = self._calling

    @property
    def state(self) -> str:
        """The state's name in the RFC."""
        return self._state.__name__.removeprefix("_")

    def start(self) -> Commands:
        """Enter Calling."""
        commands: list[Command] = [Send(self._data)]
        if not self._reliable:
            commands.append(Start(Timer.A, self._interval))
        return [*commands, Start(Timer.B, self._timing.patience)]

    def feed(self, event: Event) -> Commands:
        """React to a response, a timer or a failure."""
        return self._state(event)

    def _calling(self, event: Event) -> Commands:
        if isinstance(event, Response):
            return [Stop(Timer.A), Stop(Timer.B), *self._answered(event)]
        if event is Timer.A:
            self._interval *= 2
            return [Send(self._data), Start(Timer.A, self._interval)]
        if event is Timer.B:
            return self._failed(Failure.TIMEOUT)
        return self._failed(event) if isinstance(event, Failure) else []

    def _proceeding(self, event: Event) -> Commands:
        # A connection that breaks now takes nothing with it: the response may come over another (section 18.2.2).
        return self._answered(event) if isinstance(event, Response) else []

    def _answered(self, response: Response) -> Commands:
        if response.code < 200:
            self._state = self._proceeding
            return [Deliver(response)]
        if response.code < 300:
            # RFC 6026 section 7.2: stay, for retransmissions and for other branches' 2xx.
            self._state = self._accepted
            return [Deliver(response), Start(Timer.M, self._timing.patience)]
        self._ack = bytes(ack_for(self._request, response))
        if self._reliable:
            return [Send(self._ack), Deliver(response), *self._over()]
        self._state = self._completed
        return [Send(self._ack), Deliver(response), Start(Timer.D, WAIT_D * self._timing.t1)]

    def _completed(self, event: Event) -> Commands:
        if isinstance(event, Response):
            return [Send(self._ack)] if event.code >= 300 else []
        return self._over() if event is Timer.D or isinstance(event, Failure) else []

    def _accepted(self, event: Event) -> Commands:
        if isinstance(event, Response):
            return [Deliver(event)] if 200 <= event.code < 300 else []
        return self._over() if event is Timer.M else []

    def _terminated(self, event: Event) -> Commands:
        return []

    def _failed(self, failure: Failure) -> Commands:
        return [Fail(failure), *self._over()]

    def _over(self) -> Commands:
        self._state = self._terminated
        return [End()]


class NonInviteClient:
    """Figure 6."""

    def __init__(self, request: Request, timing: Timing, *, reliable: bool) -> None:
        self._data = bytes(request)
        self._timing = timing
        self._reliable = reliable
        self._interval = timing.t1
        self._state: Callable[[Event], Commands] = self._trying

    @property
    def state(self) -> str:
        """The state's name in the RFC."""
        return self._state.__name__.removeprefix("_")

    def start(self) -> Commands:
        """Enter Trying."""
        commands: list[Command] = [Send(self._data)]
        if not self._reliable:
            commands.append(Start(Timer.E, self._interval))
        return [*commands, Start(Timer.F, self._timing.patience)]

    def feed(self, event: Event) -> Commands:
        """React to a response, a timer or a failure."""
        return self._state(event)

    def _trying(self, event: Event) -> Commands:
        if event is Timer.E:
            self._interval = min(2 * self._interval, self._timing.t2)
        return self._waiting(event)

    def _proceeding(self, event: Event) -> Commands:
        if event is Timer.E:
            self._interval = self._timing.t2
        return self._waiting(event)

    def _waiting(self, event: Event) -> Commands:
        if isinstance(event, Response):
            if event.code >= 200:
                return self._answered(event)
            self._state = self._proceeding
            return [Deliver(event)]
        if event is Timer.E:
            return [Send(self._data), Start(Timer.E, self._interval)]
        if event is Timer.F:
            return [Fail(Failure.TIMEOUT), *self._over()]
        return [Fail(event), *self._over()] if isinstance(event, Failure) else []

    def _answered(self, response: Response) -> Commands:
        if self._reliable:
            return [Deliver(response), *self._over()]
        self._state = self._completed
        return [Stop(Timer.E), Stop(Timer.F), Deliver(response), Start(Timer.K, self._timing.t4)]

    def _completed(self, event: Event) -> Commands:
        return self._over() if event is Timer.K else []

    def _terminated(self, event: Event) -> Commands:
        return []

    def _over(self) -> Commands:
        self._state = self._terminated
        return [End()]
