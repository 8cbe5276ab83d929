"""One call, one coroutine, one close: runs the attempt machine of a claim on an engine's legs."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from calldron.dialer.journal import Journal
from calldron.dialer.ports import (
    AttemptEnd,
    Claim,
    Clock,
    DialRequest,
    Engine,
    Late,
    Leg,
    LegIntent,
    LegProgress,
    NotNow,
    Permit,
)
from calldron.dialer.prompts import Prompts
from calldron.dialer.tenure import Tenure
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
from calldron.domain.outcome import Ending, Fault, Outcome, classify, reached_nobody
from calldron.domain.pacing import LEEWAY
from calldron.domain.schedule import Window

log = structlog.get_logger(__name__)

MAX_DIGITS = 64  # keys kept of one attempt
OLD = 1.0  # seconds after which the rules are looked at again before an INVITE leaves, where no rate asks earlier


@dataclass(frozen=True, slots=True)
class _Permitted:
    """A further dial is committed."""

    role: Role
    permit: Permit
    leaves_at: float  # monotonic: what the rates count its INVITE for


class CallRun:
    """A claimed call on its way. ``run`` returns once every leg is down and the end is on disk."""

    def __init__(
        self,
        claim: Claim,
        tenure: Tenure,
        engine: Engine,
        journal: Journal,
        prompts: Prompts,
        clock: Clock,
        tracks: Path,
    ) -> None:
        self.claim = claim
        self.answered = False  # a leg was answered, so there may be tracks
        self.tracks = tracks
        self._engine = engine
        self._journal = journal
        self._prompts = prompts
        self._clock = clock
        self._tenure = tenure
        self._renewed = asyncio.Event()
        self._events: asyncio.Queue[Event | _Permitted] = asyncio.Queue()
        self._begun = asyncio.Event()  # the first leg is dialled, or none will be
        self._withdrawn = False
        self._called_off = False  # withdrawn or stopped, perhaps not read yet
        self._asking: dict[Role, asyncio.Task[None]] = {}  # dials that wait for their permit
        self._first_leg: Leg | None = None
        self._legs: dict[Role, Leg] = {}  # that are up
        self._leg_ids: dict[Role, int] = {}
        self._endings: list[Ending] = []
        self._timers: dict[Timer, asyncio.Task[None]] = {}
        self._fired: set[Timer] = set()  # expired and neither read nor stopped yet
        self._digits = ""
        self._client_answered: float | None = None
        self._talk = 0.0

    async def departed(self) -> None:
        """Return once the first INVITE has left, or the call is over without one."""
        await self._begun.wait()
        if self._first_leg is not None:
            await self._first_leg.departed()

    def withdraw(self, *, gently: bool) -> None:
        """The owner took the call back."""
        self._withdrawn = True
        self._call_off(Withdrawn(gently))

    def hang_up(self) -> None:
        """The dialer stops, or the call is not ours any more."""
        self._call_off(Stopped())

    def _call_off(self, why: Withdrawn | Stopped) -> None:
        self._called_off = True
        self._events.put_nowait(why)
        for role in list(self._asking):
            self._refuse(role)

    def renewed(self, tenure: Tenure) -> None:
        """The lease was prolonged."""
        self._tenure = tenure
        self._renewed.set()

    async def run(self) -> None:
        """Dial, follow the machine, write the end. An engine or machine that fails ends the call as failed by us."""
        try:
            await self._follow()
        except Exception:  # whatever it is, the call must not stay open: it is ended here and the error goes on
            log.exception("call broke", call=self.claim.call_id, attempt=self.claim.attempt_id)
            for leg in self._legs.values():
                leg.hangup()
            outcome = Outcome.ANSWERED if self.answered else Outcome.FAILED
            await self._finish(Finish(outcome, None, Fault.OURS, None), refused=False)
            raise
        finally:
            self._begun.set()
            for task in (*self._timers.values(), *self._asking.values()):
                task.cancel()

    async def _follow(self) -> None:
        intro = self.claim.sound_id
        if intro is not None:
            await self._prompts.ready(intro)
        machine, commands = begin(self.claim.plan)
        await self._carry_out(commands)
        self._begun.set()
        while not machine.over:
            event = await self._events.get()
            if isinstance(event, _Permitted):
                if self._asking.pop(event.role, None):  # else it was refused meanwhile
                    self._send(event.role, event.permit, event.leaves_at)
                continue
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
                    self._dial(role)
                case Play(role, tune):
                    self._legs[role].play(self._prompt(tune), loop=tune is not Tune.INTRO)
                case StopPlaying(role):
                    self._legs[role].stop_playing()
                case Listen(role, seconds, silence):
                    self._legs[role].listen(seconds, silence)
                case Hangup(role):
                    if leg := self._legs.get(role):  # a dial that was refused has no leg
                        leg.hangup()
                    elif role in self._asking:
                        self._refuse(role)
                case Bridge():
                    self._engine.bridge(self._legs[Role.CLIENT], self._legs[Role.OPERATOR])
                case StartTimer(timer, seconds):
                    self._start(timer, seconds)
                case StopTimer(timer):
                    self._stop(timer)
                case Finish():
                    await self._finish(command, refused=self._reached_nobody(command))

    def _prompt(self, tune: Tune) -> str:
        if tune is not Tune.INTRO:
            return self._prompts.tune(tune)
        assert self.claim.sound_id is not None, "the machine plays an intro only where the plan has one"  # noqa: S101
        return self._prompts.name(self.claim.sound_id)

    def _dial(self, role: Role) -> None:
        if self._first_leg is None and role is self.claim.first:
            permit = Permit(self.claim.leg_id, window=self.claim.window)  # committed with the claim
            self._send(role, permit, self._tenure.began + self.claim.wait)
        elif self._called_off:
            self._events.put_nowait(Refused(role))  # the machine learns the reason from the queue
        else:
            self._asking[role] = asyncio.create_task(self._ask(role), name=f"{role} of call {self.claim.call_id}")

    async def _ask(self, role: Role) -> None:
        """Get leave for a further dial. The call goes on meanwhile: who waits for it may hang up."""
        permit, asked = await self._journal.intend(
            LegIntent(
                self.claim.attempt_id,
                self.claim.lease,
                role,
                self._number(role),
                self.claim.trunk.id,
                self._clock.now(),
            )
        )
        if not isinstance(permit, Permit):
            self._refuse(role, for_now=isinstance(permit, NotNow))
            return
        leaves_at = asked + permit.wait
        if (wait := leaves_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        while not self._tenure.lasts(self._clock):
            # The store was away, or we were: whether the call is still ours is told by the next renewal.
            self._renewed.clear()
            await self._renewed.wait()
        self._events.put_nowait(_Permitted(role, permit, leaves_at))

    def _refuse(self, role: Role, *, for_now: bool = False) -> None:
        self._asking.pop(role).cancel()
        self._events.put_nowait(Refused(role, for_now))

    def _send(self, role: Role, permit: Permit, leaves_at: float) -> None:
        may_leave = partial(self._may_leave, permit.window if role is Role.CLIENT else None)
        if not may_leave():
            self._events.put_nowait(Refused(role))
            return
        self._leg_ids[role] = permit.leg_id
        claim = self.claim
        request = DialRequest(
            leg_id=str(permit.leg_id),
            role=role,
            number=self._number(role),
            caller_id=claim.caller_id,
            trunk=claim.trunk,
            ring_timeout=claim.ring_timeout,
            recording=self.tracks if claim.record else None,
            turn=partial(self._turn, role, leaves_at),
            may_leave=may_leave,
        )
        leg = self._engine.dial(request, self._emit)
        self._legs[role] = leg
        self._first_leg = self._first_leg or leg

    def _may_leave(self, window: Window | None) -> bool:
        """Looked at immediately before each INVITE, since time may have passed unnoticed, as in a process that was
        frozen. A call whose lease may be over is given up: it may be somebody else's by now, or final."""
        if self._called_off:
            return False
        if not self._tenure.lasts(self._clock):
            log.warning("call is given up, its lease may be over", call=self.claim.call_id)
        elif window is not None and not window.is_open(self._clock.now()):
            log.info("call is given up, its window has closed", call=self.claim.call_id)
        else:
            return True
        self.hang_up()
        return False

    async def _turn(self, role: Role, leaves_at: float) -> None:
        """Return when the rates let an INVITE leave that they count for ``leaves_at`` (monotonic). Where that has
        passed, others have their moments already, on whatever node: it is counted again, after them. And what was
        looked at when it was committed is so no more: a batch paused meanwhile, a call taken back."""
        claim = self.claim
        late = LEEWAY if claim.trunk.cps or claim.batch_cps or claim.account_cps else OLD
        while True:
            now = self._clock.monotonic()
            if now < leaves_at:
                await self._clock.sleep(leaves_at - now)
            elif now <= leaves_at + late:
                return
            else:
                again = await self._journal.recount(Late(claim.attempt_id, claim.lease, role, self._clock.now()))
                if again is None:
                    return self.withdraw(gently=True)
                if isinstance(again, NotNow):
                    return self.hang_up()
                leaves_at = again

    def _number(self, role: Role) -> str:
        return self.claim.number if role is Role.CLIENT else self.claim.operator

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
                self._legs.pop(role, None)
                self._endings.append(ending)
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

    def _reached_nobody(self, finish: Finish) -> bool:
        """Whether the attempt was none: what failed was a trunk or this process, before anybody was called."""
        return finish.outcome is Outcome.FAILED and not self._withdrawn and all(map(reached_nobody, self._endings))

    async def _finish(self, finish: Finish, *, refused: bool) -> None:
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
            refused=refused,
        )
        if not await self._journal.finish(end):
            log.warning("attempt was no longer ours", call=claim.call_id, attempt=claim.attempt_id)
