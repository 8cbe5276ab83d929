"""What the end of a leg means, and what is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.call import CallStatus
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, classify, tried_again

ENDINGS = st.builds(
    Ending,
    by=st.sampled_from(EndedBy),
    sip_code=st.none() | st.integers(100, 699),
    q850=st.none() | st.integers(0, 127),
    answered=st.booleans(),
    reached=st.booleans(),
)


@pytest.mark.parametrize(
    ("code", "outcome", "fault"),
    [
        (302, Outcome.FAILED, Fault.TRUNK),
        (400, Outcome.FAILED, Fault.OURS),
        (401, Outcome.FAILED, Fault.OURS),
        (403, Outcome.FAILED, Fault.TRUNK),
        (404, Outcome.INVALID_NUMBER, Fault.NUMBER),
        (407, Outcome.FAILED, Fault.OURS),
        (408, Outcome.NO_ANSWER, Fault.CALLEE),
        (410, Outcome.INVALID_NUMBER, Fault.NUMBER),
        (480, Outcome.UNAVAILABLE, Fault.CALLEE),
        (484, Outcome.INVALID_NUMBER, Fault.NUMBER),
        (486, Outcome.BUSY, Fault.CALLEE),
        (487, Outcome.CANCELED, Fault.NONE),
        (488, Outcome.FAILED, Fault.OURS),
        (499, Outcome.UNAVAILABLE, Fault.CALLEE),
        (500, Outcome.FAILED, Fault.TRUNK),
        (502, Outcome.FAILED, Fault.TRUNK),
        (503, Outcome.FAILED, Fault.TRUNK),
        (600, Outcome.BUSY, Fault.CALLEE),
        (603, Outcome.REJECTED, Fault.CALLEE),
        (604, Outcome.INVALID_NUMBER, Fault.NUMBER),
        (607, Outcome.REJECTED, Fault.CALLEE),
        (608, Outcome.REJECTED, Fault.TRUNK),
    ],
)
def test_final_responses(code: int, outcome: Outcome, fault: Fault) -> None:
    assert classify(Ending(EndedBy.REMOTE, code)) == (outcome, fault)


@pytest.mark.parametrize(
    ("code", "cause", "outcome"),
    [
        (503, 17, Outcome.BUSY),
        (500, 1, Outcome.INVALID_NUMBER),
        (502, 28, Outcome.INVALID_NUMBER),
        (500, 18, Outcome.NO_ANSWER),
        (503, 21, Outcome.REJECTED),
        (503, 34, Outcome.FAILED),  # no circuit: the trunk's own trouble
        (486, 1, Outcome.BUSY),  # a response that says it itself is believed
    ],
)
def test_a_gateways_500_is_read_by_its_cause(code: int, cause: int, outcome: Outcome) -> None:
    assert classify(Ending(EndedBy.REMOTE, code, q850=cause))[0] is outcome


@pytest.mark.parametrize(
    ("by", "outcome", "fault"),
    [
        (EndedBy.LOCAL, Outcome.CANCELED, Fault.NONE),
        (EndedBy.RING_TIMEOUT, Outcome.NO_ANSWER, Fault.CALLEE),
        (EndedBy.SILENCE, Outcome.FAILED, Fault.TRUNK),
        (EndedBy.MEDIA, Outcome.FAILED, Fault.OURS),
        (EndedBy.REMOTE, Outcome.FAILED, Fault.TRUNK),  # no final response: nothing was said
    ],
)
def test_ends_without_an_answer_or_a_response(by: EndedBy, outcome: Outcome, fault: Fault) -> None:
    assert classify(Ending(by)) == (outcome, fault)


@given(ENDINGS)
def test_every_ending_has_an_outcome_and_a_status(ending: Ending) -> None:
    outcome, fault = classify(ending)
    assert CallStatus.after(outcome).value == outcome.value
    assert isinstance(fault, Fault)


@given(ENDINGS)
def test_an_answer_is_an_answer_however_it_broke_off(ending: Ending) -> None:
    assert (classify(ending)[0] is Outcome.ANSWERED) == ending.answered


@given(ENDINGS)
def test_only_the_program_knows_unknown_machine_and_expired(ending: Ending) -> None:
    assert classify(ending)[0] not in (Outcome.UNKNOWN, Outcome.MACHINE, Outcome.EXPIRED)


@given(ENDINGS)
def test_who_answered_refused_or_does_not_exist_is_never_tried_again(ending: Ending) -> None:
    outcome, fault = classify(ending)
    if outcome in (Outcome.ANSWERED, Outcome.REJECTED, Outcome.INVALID_NUMBER, Outcome.CANCELED):
        assert not tried_again(outcome, fault)


def test_what_is_tried_again() -> None:
    again = {outcome for outcome in Outcome if tried_again(outcome, Fault.CALLEE)}
    assert again == {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.FAILED}
    assert not tried_again(Outcome.UNKNOWN, Fault.OURS)
