"""The world an attempt machine lives in: legs that come up and end, timers that run, and what may happen next.

``World`` carries a machine's commands out as an engine and a call's coroutine would, refuses commands that no leg could
obey, and lists the events that are legal now: those of legs that are up, of timers that run, and of the owner.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from calldron.domain.attempt import Attempt, begin
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
    Ringing,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import EndedBy, Ending
from calldron.domain.plan import Plan

BUSY = Ending(EndedBy.REMOTE, 486, reached=True)
WRONG_NUMBER = Ending(EndedBy.REMOTE, 404)
REJECTED = Ending(EndedBy.REMOTE, 603, reached=True)
OVERLOADED = Ending(EndedBy.REMOTE, 503)
UNANSWERED = Ending(EndedBy.RING_TIMEOUT, 487, reached=True)
NO_REPLY = Ending(EndedBy.SILENCE)
NO_MEDIA = Ending(EndedBy.MEDIA)
CANCELLED = Ending(EndedBy.LOCAL, 487, reached=True)
LEFT = Ending(EndedBy.REMOTE, 200, answered=True, reached=True)
HUNG_UP = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)
MEDIA_LOST = Ending(EndedBy.MEDIA, 200, answered=True, reached=True)

UNANSWERED_ENDS = (BUSY, WRONG_NUMBER, REJECTED, OVERLOADED, UNANSWERED, NO_REPLY, NO_MEDIA)


class At(Enum):
    """How far a leg is. ``ASKED``: the dial may still be refused. ``CLAIMED``: as the first leg, whose intent was
    committed with the claim, so it is refused only where the call was called off meanwhile."""

    ASKED = auto()
    CLAIMED = auto()
    CALLED = auto()
    ANSWERED = auto()


@dataclass(frozen=True)
class LegState:
    at: At
    playing: bool = False  # an intro, which ends with ``Played``
    listening: bool = False
    hung_up: bool = False


@dataclass(frozen=True)
class World:
    """Immutable: ``after(event)`` is the next world. ``finish`` is what the machine ended with."""

    plan: Plan
    machine: Attempt
    legs: tuple[tuple[Role, LegState], ...] = ()
    timers: frozenset[Timer] = frozenset()
    dials: tuple[tuple[Role, int], ...] = ()
    finish: Finish | None = None
    commands: tuple[Command, ...] = field(default=(), compare=False)  # what the last event led to

    @classmethod
    def begin(cls, plan: Plan) -> "World":
        machine, commands = begin(plan)
        world = cls(plan, machine)._obey(commands)
        return replace(world, legs=tuple((role, replace(leg, at=At.CLAIMED)) for role, leg in world.legs))

    def leg(self, role: Role) -> LegState | None:
        return dict(self.legs).get(role)

    def dialled(self, role: Role) -> int:
        return dict(self.dials).get(role, 0)

    def legal(self) -> list[Event]:
        """Everything that may happen now."""
        if self.finish:
            return []
        events: list[Event] = [Stopped(), Withdrawn(gently=True), Withdrawn(gently=False)]
        events += [Expired(timer) for timer in sorted(self.timers)]
        for role, leg in self.legs:
            events += self._of_leg(role, leg)
        return events

    def _of_leg(self, role: Role, leg: LegState) -> list[Event]:
        events: list[Event] = []
        if leg.at is At.ASKED or (leg.at is At.CLAIMED and leg.hung_up):
            events.append(Refused(role))
        if leg.at is At.ASKED:
            events.append(Refused(role, for_now=True))
        if leg.at is At.ANSWERED:
            events += [Digit(role, key) for key in ("1", "5", self.plan.opt_out_digit) if key]
            events += [Ended(role, LEFT), Ended(role, MEDIA_LOST)]
            if leg.hung_up:
                events.append(Ended(role, HUNG_UP))
            if leg.playing:
                events.append(Played(role))
            if leg.listening:
                events += [Heard(role, 0.99), Heard(role, 1.0)]
            return events
        events += [Ringing(role), Answered(role)]
        events += [Ended(role, ending) for ending in UNANSWERED_ENDS]
        if leg.hung_up:
            events += [Ended(role, CANCELLED), Ended(role, HUNG_UP)]
        return events

    def after(self, event: Event) -> "World":
        """What the event makes of the world; checks that every command can be obeyed."""
        assert event in self.legal(), f"{event} can't happen here"
        machine, commands = self.machine.step(event)
        return replace(self._befall(event), machine=machine)._obey(commands)

    def wind_down(self) -> "World":
        """Let everything come to its end: legs end as they were asked to or by themselves, timers run out."""
        world = self
        for _ in range(1000):
            if world.finish:
                return world
            world = world.after(world._next_end())
        raise AssertionError(f"never over: {self.machine}")

    def _next_end(self) -> Event:
        for role, leg in self.legs:
            if leg.at is At.ANSWERED:
                return Ended(role, HUNG_UP if leg.hung_up else LEFT)
            return Ended(role, CANCELLED if leg.hung_up else UNANSWERED)
        return Expired(min(self.timers, key=lambda timer: (timer is Timer.LONGEST, timer)))

    def _befall(self, event: Event) -> "World":
        match event:
            case Ringing(role):
                return self._with(role, at=At.CALLED)
            case Answered(role):
                return self._with(role, at=At.ANSWERED)
            case Played(role):
                return self._with(role, playing=False)
            case Heard(role, _):
                return self._with(role, listening=False)
            case Ended(role, _) | Refused(role):
                return replace(self, legs=tuple((r, leg) for r, leg in self.legs if r is not role))
            case Expired(timer):
                return replace(self, timers=self.timers - {timer})
            case _:
                return self

    def _with(self, role: Role, **changes: Any) -> "World":
        legs = tuple((r, replace(leg, **changes) if r is role else leg) for r, leg in self.legs)
        return replace(self, legs=legs)

    def _obey(self, commands: Iterable[Command]) -> "World":
        world = self
        listed = tuple(commands)
        for command in listed:
            assert world.finish is None, f"{command} after Finish"
            world = world._carry_out(command)
        return replace(world, commands=listed)

    def _carry_out(self, command: Command) -> "World":
        match command:
            case Dial(role):
                assert self.leg(role) is None, f"{role} is dialled while up"
                legs = tuple(sorted((*self.legs, (role, LegState(At.ASKED))), key=lambda pair: pair[0]))
                dials = {**dict(self.dials), role: self.dialled(role) + 1}
                return replace(self, legs=legs, dials=tuple(sorted(dials.items())))
            case Play(role, tune):
                self._must_talk(command, role)
                return self._with(role, playing=tune is Tune.INTRO)
            case StopPlaying(role):
                self._must_talk(command, role)
                return self._with(role, playing=False)
            case Listen(role, _, _):
                self._must_talk(command, role)
                return self._with(role, listening=True)
            case Hangup(role):
                assert self.leg(role), f"{command}: the leg isn't up"
                return self._with(role, hung_up=True)
            case Bridge():
                for role in Role:
                    self._must_talk(command, role)
                return self._with(Role.CLIENT, playing=False)._with(Role.OPERATOR, playing=False)
            case StartTimer(timer, seconds):
                assert seconds >= 0, command
                return replace(self, timers=self.timers | {timer})
            case StopTimer(timer):
                return replace(self, timers=self.timers - {timer})
            case Finish():
                assert not self.legs, f"{command} with legs up: {self.legs}"
                return replace(self, finish=command)

    def _must_talk(self, command: Command, role: Role) -> None:
        leg = self.leg(role)
        assert leg, f"{command}: the leg isn't up"
        assert leg.at is At.ANSWERED, f"{command}: the leg isn't answered"


def explore(plans: Iterable[Plan], endings: Container[Ending]) -> Iterator[tuple[World, Event, World]]:
    """Every step that can be taken from these plans, breadth first; legs end only in the ways given."""
    front = [World.begin(plan) for plan in plans]
    seen = set(front)
    while front:
        following: list[World] = []
        for world in front:
            for event in world.legal():
                if isinstance(event, Ended) and event.ending not in endings:
                    continue
                after = world.after(event)
                yield world, event, after
                if after not in seen:
                    seen.add(after)
                    following.append(after)
        front = following
