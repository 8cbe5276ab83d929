"""Server transactions (RFC 3261 section 17.2, with RFC 6026's Accepted state): one function a state."""

from collections.abc import Callable

from calldron.engines.sip.message import Request, Response
from calldron.engines.sip.transaction import (
    TRYING_AFTER,
    Command,
    Commands,
    End,
    Fail,
    Failure,
    Send,
    Start,
    Stop,
    Timer,
    Timing,
)

Event = Request | Response | Timer
"""A request that came again (or the ACK), a response of ours, a timer."""


class InviteServer:
    """Figure 7 as RFC 6026 section 7.1 mends it. The ACK of a 2xx is no part of it, nor are the 2xx's retransmissions
    (section 13.3.1.4)."""

    def __init__(self, request: Request, timing: Timing, *, reliable: bool) -> None:
        self._timing = timing
        self._reliable = reliable
        self._interval = timing.t1
        self._request = request
        self._last = b""
        self._state: Callable[[Event], Commands] = self._proceeding

    @property
    def state(self) -> str:
        """The state's name in the RFC."""
        return self._state.__name__.removeprefix("_")

    def start(self) -> Commands:
        """Enter Proceeding."""
        return [Start(Timer.TRYING, TRYING_AFTER)]

    def feed(self, event: Event) -> Commands:
        """React to a request, a response to be sent, a timer."""
        return self._state(event)

    def _proceeding(self, event: Event) -> Commands:
        if isinstance(event, Request):
            return [Send(self._last)] if self._last and event.method == "INVITE" else []
        if isinstance(event, Response):
            self._last = bytes(event)
            return [Stop(Timer.TRYING), Send(self._last), *self._final(event.code)]
        if event is Timer.TRYING:
            self._last = bytes(self._request.response(100))
            return [Send(self._last)]
        return []

    def _final(self, code: int) -> Commands:
        if code < 200:
            return []
        if code < 300:
            self._state = self._accepted
            return [Start(Timer.L, self._timing.patience)]
        self._state = self._completed
        commands: list[Command] = [Start(Timer.H, self._timing.patience)]
        if not self._reliable:
            commands.append(Start(Timer.G, self._interval))
        return commands

    def _completed(self, event: Event) -> Commands:
        if isinstance(event, Request):
            return self._acknowledged() if event.method == "ACK" else [Send(self._last)]
        if event is Timer.G:
            self._interval = min(2 * self._interval, self._timing.t2)
            return [Send(self._last), Start(Timer.G, self._interval)]
        if event is Timer.H:
            return [Fail(Failure.TIMEOUT), *self._over()]
        return []

    def _acknowledged(self) -> Commands:
        if self._reliable:
            return self._over()
        self._state = self._confirmed
        return [Stop(Timer.G), Stop(Timer.H), Start(Timer.I, self._timing.t4)]

    def _confirmed(self, event: Event) -> Commands:
        return self._over() if event is Timer.I else []

    def _accepted(self, event: Event) -> Commands:
        # RFC 6026 section 7.1: the user repeats its 2xx; the INVITE's repeats are absorbed.
        if isinstance(event, Response) and 200 <= event.code < 300:
            return [Send(bytes(event))]
        return self._over() if event is Timer.L else []

    def _terminated(self, event: Event) -> Commands:
        return []

    def _over(self) -> Commands:
        self._state = self._terminated
        return [End()]


class NonInviteServer:
    """Figure 8."""

    def __init__(self, timing: Timing, *, reliable: bool) -> None:
        self._timing = timing
        self._reliable = reliable
        self._last = b""
        self._state: Callable[[Event], Commands] = self._trying

    @property
    def state(self) -> str:
        """The state's name in the RFC."""
        return self._state.__name__.removeprefix("_")

    def start(self) -> Commands:
        """Enter Trying."""
        return []

    def feed(self, event: Event) -> Commands:
        """React to a request that came again, a response to be sent, a timer."""
        return self._state(event)

    def _trying(self, event: Event) -> Commands:
        return self._respond(event) if isinstance(event, Response) else []

    def _proceeding(self, event: Event) -> Commands:
        if isinstance(event, Request):
            return [Send(self._last)]
        return self._respond(event) if isinstance(event, Response) else []

    def _respond(self, response: Response) -> Commands:
        self._last = bytes(response)
        if response.code < 200:
            self._state = self._proceeding
            return [Send(self._last)]
        if self._reliable:
            return [Send(self._last), *self._over()]
        self._state = self._completed
        return [Send(self._last), Start(Timer.J, self._timing.patience)]

    def _completed(self, event: Event) -> Commands:
        if isinstance(event, Request):
            return [Send(self._last)]
        return self._over() if event is Timer.J else []

    def _terminated(self, event: Event) -> Commands:
        return []

    def _over(self) -> Commands:
        self._state = self._terminated
        return [End()]
