"""Callback calls: the operator first, then the client; a drone secretary speaks when the operator is late.

Two sides move side by side: what is happening with the client (``Phase``) and with the operator (``Operator``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from calldron.domain.batch import Confirmation
from calldron.domain.commands import (
    Bridge,
    Command,
    Dial,
    Finish,
    Hangup,
    Listen,
    Play,
    StartTimer,
    StopPlaying,
    StopTimer,
    Tune,
)
from calldron.domain.events import (
    Answered,
    Digit,
    Ended,
    Event,
    Expired,
    Heard,
    Played,
    Refused,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import Ending, Fault, Outcome, Result, classify, tried_again
from calldron.domain.outgoing import KEY_GRACE, LONGEST_CALL
from calldron.domain.plan import Plan

LONGEST_MESSAGE = 120.0
MESSAGE_SILENCE = 8.0  # a client who says nothing for so long has left
SHORTEST_MESSAGE = 1.0  # seconds of voice; less is a breath or a click


class Phase(StrEnum):
    """The client's side."""

    WAITING = "waiting"  # not called yet
    CALLING = "calling"
    SPEAKING = "speaking"  # the secretary plays the intro
    MESSAGING = "messaging"  # the client may leave a message
    BRIDGED = "bridged"
    CLOSING = "closing"
    OVER = "over"


class Operator(StrEnum):
    """The operator's side."""

    RINGING = "ringing"
    DECIDING = "deciding"  # answered, a key is awaited
    LEAVING = "leaving"  # no key came; being hung up
    READY = "ready"  # accepted
    RESTING = "resting"  # until the next try
    GONE = "gone"  # no tries left


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """``tries``: dials left to the operator. ``outcome``: why we broke the call off, ``CANCELED`` by its owner or
    ``FAILED`` by our stop; ``None`` where the legs alone decide."""

    plan: Plan
    phase: Phase
    operator: Operator
    tries: int
    up: frozenset[Role]
    result: Result | None = None
    outcome: Outcome | None = None
    client_ending: Ending | None = None
    operator_ending: Ending | None = None

    @classmethod
    def begin(cls, plan: Plan) -> tuple["CallbackAttempt", Iterable[Command]]:
        """Dial the operator; with no tries left (an earlier attempt used them) the secretary goes ahead. Where there
        is no intro either, nobody could speak to the client: nothing is dialled and the attempt is over at once."""
        longest = StartTimer(Timer.LONGEST, LONGEST_CALL)
        if plan.operator_tries <= 0 and not plan.has_intro:
            over = cls(plan, Phase.OVER, Operator.GONE, 0, frozenset(), Result.CALLBACK_FAILED, Outcome.CANCELED)
            return over, (Finish(Outcome.CANCELED, Result.CALLBACK_FAILED, Fault.NONE, None),)
        if plan.operator_tries <= 0:
            state = cls(plan, Phase.CALLING, Operator.GONE, 0, frozenset({Role.CLIENT}))
            return state, (Dial(Role.CLIENT), longest)
        state = cls(plan, Phase.WAITING, Operator.RINGING, plan.operator_tries - 1, frozenset({Role.OPERATOR}))
        secretary = (StartTimer(Timer.SECRETARY, plan.secretary_after),) if plan.has_intro else ()
        return state, (Dial(Role.OPERATOR), longest, *secretary)

    @property
    def over(self) -> bool:
        """Whether ``Finish`` was given."""
        return self.phase is Phase.OVER

    def step(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        """The next state and what to do."""
        if self.over:
            return self, ()
        if isinstance(event, Ended | Refused):
            return self._without(event)._when_down(event)
        if self.phase is Phase.CLOSING:
            return self, ()
        if isinstance(event, Withdrawn):
            return self._withdraw(event)
        if isinstance(event, Stopped):
            return self._stop()
        if event == Expired(Timer.LONGEST):
            return self._close(_RESULT_WHEN_BROKEN_OFF.get(self.phase))
        if self.phase in _MAY_OPT_OUT and self.plan.is_opt_out(event):
            state, commands = self._close(Result.OPTED_OUT)
            return state, (StopPlaying(Role.CLIENT), *commands)
        state, commands = _OPERATOR[self.operator](self, event)
        if state is not self or commands:
            return state, commands
        return _PHASES[self.phase](self, event)

    # the operator's side

    def _ringing(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if event != Answered(Role.OPERATOR):
            return self, ()
        if self.plan.confirmation is Confirmation.TIMEOUT:
            return self._accepted()
        ask = (Play(Role.OPERATOR, Tune.ATTENTION), StartTimer(Timer.KEY_GRACE, KEY_GRACE))
        return replace(self, operator=Operator.DECIDING), ask

    def _deciding(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if isinstance(event, Digit) and event.role is Role.OPERATOR and self.plan.confirms(event.key):
            state, commands = self._accepted()
            return state, (StopTimer(Timer.KEY_GRACE), StopPlaying(Role.OPERATOR), *commands)
        if event == Expired(Timer.KEY_GRACE):
            return replace(self, operator=Operator.LEAVING), (Hangup(Role.OPERATOR),)
        return self, ()

    def _resting(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if event != Expired(Timer.OPERATOR_RETRY):
            return self, ()
        state = replace(self, operator=Operator.RINGING, tries=self.tries - 1, up=self.up | {Role.OPERATOR})
        return state, (Dial(Role.OPERATOR),)

    def _wait(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        return self, ()

    def _accepted(self) -> "tuple[CallbackAttempt, Iterable[Command]]":
        state = replace(self, operator=Operator.READY)
        if self.phase in (Phase.SPEAKING, Phase.MESSAGING):
            return replace(state, phase=Phase.BRIDGED), (Bridge(),)
        ringback = Play(Role.OPERATOR, Tune.RINGBACK)
        if self.phase is Phase.CALLING:  # the secretary is calling already: the client is joined when he answers
            return state, (ringback,)
        state = replace(state, phase=Phase.CALLING, up=self.up | {Role.CLIENT})
        return state, (StopTimer(Timer.SECRETARY), ringback, Dial(Role.CLIENT))

    def _operator_lost(self) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if self.phase is Phase.BRIDGED:
            return self._close(Result.CONNECTED)
        if not self.plan.has_intro:  # nobody can speak to the client in the operator's stead
            outcome = Outcome.CANCELED if self.phase is Phase.CALLING else None
            return replace(self, outcome=outcome, operator=Operator.GONE)._close(Result.CALLBACK_FAILED)
        if not self._operator_tried_again():
            return replace(self, operator=Operator.GONE), ()
        again = StartTimer(Timer.OPERATOR_RETRY, self.plan.call_delay)
        return replace(self, operator=Operator.RESTING), (again,)

    def _operator_tried_again(self) -> bool:
        """Who answered and pressed no key, or accepted and left, is tried again; 404 or 603 stands."""
        ending = self.operator_ending
        return self.tries > 0 and (ending is None or ending.answered or tried_again(*classify(ending)))

    # the client's side

    def _waiting(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if event != Expired(Timer.SECRETARY):
            return self, ()
        return replace(self, phase=Phase.CALLING, up=self.up | {Role.CLIENT}), (Dial(Role.CLIENT),)

    def _calling(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if event != Answered(Role.CLIENT):
            return self, ()
        if self.operator is Operator.READY:
            return replace(self, phase=Phase.BRIDGED), (Bridge(),)
        return replace(self, phase=Phase.SPEAKING), (Play(Role.CLIENT),)

    def _speaking(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if event != Played(Role.CLIENT):
            return self, ()
        listen = Listen(Role.CLIENT, LONGEST_MESSAGE, MESSAGE_SILENCE)
        return replace(self, phase=Phase.MESSAGING), (listen,)

    def _messaging(self, event: Event) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if not isinstance(event, Heard) or event.role is not Role.CLIENT:
            return self, ()
        return self._close(Result.MESSAGE if event.seconds >= SHORTEST_MESSAGE else Result.SECRETARY)

    # both

    def _without(self, event: Ended | Refused) -> "CallbackAttempt":
        state = replace(self, up=self.up - {event.role})
        if isinstance(event, Refused):
            return replace(state, tries=0) if event.role is Role.OPERATOR else state
        if event.role is Role.CLIENT:
            return replace(state, client_ending=event.ending)
        return replace(state, operator_ending=event.ending)

    def _when_down(self, event: Ended | Refused) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if self.phase is Phase.CLOSING:
            return self._finish_when_down()
        if event.role is Role.OPERATOR:
            return self._operator_lost()
        if isinstance(event, Refused):
            # What a rule holds for a time is taken up again then, as after a stop of the dialer.
            return replace(self, outcome=Outcome.FAILED if event.for_now else Outcome.CANCELED)._close(None)
        return self._close(_RESULT_WHEN_BROKEN_OFF.get(self.phase))

    def _withdraw(self, event: Withdrawn) -> "tuple[CallbackAttempt, Iterable[Command]]":
        result = _RESULT_WHEN_BROKEN_OFF.get(self.phase)
        if event.gently and result is not None:
            return self, ()
        return replace(self, outcome=Outcome.CANCELED)._close(result)

    def _stop(self) -> "tuple[CallbackAttempt, Iterable[Command]]":
        result = _RESULT_WHEN_BROKEN_OFF.get(self.phase)
        return replace(self, outcome=Outcome.FAILED if result is None else None)._close(result)

    def _close(self, result: Result | None) -> "tuple[CallbackAttempt, Iterable[Command]]":
        """Hang up what is up; the attempt is over once all of it is down."""
        closing = replace(self, phase=Phase.CLOSING, result=result)
        hangups = tuple(Hangup(role) for role in sorted(self.up))
        state, commands = closing._finish_when_down()
        return state, (*hangups, *commands)

    def _finish_when_down(self) -> "tuple[CallbackAttempt, Iterable[Command]]":
        if self.up:
            return self, ()
        outcome, fault, code = self._verdict()
        return replace(self, phase=Phase.OVER), (Finish(outcome, self.result, fault, code),)

    def _verdict(self) -> tuple[Outcome, Fault, int | None]:
        """The client's leg decides, or where he was never called the operator's."""
        client = self.client_ending
        ending = client or self.operator_ending
        code = ending.sip_code if ending else None
        if self.outcome is Outcome.CANCELED:
            return Outcome.CANCELED, Fault.NONE, code
        if ending is None or (client is None and ending.answered):  # an operator who pressed no key was not there
            outcome, fault = Outcome.NO_ANSWER, Fault.CALLEE
        else:
            outcome, fault = classify(ending)
        if self.outcome is Outcome.FAILED and (client is None or outcome is Outcome.CANCELED):
            # Any other outcome of the client's is an answer that met our CANCEL on its way: it counts.
            return Outcome.FAILED, Fault.OURS, code
        return outcome, fault, code


_Step = Callable[[CallbackAttempt, Event], tuple[CallbackAttempt, Iterable[Command]]]

_OPERATOR: dict[Operator, _Step] = {
    Operator.RINGING: CallbackAttempt._ringing,
    Operator.DECIDING: CallbackAttempt._deciding,
    Operator.LEAVING: CallbackAttempt._wait,
    Operator.READY: CallbackAttempt._wait,
    Operator.RESTING: CallbackAttempt._resting,
    Operator.GONE: CallbackAttempt._wait,
}

_PHASES: dict[Phase, _Step] = {
    Phase.WAITING: CallbackAttempt._waiting,
    Phase.CALLING: CallbackAttempt._calling,
    Phase.SPEAKING: CallbackAttempt._speaking,
    Phase.MESSAGING: CallbackAttempt._messaging,
    Phase.BRIDGED: CallbackAttempt._wait,
    Phase.CLOSING: CallbackAttempt._wait,
}

# The client is answered and hears the secretary.
_MAY_OPT_OUT = frozenset({Phase.SPEAKING, Phase.MESSAGING})

# What had been achieved when somebody hung up in the middle.
_RESULT_WHEN_BROKEN_OFF: dict[Phase, Result] = {
    Phase.SPEAKING: Result.SECRETARY,
    Phase.MESSAGING: Result.SECRETARY,
    Phase.BRIDGED: Result.CONNECTED,
}
