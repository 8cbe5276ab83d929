from dataclasses import replace

import pytest

from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome
from calldron.domain.retry import Dials, RetryPolicy

FRESH = Dials(BatchType.BATCH, attempts=2, client=0, operator=0, has_operator=True, has_intro=True)
CALLBACK = replace(FRESH, kind=BatchType.CALLBACK)


@pytest.mark.parametrize(
    ("dials", "first"),
    [
        (FRESH, Role.CLIENT),
        (replace(FRESH, client=1), Role.CLIENT),
        (replace(FRESH, client=2), None),
        (replace(FRESH, client=3), None),  # attempts were lowered meanwhile
        (replace(FRESH, operator=2), Role.CLIENT),
        (CALLBACK, Role.OPERATOR),
        (replace(CALLBACK, operator=1), Role.OPERATOR),
        (replace(CALLBACK, operator=2), Role.CLIENT),  # the secretary
        (replace(CALLBACK, operator=2, has_intro=False), None),  # nobody could speak
        (replace(CALLBACK, client=2), None),  # whom would the operator talk to?
        (replace(CALLBACK, has_operator=False), Role.CLIENT),
        (replace(CALLBACK, has_operator=False, has_intro=False), None),
    ],
)
def test_who_is_dialled_first(dials: Dials, first: Role | None) -> None:
    assert dials.first is first


def test_a_channel_is_kept_for_the_operator_while_he_may_be_dialled() -> None:
    assert FRESH.channels == 2
    assert replace(FRESH, operator=2).channels == 1
    assert replace(FRESH, has_operator=False).channels == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_which_outcomes_are_tried_again(outcome: Outcome) -> None:
    expected = outcome in {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.FAILED}
    assert RetryPolicy().again(outcome, Fault.CALLEE, 1) is expected


def test_a_wrong_number_is_never_tried_again() -> None:
    assert not RetryPolicy().again(Outcome.UNAVAILABLE, Fault.NUMBER, 1)
