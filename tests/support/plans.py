"""Plans of attempts: every variant that a machine can tell apart."""

from itertools import product

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.plan import Plan

OPT_OUT = "9"
KEYS = (("", ""), ("1", OPT_OUT))  # that confirm, and that opt out


def outgoing_plans() -> list[Plan]:
    """Batch and instant calls."""
    return [
        Plan(
            kind,
            confirmation,
            confirm_digits=digits,
            has_intro=intro,
            has_operator=operator,
            opt_out_digit=opt_out,
        )
        for kind, confirmation, (digits, opt_out), intro, operator in product(
            (BatchType.BATCH, BatchType.INSTANT), Confirmation, KEYS, (True, False), (True, False)
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
            opt_out_digit=opt_out,
        )
        for confirmation, (digits, opt_out), intro, tries in product(
            Confirmation, KEYS, (True, False), range(most_tries + 1)
        )
    ]
