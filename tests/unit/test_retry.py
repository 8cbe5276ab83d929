from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome
from calldron.domain.retry import OVERRIDABLE, Again, Dials, RetryPolicy

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


# ---------------------------------------------------------------- a batch's own policy

POLICY = RetryPolicy.read(
    {"busy": {"attempts": 3, "delay": 600}, "no_answer": False, "machine": True, "failed": {"delay": 0}}
)


def test_a_policy_is_read_as_it_is_kept() -> None:
    assert POLICY.overrides == {
        Outcome.BUSY: Again(attempts=3, delay=600),
        Outcome.NO_ANSWER: None,
        Outcome.MACHINE: Again(),
        Outcome.FAILED: Again(delay=0),
    }
    assert RetryPolicy.read({}) == RetryPolicy()


@pytest.mark.parametrize(
    ("outcome", "so_often", "again"),
    [
        (Outcome.BUSY, 2, True),
        (Outcome.BUSY, 3, False),  # the third attempt that ended so is the last
        (Outcome.BUSY, 4, False),
        (Outcome.NO_ANSWER, 1, False),
        (Outcome.MACHINE, 50, True),
        (Outcome.FAILED, 50, True),
        (Outcome.UNAVAILABLE, 50, True),  # nothing is said of it: the usual
    ],
)
def test_a_policy_says_what_is_tried_again_and_how_often(outcome: Outcome, so_often: int, again: bool) -> None:
    assert POLICY.again(outcome, Fault.CALLEE, so_often) is again


def test_attempts_are_counted_only_where_it_matters() -> None:
    assert [outcome for outcome in Outcome if POLICY.counts(outcome)] == [Outcome.BUSY]


@pytest.mark.parametrize(
    ("outcome", "delay"),
    [
        (Outcome.BUSY, 600),
        (Outcome.FAILED, 0),  # at once, which is not the batch's own delay
        (Outcome.MACHINE, 30),
        (Outcome.NO_ANSWER, 30),
        (Outcome.UNAVAILABLE, 30),
    ],
)
def test_a_policy_says_how_long_to_wait(outcome: Outcome, delay: float) -> None:
    assert POLICY.delay(outcome, usual=30) == delay


overrides = st.none() | st.builds(Again, st.none() | st.integers(1, 20), st.none() | st.floats(0, 604_800))
policies = st.builds(RetryPolicy, st.dictionaries(st.sampled_from(list(Outcome)), overrides))


@given(policies, st.sampled_from(list(Fault)), st.integers(1, 50))
def test_no_policy_calls_again_who_was_reached_refused_or_does_not_exist(
    policy: RetryPolicy, fault: Fault, so_often: int
) -> None:
    for outcome in set(Outcome) - OVERRIDABLE:
        assert not policy.again(outcome, fault, so_often)
    for outcome in Outcome:
        assert not policy.again(outcome, Fault.NUMBER, so_often)


@given(policies, st.sampled_from(sorted(OVERRIDABLE)), st.sampled_from(sorted(set(Fault) - {Fault.NUMBER})))
def test_who_is_refused_once_more_is_refused_ever_after(policy: RetryPolicy, outcome: Outcome, fault: Fault) -> None:
    answers = [policy.again(outcome, fault, so_often) for so_often in range(1, 25)]
    assert answers == sorted(answers, reverse=True)
    assert len(set(answers)) == 1 or policy.counts(outcome)
    override = policy.overrides.get(outcome)
    if override is not None and override.attempts is not None:
        assert answers.count(True) == override.attempts - 1
