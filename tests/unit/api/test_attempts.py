"""The history of a call: every attempt and every leg, with times, codes, faults and words."""

from datetime import timedelta

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from support.api_client import Api, said
from support.dialling import NOW, add_trunk, claimed, end, ended_unknown, leg

from calldron.domain.outcome import EndedBy, Result
from calldron.services import history
from calldron.store.models import Attempt, Batch, Call, LegRow, TrunkRow

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def dialled(api: Api, **fields: object) -> str:
    """A call that is due, of a batch that runs; its path."""
    if not TrunkRow.objects.exists():
        add_trunk(password="secret")
    call = api.call(api.batch(type="instant", **fields))
    Batch.objects.update(state="running")
    Call.objects.filter(final=False).update(due_at=NOW)
    return call


def test_an_attempt_is_told_leg_by_leg_to_the_millisecond(api: Api) -> None:
    call = dialled(api)
    (one,) = claimed()
    leg(one, ringing_at=NOW + 0.25 * SECOND)
    leg(one, answered_at=NOW + 4 * SECOND)
    end(one, 200, NOW + 10.5 * SECOND, result=Result.CONFIRMED, talk=6.5, digits="1")
    response = api.get(f"{call}/attempts")
    assert said(response) == [
        {
            "number": "1",
            "trunk": "mega",
            "started_at": "2026-03-02 12:00:00.000",
            "ended_at": "2026-03-02 12:00:10.500",
            "outcome": "answered",
            "result": "confirmed",
            "fault": "none",
            "sip_code": "200",
            "digits": "1",
            "duration": "6.5",
            "counted": True,
            "words": "It was answered.",
            "legs": [
                {
                    "role": "client",
                    "number": "+79997778855",
                    "trunk": "mega",
                    "intended_at": "2026-03-02 12:00:00.000",
                    "ringing_at": "2026-03-02 12:00:00.250",
                    "answered_at": "2026-03-02 12:00:04.000",
                    "ended_at": "2026-03-02 12:00:10.500",
                    "ended_by": "remote",
                    "outcome": "answered",
                    "fault": "none",
                    "sip_code": "200",
                    "q850": None,
                    "words": "It was answered; the other side hung up.",
                }
            ],
        }
    ]
    assert (response["X-Count"], response["X-Total-Count"]) == ("1", "1")
    assert "secret" not in response.content.decode()


def test_what_is_not_yet_is_null(api: Api) -> None:
    call = dialled(api)
    claimed()
    (attempt,) = said(api.get(f"{call}/attempts"))
    assert (attempt["ended_at"], attempt["outcome"], attempt["fault"], attempt["sip_code"]) == (None, None, None, None)
    assert attempt["words"] == "It is under way."
    (first,) = attempt["legs"]
    assert (first["ringing_at"], first["outcome"], first["words"]) == (None, None, "It is being dialled.")


@pytest.mark.parametrize(
    ("code", "by", "words"),
    [
        (486, EndedBy.REMOTE, "The number is busy."),
        (404, EndedBy.REMOTE, "There is no such number."),
        (480, EndedBy.REMOTE, "The number can't be reached now: switched off, or without coverage."),
        (603, EndedBy.REMOTE, "The callee rejected the call."),
        (429, EndedBy.REMOTE, "The number can't be reached now."),
        (305, EndedBy.REMOTE, "The trunk sent the call to another address."),
        (580, EndedBy.REMOTE, "The call failed at the trunk."),
        (487, EndedBy.RING_TIMEOUT, "It rang, and nobody answered in time."),
        (None, EndedBy.SILENCE, "The trunk did not reply."),
        (None, EndedBy.MEDIA, "There was no port for the sound here."),
    ],
)
def test_codes_are_said_in_words(api: Api, code: int | None, by: EndedBy, words: str) -> None:
    call = dialled(api)
    (one,) = claimed()
    end(one, code, by=by)
    (attempt,) = said(api.get(f"{call}/attempts"))
    assert (attempt["words"], attempt["legs"][0]["words"]) == (words, words)


def test_a_cause_that_says_more_than_the_code_is_believed(api: Api) -> None:
    call = dialled(api)
    (one,) = claimed()
    end(one, 486)
    LegRow.objects.update(sip_code=503, q850=17)  # outcome busy, by the cause
    Attempt.objects.update(sip_code=503)
    (attempt,) = said(api.get(f"{call}/attempts"))
    assert attempt["words"] == attempt["legs"][0]["words"] == "The number is busy."
    assert attempt["legs"][0]["q850"] == "17"


def test_words_are_in_the_language_of_the_request(api: Api) -> None:
    call = dialled(api)
    (one,) = claimed()
    end(one, 486)
    (attempt,) = said(api.get(f"{call}/attempts", Accept_Language="ru"))
    assert attempt["words"] == "Номер занят."


def test_an_attempt_that_the_trunk_refused_does_not_count(api: Api) -> None:
    call = dialled(api, attempts=1)
    (one,) = claimed()
    end(one, 503, refused=True)
    (again,) = claimed(NOW + 60 * SECOND)
    end(again, 486, NOW + 61 * SECOND)
    refused, counted = said(api.get(f"{call}/attempts"))
    assert (refused["counted"], counted["counted"]) == (False, True)
    assert refused["words"] == "The trunk refused it, so it does not count. The trunk takes no calls now."
    assert refused["legs"][0]["words"] == "The trunk takes no calls now."


def test_an_attempt_whose_end_nobody_saw(api: Api) -> None:
    call = dialled(api)
    (one,) = claimed()
    leg(one, answered_at=NOW)
    ended_unknown(one)
    (attempt,) = said(api.get(f"{call}/attempts"))
    assert attempt["words"] == "The program died while the call was up, and nobody can know how it ended."
    assert attempt["legs"][0]["words"] == attempt["words"]


def test_a_trunk_that_was_removed_has_no_name(api: Api) -> None:
    call = dialled(api)
    (one,) = claimed()
    end(one)
    TrunkRow.objects.all().delete()
    (attempt,) = said(api.get(f"{call}/attempts"))
    assert (attempt["trunk"], attempt["legs"][0]["trunk"]) == (None, None)


def test_attempts_come_in_their_order_and_in_pages(api: Api) -> None:
    call = dialled(api, attempts=3, call_delay=10)
    for tried in range(3):
        (one,) = claimed(NOW + tried * 60 * SECOND)
        end(one, 486, NOW + (tried * 60 + 1) * SECOND)
    assert [attempt["number"] for attempt in said(api.get(f"{call}/attempts"))] == ["1", "2", "3"]
    page = api.get(f"{call}/attempts?limit=1&offset=1")
    assert [attempt["number"] for attempt in said(page)] == ["2"]
    assert (page["X-Count"], page["X-Total-Count"]) == ("1", "3")
    assert api.get(f"{call}/attempts?limit=0").status_code == 422


def test_the_history_costs_the_same_few_queries_whatever_its_length(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    call = dialled(api, attempts=5, call_delay=10)
    for tried in range(5):
        (one,) = claimed(NOW + tried * 60 * SECOND)
        end(one, 486, NOW + (tried * 60 + 1) * SECOND)
    found = Call.objects.get(pk=call.rsplit("/", 1)[1])
    with django_assert_num_queries(3):
        attempts, _total = history.page(found, limit=20, offset=0)
        assert [history.of_attempt(attempt) for attempt in attempts] == ["The number is busy."] * 5
