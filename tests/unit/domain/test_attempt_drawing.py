"""``docs/attempt.md`` draws the machines: every edge of the code is drawn, every edge drawn can be taken."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from support.attempt_world import BUSY, LEFT, REJECTED, World, explore
from support.plans import callback_plans, outgoing_plans

from calldron.domain.callback import CallbackAttempt
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
    Stopped,
    Withdrawn,
)
from calldron.domain.outgoing import OutgoingAttempt
from calldron.domain.plan import Plan

Edge = tuple[str, str, str]  # from, event, to

DOCUMENT = Path(__file__).parents[3] / "docs" / "attempt.md"
ENDINGS = (BUSY, REJECTED, LEFT)
START = "[*]"


def label(event: Event, plan: Plan) -> str:
    if plan.is_opt_out(event):
        return "client opts out"
    match event:
        case Answered(role):
            return f"{role} answered"
        case Digit(role):
            return f"{role} presses"
        case Ended(role):
            return f"{role} ended"
        case Refused(role):
            return f"{role} refused"
        case Ringing(role):
            return f"{role} rings"
        case Expired(timer):
            return f"{timer} expired"
        case Played():
            return "intro played"
        case Heard():
            return "message heard"
        case Withdrawn(gently):
            return "withdrawn gently" if gently else "withdrawn"
        case Stopped():
            return "stopped"


def drawn(heading: str) -> set[Edge]:
    """The edges of the drawing under a heading; a line without a label, and what leads to the end, has event ""."""
    section = re.split(r"^#+ ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(heading + "\n"))
    diagram = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", text, re.DOTALL)
    assert diagram, f"no drawing under {heading!r}"
    edges: set[Edge] = set()
    for line in filter(None, map(str.strip, diagram[1].splitlines())):
        match = re.fullmatch(r"(\S+) --> (\S+)(?: : (.+))?", line)
        assert match, f"not an edge: {line!r}"
        for event in (match[3] or "").split(","):
            edge = (match[1], event.strip(), match[2])
            assert edge not in edges, f"drawn twice: {edge}"
            edges.add(edge)
    return edges


def taken(plans: Iterable[Plan], side: Callable[[World], str]) -> set[Edge]:
    """The edges of the code, seen on one side of the machine."""
    plans = list(plans)
    edges = {(START, "", side(World.begin(plan))) for plan in plans}
    for before, event, after in explore(plans, ENDINGS):
        if side(before) != side(after):
            edges.add((side(before), label(event, before.plan), side(after)))
    return edges


def outgoing_phase(world: World) -> str:
    assert isinstance(world.machine, OutgoingAttempt)
    return world.machine.phase.value


def callback_phase(world: World) -> str:
    assert isinstance(world.machine, CallbackAttempt)
    return world.machine.phase.value


def callback_operator(world: World) -> str:
    assert isinstance(world.machine, CallbackAttempt)
    return world.machine.operator.value


@pytest.mark.parametrize(
    ("heading", "plans", "side", "end"),
    [
        ("Outgoing", outgoing_plans(), outgoing_phase, {("over", "", START)}),
        ("Client's side", callback_plans(), callback_phase, {("over", "", START)}),
        ("Operator's side", callback_plans(), callback_operator, set()),
    ],
)
def test_the_drawing_is_the_code(heading: str, plans: list[Plan], side: Callable[[World], str], end: set[Edge]) -> None:
    drawing = drawn(heading)
    code = taken(plans, side) | end
    assert sorted(code - drawing) == [], "missing in the drawing"
    assert sorted(drawing - code) == [], "drawn, but can't be taken"
