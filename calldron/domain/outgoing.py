"""Batch and instant calls: dial the client, play the intro, take the confirmation, connect the operator."""

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
    Played,
    Refused,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result, classify
from calldron.domain.plan import Plan

KEY_GRACE = 10.0
LONGEST_CALL = 4 * 3600.0


class Phase(StrEnum):
    DIALING = "dialing"
    LISTENING = "listening"  # the client hears the intro
    DECIDING = "deciding"  # the intro is over, a key may still come
    TRANSFERRING = "transferring"  # confirmed, the operator is being called
    BRIDGED = "bridged"
    CLOSING = "closing"  # what is up is being hung up
    OVER = "over"


@dataclass(frozen=True, slots=True)
class OutgoingAttempt:
    """``up``: legs dialled and not ended. ``outcome``: why we broke the call off, ``CANCELED`` by its owner or
    ``FAILED`` by our stop; ``None`` where the client's leg alone decides."""

    plan: Plan
    phase: Phase
    up: frozenset[Role]
    result: Result | None = None
    outcome: Outcome | None = None
    ending: Ending | None = None  # of the client's leg

    @classmethod
    def begin(cls, plan: Plan) -> tuple["OutgoingAttempt", Iterable[Command]]:
        """Dial the client."""
        state = cls(plan, Phase.DIALING, frozenset({Role.CLIENT}))
        return state, (Dial(Role.CLIENT), StartTimer(Timer.LONGEST, LONGEST_CALL))

    @property
    def over(self) -> bool:
        """Whether ``Finish`` was given."""
        return self.phase is Phase.OVER

    def step(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        """The next state and what to do."""
        if self.over:
            return self, ()
        if isinstance(event, Ended | Refused):
            return self._without(event)._when_down(event.role)
        if self.phase is Phase.CLOSING:
            return self, ()
        if isinstance(event, Withdrawn):
            return self._withdraw(event)
        if isinstance(event, Stopped):
            return self._stop()
        if event == Expired(Timer.LONGEST):
            return self._close(self._achieved())
        if self.phase in _MAY_OPT_OUT and self.plan.is_opt_out(event):
            state, commands = self._close(Result.OPTED_OUT)
            return state, (StopPlaying(Role.CLIENT), *commands)
        return _PHASES[self.phase](self, event)

    def _dialing(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if event != Answered(Role.CLIENT):
            return self, ()
        if self.plan.has_intro:
            return replace(self, phase=Phase.LISTENING), (Play(Role.CLIENT),)
        return self._confirm()

    def _listening(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if self._is_yes(event):
            return self._confirm(StopPlaying(Role.CLIENT))
        if event != Played(Role.CLIENT):
            return self, ()
        if self.plan.confirmation is Confirmation.TIMEOUT:
            return self._confirm()
        return replace(self, phase=Phase.DECIDING), (StartTimer(Timer.KEY_GRACE, KEY_GRACE),)

    def _deciding(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if self._is_yes(event):
            return self._confirm(StopTimer(Timer.KEY_GRACE))
        if event == Expired(Timer.KEY_GRACE):
            return self._close(Result.DECLINED)
        return self, ()

    def _transferring(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if event == Answered(Role.OPERATOR):
            return replace(self, phase=Phase.BRIDGED), (Bridge(),)
        return self, ()

    def _wait(self, event: Event) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        return self, ()

    def _is_yes(self, event: Event) -> bool:
        return (
            self.plan.confirmation is Confirmation.DTMF
            and isinstance(event, Digit)
            and event.role is Role.CLIENT
            and self.plan.confirms(event.key)
        )

    def _confirm(self, *before: Command) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if not self.plan.has_operator:
            state, commands = self._close(Result.CONFIRMED)
            return state, (*before, *commands)
        state = replace(self, phase=Phase.TRANSFERRING, up=self.up | {Role.OPERATOR})
        return state, (*before, Play(Role.CLIENT, Tune.RINGBACK), Dial(Role.OPERATOR))

    def _without(self, event: Ended | Refused) -> "OutgoingAttempt":
        ending = event.ending if isinstance(event, Ended) and event.role is Role.CLIENT else self.ending
        return replace(self, up=self.up - {event.role}, ending=ending)

    def _when_down(self, role: Role) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if self.phase is Phase.CLOSING:
            return self._finish_when_down()
        if role is Role.OPERATOR and self.phase is Phase.TRANSFERRING:
            return self._close(Result.CALLBACK_FAILED)
        return self._close(self._achieved())

    def _withdraw(self, event: Withdrawn) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if event.gently and self.phase is not Phase.DIALING:
            return self, ()
        return replace(self, outcome=Outcome.CANCELED)._close(self._achieved())

    def _stop(self) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        outcome = Outcome.FAILED if self.phase is Phase.DIALING else None
        return replace(self, outcome=outcome)._close(self._achieved())

    def _achieved(self) -> Result | None:
        """What the call is worth when it is broken off here. Only who leaves the intro himself has declined."""
        if self.phase in (Phase.LISTENING, Phase.DECIDING):
            return Result.DECLINED if self.ending and self.ending.by is EndedBy.REMOTE else None
        return _RESULT_WHEN_BROKEN_OFF.get(self.phase)

    def _close(self, result: Result | None) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        """Hang up what is up; the attempt is over once all of it is down."""
        closing = replace(self, phase=Phase.CLOSING, result=result)
        hangups = tuple(Hangup(role) for role in sorted(self.up))
        state, commands = closing._finish_when_down()
        return state, (*hangups, *commands)

    def _finish_when_down(self) -> "tuple[OutgoingAttempt, Iterable[Command]]":
        if self.up:
            return self, ()
        outcome, fault = classify(self.ending) if self.ending else (Outcome.CANCELED, Fault.NONE)
        code = self.ending.sip_code if self.ending else None
        if self.outcome is Outcome.CANCELED:
            outcome, fault = Outcome.CANCELED, Fault.NONE
        elif self.outcome is Outcome.FAILED and outcome is Outcome.CANCELED:
            # Any other outcome is an answer that met our CANCEL on its way: it counts.
            outcome, fault = Outcome.FAILED, Fault.OURS
        return replace(self, phase=Phase.OVER), (Finish(outcome, self.result, fault, code),)


_PHASES: dict[Phase, Callable[[OutgoingAttempt, Event], tuple[OutgoingAttempt, Iterable[Command]]]] = {
    Phase.DIALING: OutgoingAttempt._dialing,
    Phase.LISTENING: OutgoingAttempt._listening,
    Phase.DECIDING: OutgoingAttempt._deciding,
    Phase.TRANSFERRING: OutgoingAttempt._transferring,
    Phase.BRIDGED: OutgoingAttempt._wait,
    Phase.CLOSING: OutgoingAttempt._wait,
}

# Answered, and not talking to anybody yet.
_MAY_OPT_OUT = frozenset({Phase.LISTENING, Phase.DECIDING, Phase.TRANSFERRING})

# What had been achieved when somebody hung up in the middle.
_RESULT_WHEN_BROKEN_OFF: dict[Phase, Result] = {
    Phase.TRANSFERRING: Result.CONFIRMED,
    Phase.BRIDGED: Result.CONNECTED,
}
