"""Every number of the plan, dialled for real: what a leg tells, how it ends, and what that means for the call."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from lines import Dialling

from calldron.domain.events import Answered, Digit, Ended, LegEvent, Ringing, Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, classify

pytestmark = pytest.mark.asyncio(loop_scope="session")

RINGING = Ringing(Role.CLIENT)
ANSWERED = Answered(Role.CLIENT)
LEFT = Ending(EndedBy.REMOTE, 200, answered=True, reached=True)
HUNG_UP = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)
TALKED = (Outcome.ANSWERED, Fault.NONE)


def pressed(key: str) -> Digit:
    return Digit(Role.CLIENT, key)


def refused(code: int, cause: int, *, reached: bool = True) -> Ending:
    return Ending(EndedBy.REMOTE, code, cause, reached=reached)


@dataclass(frozen=True)
class Case:
    """A number's last digits; what the leg tells before it ends; the end. ``hang_up``: we do, after the last event."""

    last: str
    told: tuple[LegEvent, ...]
    ending: Ending
    outcome: tuple[Outcome, Fault]
    hang_up: bool = False
    ring_timeout: float = 15.0


CASES = [
    Case("0001", (ANSWERED,), LEFT, TALKED),
    Case("0000", (ANSWERED,), HUNG_UP, TALKED, hang_up=True),
    Case("1000", (ANSWERED, pressed("0")), HUNG_UP, TALKED, hang_up=True),
    Case("1101", (ANSWERED, pressed("1")), HUNG_UP, TALKED, hang_up=True),
    Case("1900", (ANSWERED, pressed("9")), HUNG_UP, TALKED, hang_up=True),
    Case("2000", (RINGING, ANSWERED), HUNG_UP, TALKED, hang_up=True),
    Case("2001", (RINGING, ANSWERED), HUNG_UP, TALKED, hang_up=True),
    Case("2100", (RINGING, ANSWERED, pressed("1")), HUNG_UP, TALKED, hang_up=True),
    Case("2200", (RINGING,), refused(404, 1), (Outcome.INVALID_NUMBER, Fault.NUMBER)),
    Case("3000", (ANSWERED,), LEFT, TALKED),
    Case("3001", (ANSWERED,), LEFT, TALKED),
    Case("3100", (ANSWERED, pressed("1")), LEFT, TALKED),
    Case("4000", (), refused(486, 17), (Outcome.BUSY, Fault.CALLEE)),
    Case("4001", (RINGING,), refused(486, 17), (Outcome.BUSY, Fault.CALLEE)),
    Case(
        "4100",
        (RINGING,),
        Ending(EndedBy.RING_TIMEOUT, 487, reached=True),
        (Outcome.NO_ANSWER, Fault.CALLEE),
        ring_timeout=1,
    ),
    Case("4200", (), Ending(EndedBy.RING_TIMEOUT, 487), (Outcome.NO_ANSWER, Fault.CALLEE), ring_timeout=1),
    Case("5001", (), refused(404, 1), (Outcome.INVALID_NUMBER, Fault.NUMBER)),
    Case("5003", (), refused(403, 21, reached=False), (Outcome.FAILED, Fault.TRUNK)),
    Case("5004", (), refused(480, 19), (Outcome.UNAVAILABLE, Fault.CALLEE)),
    Case("5005", (), refused(503, 34, reached=False), (Outcome.FAILED, Fault.TRUNK)),
    Case("5006", (), refused(500, 127, reached=False), (Outcome.FAILED, Fault.TRUNK)),
    Case("5007", (), refused(484, 28), (Outcome.INVALID_NUMBER, Fault.NUMBER)),
    Case("5008", (), refused(410, 22), (Outcome.INVALID_NUMBER, Fault.NUMBER)),
    Case("5009", (), refused(501, 29, reached=False), (Outcome.FAILED, Fault.TRUNK)),
    Case("5010", (), refused(488, 58, reached=False), (Outcome.FAILED, Fault.OURS)),
    Case("5011", (), refused(502, 27, reached=False), (Outcome.FAILED, Fault.TRUNK)),
    Case("6000", (ANSWERED,), HUNG_UP, TALKED, hang_up=True),
    Case("7000", (ANSWERED,), HUNG_UP, TALKED, hang_up=True),
    Case("7001", (ANSWERED, pressed("1")), HUNG_UP, TALKED, hang_up=True),
    Case("8000", (RINGING, ANSWERED), HUNG_UP, TALKED, hang_up=True),
    Case("8101", (RINGING, ANSWERED), HUNG_UP, TALKED, hang_up=True),
    Case("9200", (ANSWERED, pressed("2")), HUNG_UP, TALKED, hang_up=True),
    Case("9900", (ANSWERED, pressed("9")), HUNG_UP, TALKED, hang_up=True),
    Case("2300", (), refused(404, 1), (Outcome.INVALID_NUMBER, Fault.NUMBER)),
]


async def follow(case: Case, dial: Dialling) -> None:
    line = dial(case.last, ring_timeout=case.ring_timeout)
    if case.hang_up:
        await line.until(lambda line: len(line.events) >= len(case.told))
        line.leg.hangup()
    ending = await line.ended()
    assert line.events == [*case.told, Ended(Role.CLIENT, ending)]
    # The cause of a BYE is the carrier's to give; that of a refusal decides what is done next.
    compared = replace(ending, q850=None) if ending.answered or ending.by is not EndedBy.REMOTE else ending
    assert compared == case.ending
    assert classify(ending) == case.outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.last)
async def test_every_number(case: Case, dial: Dialling) -> None:
    await follow(case, dial)
    assert dial.exchange.carrier.invites[dial.lines[0].number] == 1


async def test_fifty_calls_at_once_do_not_mix_up(dial: Dialling) -> None:
    cases = (CASES * 2)[:50]
    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(follow(case, dial))
    assert len(dial.lines) == 50
