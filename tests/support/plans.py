"""Plans of attempts: every variant that a machine can tell apart."""

from itertools import product

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.plan import Plan


def outgoing_plans() -> list[Plan]:
    """Batch and instant calls."""
    return [
        Plan(kind, confirmation, confirm_digits=digits, has_intro=intro, has_operator=operator)
        for kind, confirmation, digits, intro, operator in product(
            (BatchType.BATCH, BatchType.INSTANT), Confirmation, ("", "1"), (True, False), (True, False)
        )
    ]


def callback_plans(most_tries: int = 2) -> list[Plan]:
    """Callbacks, with no to ``most_tries`` tries left at the operator."""
    return [
        Plan(
            BatchType.CALLBACK,
            confirmation,
            confirm_digits=digits,
            has_intro=intro,
            has_operator=True,
            operator_tries=tries,
        )
        for confirmation, digits, intro, tries in product(Confirmation, ("", "1"), (True, False), range(most_tries + 1))
    ]
