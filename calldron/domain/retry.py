"""Which dials a call has left, whether it goes back to the queue after an attempt, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome, tried_again

OVERRIDABLE = frozenset({Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.MACHINE, Outcome.FAILED})


@dataclass(frozen=True, slots=True)
class Dials:
    """How often either number of a call was dialled, and how often it may be (``attempts``)."""

    kind: BatchType
    attempts: int
    client: int
    operator: int
    has_operator: bool
    has_intro: bool

    @property
    def client_left(self) -> int:
        """Dials left to the client's number."""
        return max(0, self.attempts - self.client)

    @property
    def operator_left(self) -> int:
        """Dials left to the operator's number; 0 where there is none."""
        return max(0, self.attempts - self.operator) if self.has_operator else 0

    @property
    def first(self) -> Role | None:
        """Whose number the next attempt dials first; ``None`` where no attempt can follow.

        A callback starts with the operator and, once his tries are used up, with the secretary, who needs an intro.
        """
        if not self.client_left:
            return None
        if self.kind is not BatchType.CALLBACK:
            return Role.CLIENT
        if self.operator_left:
            return Role.OPERATOR
        return Role.CLIENT if self.has_intro else None

    @property
    def channels(self) -> int:
        """Legs that may be up at once in the next attempt."""
        return 2 if self.operator_left else 1


@dataclass(frozen=True, slots=True)
class Again:
    """How a batch wants an outcome to be tried again. ``attempts``: how many attempts may end so in all, the first
    one included; ``delay``: seconds to the next. ``None``: the batch's own."""

    attempts: int | None = None
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What a batch says of single outcomes (its ``retry``); of what it doesn't, the usual holds. An outcome that maps
    to ``None`` is never tried again."""

    overrides: Mapping[Outcome, Again | None] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "RetryPolicy":
        """From the form in which it is kept, checked before: ``{"busy": {"attempts": 3, "delay": 600},
        "no_answer": false, "machine": true}``."""
        overrides: dict[Outcome, Again | None] = {}
        for word, value in kept.items():
            if isinstance(value, Mapping):
                overrides[Outcome(word)] = Again(value.get("attempts"), value.get("delay"))
            else:
                overrides[Outcome(word)] = Again() if value else None
        return cls(overrides)

    def again(self, outcome: Outcome, fault: Fault, so_often: int) -> bool:
        """Whether another attempt may follow one that ended this way; ``so_often``: attempts at this call that have,
        this one included."""
        if outcome not in self.overrides or outcome not in OVERRIDABLE or fault is Fault.NUMBER:
            return tried_again(outcome, fault)
        override = self.overrides[outcome]
        return override is not None and (override.attempts is None or so_often < override.attempts)

    def counts(self, outcome: Outcome) -> bool:
        """Whether it matters how often a call ended this way."""
        override = self.overrides.get(outcome)
        return override is not None and override.attempts is not None

    def delay(self, outcome: Outcome, usual: float) -> float:
        """Seconds from an attempt that ended this way to the next."""
        override = self.overrides.get(outcome)
        return usual if override is None or override.delay is None else override.delay
