"""The figures of a batch: calls by status and result, rates, and the series over time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from support.api_client import Api, fields, said

from calldron.domain.call import CallStatus
from calldron.domain.outcome import Outcome, Result
from calldron.services import statistics
from calldron.services.statistics import MOST_BUCKETS, Span, Step
from calldron.store.models import Attempt, Batch, Call

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EMPTY = {"attempts": "0", "answered": "0", "confirmed": "0", "seconds": "0.0"}


def batch_with(api: Api, attempts: Sequence[tuple[datetime, Outcome | None, Result | None, float]]) -> str:
    """A batch in which each attempt is at a call of its own; its path."""
    batch = api.batch()
    row = Batch.objects.get(pk=batch.split("/")[2])
    for at, outcome, result, talk in attempts:
        call = Call.objects.create(
            batch=row,
            account_id=row.account_id,
            number="+79997778855",
            status=CallStatus.DIALING if outcome is None else CallStatus.after(outcome),
            result=result,
            final=outcome is not None,
            created_at=START,
        )
        Attempt.objects.create(
            call=call,
            batch_id=row.pk,
            account_id=row.account_id,
            number_of_try=1,
            node="node",
            lease=1,
            lease_until=at,
            started_at=at,
            ended_at=None if outcome is None else at + MINUTE,
            outcome=outcome or "",
            result=result,
            talk=talk,
        )
    Batch.objects.filter(pk=row.pk).update(
        total=len(attempts), unfinished=sum(outcome is None for _, outcome, _, _ in attempts)
    )
    return batch


def bucket(at: str, attempts: int, answered: int = 0, confirmed: int = 0, seconds: float = 0.0) -> dict[str, str]:
    numbers = {"attempts": str(attempts), "answered": str(answered), "confirmed": str(confirmed)}
    return {"at": at, **numbers, "seconds": f"{seconds:.1f}"}


def test_a_batch_is_told_in_figures(api: Api) -> None:
    batch = batch_with(
        api,
        [
            (START, Outcome.ANSWERED, Result.CONFIRMED, 10.0),
            (START, Outcome.ANSWERED, Result.DECLINED, 2.5),
            (START + MINUTE, Outcome.ANSWERED, Result.CALLBACK_FAILED, 6.0),
            (START + 3 * MINUTE, Outcome.BUSY, None, 0.0),
            (START + 3 * MINUTE, Outcome.CANCELED, Result.CALLBACK_FAILED, 1.0),
            (START + 3 * MINUTE, None, None, 0.0),
        ],
    )
    api.post(f"{batch}/calls", {"phone_number": "+79997778856"})
    told = said(api.get(f"{batch}/stats"))
    assert told.pop("series") == [
        bucket("2026-03-02 12:00:00", 2, 2, 1, 12.5),
        bucket("2026-03-02 12:01:00", 1, 1, 1, 6.0),
        bucket("2026-03-02 12:02:00", 0),
        bucket("2026-03-02 12:03:00", 3, 0, 0, 1.0),
    ]
    assert {status: calls for status, calls in told.pop("by_status").items() if calls != "0"} == {
        "queued": "1",
        "dialing": "1",
        "answered": "3",
        "busy": "1",
        "canceled": "1",
    }
    assert {result: calls for result, calls in told.pop("by_result").items() if calls != "0"} == {
        "confirmed": "1",
        "declined": "1",
        "callback_failed": "2",
    }
    assert told == {
        "calls": "7",
        "calls_left": "2",
        "attempts": "6",
        "answered": "3",
        "confirmed": "2",
        "seconds": "19.5",
        "answer_rate": "0.600",
        "confirm_rate": "0.667",
        "average_duration": "6.5",
        "step": "minute",
    }


def test_a_batch_that_was_never_dialled_has_no_rates(api: Api) -> None:
    batch = api.batch()
    api.call(batch)
    told = said(api.get(f"{batch}/stats"))
    assert set(told["by_status"]) == {str(status) for status in CallStatus}
    assert (told["calls"], told["by_status"]["queued"]) == ("1", "1")
    assert EMPTY.items() <= told.items()
    assert (told["answer_rate"], told["confirm_rate"], told["series"]) == (None, None, [])


def test_figures_are_those_of_the_batch_alone(api: Api) -> None:
    batch_with(api, [(START, Outcome.BUSY, None, 0.0)])
    batch = batch_with(api, [(START, Outcome.ANSWERED, None, 1.0)])
    told = said(api.get(f"{batch}/stats"))
    assert (told["attempts"], told["by_status"]["busy"], told["by_status"]["answered"]) == ("1", "0", "1")


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("", ["2026-03-02 12:00:00", *(f"2026-03-02 {hour}:00:00" for hour in range(13, 24))]),
        ("step=hour&from=2026-03-02 22:00:00", ["2026-03-02 22:00:00", "2026-03-02 23:00:00"]),
        ("step=day", ["2026-03-02 00:00:00"]),
        ("step=minute&from=2026-03-02T23:00:00Z&to=2026-03-03", ["2026-03-02 23:00:00"]),
        ("to=2026-03-02 12:00:31&step=hour", ["2026-03-02 12:00:00"]),
        ("from=2026-03-03", []),
        ("to=2026-03-02", []),
    ],
)
def test_the_series_goes_from_the_first_attempt_asked_about_to_the_last(api: Api, query: str, steps: list[str]) -> None:
    end = datetime(2026, 3, 2, 23, 0, 5, tzinfo=UTC)
    times = [START, START + MINUTE, datetime(2026, 3, 2, 22, 0, tzinfo=UTC), end]
    batch = batch_with(api, [(at, Outcome.BUSY, None, 0.0) for at in times])
    told = said(api.get(f"{batch}/stats?{query}"))
    assert [step["at"] for step in told["series"]] == steps
    assert sum(int(step["attempts"]) for step in told["series"]) == int(told["attempts"])


def test_from_and_to_cut_within_a_step(api: Api) -> None:
    batch = batch_with(api, [(START + nth * MINUTE, Outcome.BUSY, None, 0.0) for nth in range(5)])
    query = "step=hour&from=2026-03-02 12:01:30&to=2026-03-02 12:03:30"
    told = said(api.get(f"{batch}/stats?{query}"))
    assert told["series"] == [bucket("2026-03-02 12:00:00", 2)]
    assert (told["attempts"], told["calls"]) == ("2", "5")


@pytest.mark.parametrize(
    ("span", "step"),
    [(0 * MINUTE, "minute"), (8 * HOUR, "minute"), (9 * HOUR, "hour"), (20 * DAY, "hour"), (22 * DAY, "day")],
)
def test_the_step_goes_by_how_long_it_took(api: Api, span: timedelta, step: str) -> None:
    batch = batch_with(api, [(START, Outcome.BUSY, None, 0.0), (START + span, Outcome.BUSY, None, 0.0)])
    assert said(api.get(f"{batch}/stats"))["step"] == step


def test_too_many_steps_are_refused_with_a_way_out(api: Api) -> None:
    batch = batch_with(api, [(START, Outcome.BUSY, None, 0.0), (START + DAY, Outcome.BUSY, None, 0.0)])
    response = api.get(f"{batch}/stats?step=minute")
    assert fields(response) == ["step"]
    assert "1441" in said(response)["detail"]
    assert "from and to" in said(response)["detail"]
    assert api.get(f"{batch}/stats?step=minute&from=2026-03-03 12:00:00").status_code == 200


def test_of_a_batch_of_years_the_end_is_shown(api: Api) -> None:
    batch = batch_with(api, [(START + nth * 100 * DAY, Outcome.BUSY, None, 0.0) for nth in range(11)])
    told = said(api.get(f"{batch}/stats"))
    assert (told["step"], len(told["series"]), told["attempts"]) == ("day", MOST_BUCKETS, "5")
    assert told["series"][-1]["attempts"] == "1"


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("step=week", ["step"]),
        ("step=", ["step"]),
        ("from=yesterday", ["from"]),
        ("from=2026-02-30", ["from"]),
        ("from=0001-01-01", ["from"]),
        ("to=2026-03-02 24:00:00", ["to"]),
        ("to=２０２６-03-02", ["to"]),
        ("from=2026-03-02&to=2026-03-02", ["to"]),
        ("form=2026-03-02", ["form"]),
        ("step=x&from=x&to=x", ["step", "from", "to"]),
    ],
)
def test_what_cannot_be_used_is_refused(api: Api, query: str, wrong: list[str]) -> None:
    assert fields(api.get(f"{api.batch()}/stats?{query}")) == wrong


@given(
    offsets=st.lists(st.integers(0, 40 * 86_400), min_size=1, max_size=20),
    step=st.sampled_from([None, *Step]),
    cuts=st.tuples(*[st.none() | st.integers(-3600, 41 * 86_400)] * 2),
)
def test_every_attempt_is_in_its_own_bucket(
    offsets: list[int], step: Step | None, cuts: tuple[int | None, int | None]
) -> None:
    times = sorted(START + timedelta(seconds=offset) for offset in offsets)
    since, until = (None if cut is None else START + timedelta(seconds=cut) for cut in cuts)
    asked = [at for at in times if (since is None or since <= at) and (until is None or at < until)]
    try:
        found, edges = statistics._edges((times[0], times[-1]), Span(step, since, until))
    except statistics.Refused:
        assert step is not None
        return
    assert len(edges) <= MOST_BUCKETS + 1
    assert edges == sorted(set(edges))
    for at in asked:
        (place,) = [nth for nth, (low, high) in enumerate(pairwise(edges)) if low <= at < high]
        assert found.begin(edges[place]) == found.begin(at)


def test_figures_and_reasons_of_a_batch_are_counted_from_indexes_alone(api: Api) -> None:
    batch = batch_with(api, [(START + nth * MINUTE, Outcome.BUSY, None, 0.0) for nth in range(200)])
    Batch.objects.update(state="running")
    with CaptureQueriesContext(connection) as captured:
        for path in (f"{batch}/stats", f"{batch}/why"):
            assert api.get(path).status_code == 200
    sizeable = ("store_call ", "store_attempt ", "store_legrow ")
    plans = [
        plan[3]
        for query in captured.captured_queries
        if query["sql"].lstrip().startswith("SELECT") and any(table in query["sql"] for table in sizeable)
        for plan in connection.cursor().execute("EXPLAIN QUERY PLAN " + query["sql"]).fetchall()
        if any(table in plan[3] + " " for table in sizeable)
    ]
    assert len(plans) > 200
    by_few_rows = (
        "USING INDEX call_held",
        "USING INDEX attempt_holds",
        "USING INDEX attempt_lease",
        "USING INDEX call_due (batch_id=? AND due_at>?)",
    )
    assert [
        plan for plan in plans if "COVERING INDEX" not in plan and not any(few in plan for few in by_few_rows)
    ] == []
