"""Test calls: what they are made of, and what is said of each end."""

from datetime import UTC, datetime, timedelta

import pytest
from support import people

from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome
from calldron.services import trial_calls, trunks
from calldron.services.errors import NotFound, Refused
from calldron.store.models import Attempt, Batch, Call, LegRow, TrunkRow

NUMBER = "+79991234567"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def ended(code: int | None = None, by: EndedBy = EndedBy.REMOTE, *, answered: bool = False) -> Ending:
    return Ending(by, code, answered=answered)


@pytest.mark.parametrize(
    ("ending", "works", "words", "advice"),
    [
        (ended(200, answered=True), True, "answered: the trunk works", ""),
        (ended(200, EndedBy.MEDIA, answered=True), False, "sound failed here", "log of the dialer"),
        (ended(None, EndedBy.SILENCE), False, "did not reply", "firewall"),
        (ended(None, EndedBy.RING_TIMEOUT), True, "as far as ringing", "Answer the next"),
        (ended(401), False, "refused our user or password", "Compare both"),
        (ended(407), False, "refused our user or password", "Compare both"),
        (ended(403), False, "does not allow", "SIP 403"),
        (ended(404), False, "no such number", "in which form"),
        (ended(480), True, "can't be reached now", "switched on"),
        (ended(486), True, "busy: the trunk works", ""),
        (ended(488), False, "none of our codecs", "G.711"),
        (ended(503), False, "takes no calls now", "SIP 503"),
        (ended(500), False, "failed at the trunk", "SIP 500"),
        (ended(603), True, "rejected", "spam"),
        (ended(608), False, "filter on the way", "caller id"),
        (ended(487, EndedBy.LOCAL), False, "taken back", ""),
    ],
)
def test_every_end_is_said_in_words(ending: Ending, works: bool, words: str, advice: str) -> None:
    verdict = trial_calls.says(ending)
    assert verdict.works is works
    assert words in verdict.words
    assert advice in verdict.advice
    assert bool(advice) == bool(verdict.advice)
    assert "%" not in verdict.words + verdict.advice


@pytest.mark.parametrize("by", list(EndedBy))
@pytest.mark.parametrize("code", [None, 200, 301, 400, 415, 487, 500, 599, 600, 699])
def test_nothing_is_left_without_words(by: EndedBy, code: int | None) -> None:
    for answered in (False, True):
        assert trial_calls.says(Ending(by, code, answered=answered)).words


@pytest.fixture
def trunk(db: None) -> TrunkRow:
    return trunks.add("mine", "sip:joe:secret@sip.example.org")


@pytest.fixture
def me(db: None) -> people.Person:
    return people.owner()


def test_it_is_one_instant_call_over_that_trunk(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, " 8 (999) 123-45-67 ")
    batch = call.batch
    assert (batch.name, batch.type, batch.only_trunk, batch.attempts) == ("Test call", "instant", trunk.pk, 1)
    assert (batch.state, call.number, batch.intro is not None) == ("running", "+79991234567", True)


def test_the_next_one_joins_the_batch_unless_it_is_closed(me: people.Person, trunk: TrunkRow) -> None:
    first = trial_calls.place(me.account, trunk, NUMBER)
    assert trial_calls.place(me.account, trunk, NUMBER).batch_id == first.batch_id
    Batch.objects.update(state="paused")
    assert trial_calls.place(me.account, trunk, NUMBER).batch_id != first.batch_id


def test_what_is_no_number_is_refused(me: people.Person, trunk: TrunkRow) -> None:
    with pytest.raises(Refused):
        trial_calls.place(me.account, trunk, "me")
    assert not Batch.objects.exists()


def test_while_it_waits_it_says_why(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert "No dialer is running" in told.waits
    assert told.verdict is None
    assert told.trunk == trunk


def dial(call: Call, trunk: TrunkRow, **leg: object) -> LegRow:
    Call.objects.filter(pk=call.pk).update(due_at=None, status="dialing", client_dials=1)
    attempt = Attempt.objects.create(
        call=call, number_of_try=1, node="n", lease=1, lease_until=NOW, trunk=trunk, started_at=NOW
    )
    return LegRow.objects.create(
        **{"attempt": attempt, "role": "client", "number": NUMBER, "trunk": trunk, "intended_at": NOW, **leg}
    )


def end(call: Call, leg: LegRow, at: datetime, outcome: Outcome, **more: object) -> None:
    LegRow.objects.filter(pk=leg.pk).update(ended_at=at, outcome=outcome, **more)
    Attempt.objects.update(ended_at=at)
    Call.objects.filter(pk=call.pk).update(final=True, ended_at=at, status=outcome)


def test_it_is_told_step_by_step_and_then_in_words(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    leg = dial(call, trunk, ringing_at=NOW + timedelta(seconds=1.5))
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert [(step.words, step.after) for step in told.steps] == [("dialled", 0), ("it rings", 1.5)]
    assert told.verdict is None
    end(call, leg, NOW + timedelta(seconds=4), Outcome.BUSY, sip_code=486, ended_by="remote", fault=Fault.CALLEE)
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert told.verdict is not None
    assert told.verdict.works
    assert (told.sip_code, told.whose) == (486, "the side of who was called")


@pytest.mark.parametrize(("digits", "words"), [("5", "The key 5 was heard"), ("", "No key was heard")])
def test_an_answered_one_tells_of_keys(me: people.Person, trunk: TrunkRow, digits: str, words: str) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    leg = dial(call, trunk, answered_at=NOW)
    end(call, leg, NOW, Outcome.ANSWERED, sip_code=200, ended_by="local")
    Call.objects.update(result="confirmed" if digits else "declined", digits=digits)
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert told.verdict is not None
    assert words in told.verdict.advice
    assert told.whose == ""


def test_one_whose_dialer_died_says_so(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    leg = dial(call, trunk)
    end(call, leg, NOW, Outcome.UNKNOWN, fault=Fault.OURS)
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert told.verdict is not None
    assert "dialer died" in told.verdict.words


def test_no_other_call_is_told(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    with pytest.raises(NotFound):
        trial_calls.look(people.owner("outsider@example.org").account, call.batch_id, call.pk)
    Batch.objects.update(only_trunk=None)
    with pytest.raises(NotFound):
        trial_calls.look(me.account, call.batch_id, call.pk)


def test_who_removes_the_trunk_ends_them(me: people.Person, trunk: TrunkRow) -> None:
    call = trial_calls.place(me.account, trunk, NUMBER)
    trunks.remove("mine")
    told = trial_calls.look(me.account, call.batch_id, call.pk)
    assert (told.call.status, told.call.batch.state, told.trunk) == ("canceled", "stopped", None)
    assert told.verdict is not None
    assert not told.verdict.works


def test_calls_go_to_the_sandbox_while_there_is_no_other(db: None) -> None:
    assert trial_calls.carrier() is None
    sandbox = trunks.add("sandbox", "sip:127.0.0.1:5099", sandbox=True, priority=0)
    assert trial_calls.carrier() == sandbox
    assert trial_calls.carrier() != trunks.add("mine", "sip:sip.example.org", priority=9)
