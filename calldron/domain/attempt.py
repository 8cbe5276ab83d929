"""An attempt is a state machine that decides and never acts: ``step(event)`` gives the next state and commands.

Two machines: ``outgoing`` for batch and instant calls, ``callback`` for operator-first calls. Both are drawn in
``docs/attempt.md``, and the drawing is tested against the code.
"""

from collections.abc import Iterable
from typing import Protocol

from calldron.domain.batch import BatchType
from calldron.domain.callback import CallbackAttempt
from calldron.domain.commands import Command
from calldron.domain.events import Event, Role
from calldron.domain.outgoing import OutgoingAttempt
from calldron.domain.plan import Plan


class Attempt(Protocol):
    """What both machines offer. Immutable: a step returns the next one."""

    @property
    def over(self) -> bool:
        """Whether ``Finish`` was given; no event changes anything any more."""

    def step(self, event: Event) -> tuple["Attempt", Iterable[Command]]:
        """The next state and what to do, in order. Total: an event that means nothing here changes nothing."""


def begin(plan: Plan) -> tuple[Attempt, Iterable[Command]]:
    """The machine for this plan and its first commands; the first of them dials ``first_leg(plan)``, unless nobody
    is left to be called: then it finishes."""
    if plan.kind is BatchType.CALLBACK:
        return CallbackAttempt.begin(plan)
    return OutgoingAttempt.begin(plan)


def first_leg(plan: Plan) -> Role:
    """Whose number is dialled first: its intent is committed with the claim."""
    if plan.kind is BatchType.CALLBACK and plan.operator_tries > 0:
        return Role.OPERATOR
    return Role.CLIENT
