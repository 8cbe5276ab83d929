"""One call, one coroutine, one close: runs the attempt machine of a claim on an engine's legs."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from calldron.dialer.journal import Journal
from calldron.dialer.ports import AttemptEnd, Claim, Clock, DialRequest, Engine, Leg, LegIntent, LegProgress
from calldron.dialer.prompts import Prompts
from calldron.domain.attempt import begin
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
    LegEvent,
    Refused,
    Ringing,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import Ending, Fault, Outcome, classify

log = structlog.get_logger(__name__)

MAX_DIGITS = 64  # keys kept of one attempt


class CallRun:
    """A claimed call on its way. ``run`` returns once every leg is down and the end is on disk."""

    def __init__(
        self, claim: Claim, engine: Engine, journal: Journal, prompts: Prompts, clock: Clock, tracks: Path
    ) -> None:
        self.claim = claim
        self.answered = False  # a leg was answered, so there may be tracks
        self.tracks = tracks
        self._engine = engine
        self._journal = journal
        self._prompts = prompts
        self._clock = clock
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._begun = asyncio.Event()  # the first leg is dialled, or none will be
        self._called_off = False  # withdrawn or stopped, perhaps not read yet
        self._legs: dict[Role, Leg] = {}
        self._leg_ids: dict[Role, int] = {}
        self._timers: dict[Timer, asyncio.Task[None]] = {}
        self._fired: set[Timer] = set()  # expired and neither read nor stopped yet
        self._digits = ""
        self._client_answered: float | None = None
        self._talk = 0.0

    async def departed(self) -> None:
        """Return once the first INVITE has left, or the call is over without one."""
        await self._begun.wait()
        if self._legs:
            await self._legs[self.claim.first].departed()

    def withdraw(self, *, gently: bool) -> None:
        """The owner took the call back."""
        self._called_off = True
        self._events.put_nowait(Withdrawn(gently))

    def hang_up(self) -> None:
        """The dialer stops."""
        self._called_off = True
        self._events.put_nowait(Stopped())

    async def run(self) -> None:
        """Dial, follow the machine, write the end. An engine or machine that fails ends the call as failed by us."""
        try:
            await self._follow()
        except Exception:  # whatever it is, the call must not stay open: it is ended here and the error goes on
            log.exception("call broke", call=self.claim.call_id, attempt=self.claim.attempt_id)
            for leg in self._legs.values():
                leg.hangup()
            await self._finish(Finish(Outcome.ANSWERED if self.answered else Outcome.FAILED, None, Fault.OURS, None))
            raise
        finally:
            self._begun.set()
            for timer in self._timers.values():
                timer.cancel()

    async def _follow(self) -> None:
        intro = self.claim.sound_id
        if intro is not None:
            await self._prompts.ready(intro)
        machine, commands = begin(self.claim.plan)
        self._leg_ids[self.claim.first] = self.claim.leg_id  # committed with the claim
        await self._carry_out(commands)
        self._begun.set()
        while not machine.over:
            event = await self._events.get()
            if isinstance(event, Expired):
                if event.timer not in self._fired:
                    continue  # stopped after it had run out
                self._fired.discard(event.timer)
            self._note(event)
            machine, commands = machine.step(event)
            await self._carry_out(commands)

    async def _carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Dial(role):
                    await self._dial(role)
                case Play(role, tune):
                    self._legs[role].play(self._prompt(tune), loop=tune is not Tune.INTRO)
                case StopPlaying(role):
                    self._legs[role].stop_playing()
                case Listen(role, seconds, silence):
                    self._legs[role].listen(seconds, silence)
                case Hangup(role):
                    if leg := self._legs.get(role):  # a dial that was refused has no leg
                        leg.hangup()
                case Bridge():
                    self._engine.bridge(self._legs[Role.CLIENT], self._legs[Role.OPERATOR])
                case StartTimer(timer, seconds):
                    self._start(timer, seconds)
                case StopTimer(timer):
                    self._stop(timer)
                case Finish():
                    await self._finish(command)

    def _prompt(self, tune: Tune) -> str:
        if tune is not Tune.INTRO:
            return self._prompts.tune(tune)
        assert self.claim.sound_id is not None, "the machine plays an intro only where the plan has one"  # noqa: S101
        return self._prompts.name(self.claim.sound_id)

    async def _dial(self, role: Role) -> None:
        if self._called_off:  # looked at immediately before each dial; the machine learns the reason from the queue
            self._events.put_nowait(Refused(role))
            return
        claim = self.claim
        number = claim.number if role is Role.CLIENT else claim.operator
        leg_id = self._leg_ids.get(role) if not self._legs else None
        if leg_id is None:
            permit = await self._journal.intend(
                LegIntent(claim.attempt_id, claim.lease, role, number, claim.trunk.id, self._clock.now())
            )
            if permit is None:
                self._events.put_nowait(Refused(role))
                return
            leg_id = permit.leg_id
        self._leg_ids[role] = leg_id
        request = DialRequest(
            leg_id=str(leg_id),
            role=role,
            number=number,
            caller_id=claim.caller_id,
            trunk=claim.trunk,
            ring_timeout=claim.ring_timeout,
            recording=self.tracks if claim.record else None,
        )
        self._legs[role] = self._engine.dial(request, self._emit)

    def _emit(self, event: LegEvent) -> None:
        self._events.put_nowait(event)

    def _note(self, event: Event) -> None:
        now = self._clock.now()
        match event:
            case Ringing(role):
                self._journal.note(replace(self._step(role), ringing_at=now))
            case Answered(role):
                self.answered = True
                if role is Role.CLIENT:
                    self._client_answered = self._clock.monotonic()
                self._journal.note(replace(self._step(role), answered_at=now))
            case Digit(Role.CLIENT, key):
                self._digits = (self._digits + key)[:MAX_DIGITS]
            case Ended(role, ending):
                if role is Role.CLIENT and self._client_answered is not None:
                    self._talk = self._clock.monotonic() - self._client_answered
                self._note_end(role, ending, now)

    def _note_end(self, role: Role, ending: Ending, now: datetime) -> None:
        outcome, fault = classify(ending)
        step = replace(self._step(role), ended_at=now, ending=ending, outcome=outcome, fault=fault)
        self._journal.note(step)
        log.info(
            "leg ended",
            call=self.claim.call_id,
            leg=step.leg_id,
            role=role.value,
            outcome=outcome.value,
            fault=fault.value,
            by=ending.by.value,
            sip=ending.sip_code,
        )

    def _step(self, role: Role) -> LegProgress:
        return LegProgress(self._leg_ids[role], self.claim.attempt_id, self.claim.lease)

    def _start(self, timer: Timer, seconds: float) -> None:
        self._stop(timer)

        async def expire() -> None:
            await self._clock.sleep(seconds)
            self._fired.add(timer)
            self._events.put_nowait(Expired(timer))

        self._timers[timer] = asyncio.create_task(expire(), name=f"timer {timer} of call {self.claim.call_id}")

    def _stop(self, timer: Timer) -> None:
        self._fired.discard(timer)
        running = self._timers.pop(timer, None)
        if running is not None:
            running.cancel()

    async def _finish(self, finish: Finish) -> None:
        claim = self.claim
        end = AttemptEnd(
            attempt_id=claim.attempt_id,
            lease=claim.lease,
            at=self._clock.now(),
            outcome=finish.outcome,
            result=finish.result,
            fault=finish.fault,
            sip_code=finish.sip_code,
            digits=self._digits,
            talk=round(self._talk, 3),
        )
        if not await self._journal.finish(end):
            log.warning("attempt was no longer ours", call=claim.call_id, attempt=claim.attempt_id)
