"""Which dials a call has left, and whether it goes back to the queue."""

from dataclasses import dataclass

from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome, tried_again


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

    def again(self, outcome: Outcome, fault: Fault) -> bool:
        """Whether another attempt follows one that ended this way."""
        return tried_again(outcome, fault) and self.first is not None
