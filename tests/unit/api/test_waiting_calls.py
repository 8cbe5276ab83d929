"""What a change of a batch means for its calls that wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.api_client import Api, batch_row, call_row, intro, said

from calldron.store.models import Attempt, Call

pytestmark = pytest.mark.django_db

ENDED = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def tried(api: Api, batch: str, status: str = "busy", times: int = 1, **columns: Any) -> str:
    """A call that waits for its next attempt after so many that ended this way."""
    path = api.call(batch)
    call = call_row(path)
    for nth in range(times):
        Attempt.objects.create(
            call=call,
            number_of_try=nth + 1,
            node="n",
            lease=1,
            lease_until=ENDED,
            started_at=ENDED,
            ended_at=ENDED,
            outcome=status,
        ).legs.create(role="client", number=call.number, intended_at=ENDED)
    values = {"status": status, "client_dials": times, "ended_at": ENDED, "due_at": LATER, **columns}
    Call.objects.filter(pk=call.pk).update(**values)
    return path


def test_calls_that_wait_for_another_try_go_by_the_new_delay(api: Api) -> None:
    batch = api.batch(attempts=3, call_delay=604800)
    waits, fresh = tried(api, batch), api.call(batch)
    due = call_row(fresh).due_at
    api.put(batch, {"call_delay": 60})
    assert call_row(waits).due_at == ENDED + timedelta(minutes=1)
    assert call_row(fresh).due_at == due


def test_each_waits_as_its_last_outcome_says(api: Api) -> None:
    batch = api.batch(attempts=5, call_delay=30)
    busy, silent, failed = (tried(api, batch, status) for status in ("busy", "no_answer", "failed"))
    api.put(batch, {"retry": {"busy": {"delay": 600}, "no_answer": {"delay": 0}, "failed": {"attempts": 5}}})
    assert [(call_row(call).due_at or LATER) - ENDED for call in (busy, silent, failed)] == [
        timedelta(seconds=600),
        timedelta(0),
        timedelta(seconds=30),
    ]
    api.put(batch, {"call_delay": 60})
    assert call_row(busy).due_at == ENDED + timedelta(seconds=600)
    assert call_row(failed).due_at == ENDED + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("retry", "status", "times", "final"),
    [
        ({"busy": False}, "busy", 1, True),
        ({"busy": False}, "no_answer", 1, False),
        ({"busy": {"attempts": 2}}, "busy", 1, False),
        ({"busy": {"attempts": 2}}, "busy", 2, True),
        ({"busy": {"attempts": 2}}, "no_answer", 2, False),
        ({"machine": True}, "machine", 1, False),
        ({}, "machine", 1, True),
    ],
)
def test_who_is_not_to_be_tried_again_is_final_as_it_stands(
    api: Api, retry: dict[str, Any], status: str, times: int, final: bool
) -> None:
    batch = api.batch(attempts=5, autostart=True)
    call = tried(api, batch, status, times)
    api.put(batch, {"retry": retry})
    row = call_row(call)
    assert (row.status, row.final, row.due_at is None, row.closed_by) == (
        status,
        final,
        final,
        "attempts" if final else "",
    )
    assert (batch_row(batch).state, batch_row(batch).unfinished) == (("finished", 0) if final else ("running", 1))


def test_what_a_trunk_gave_back_was_no_attempt(api: Api) -> None:
    batch = api.batch(attempts=5)
    given_back = tried(api, batch, "failed", returns=1, returned_at=ENDED)
    counted = tried(api, batch, "failed", returns=1, returned_at=ENDED - timedelta(hours=1))
    api.put(batch, {"call_delay": 0, "retry": {"failed": False}})
    assert (call_row(given_back).final, call_row(given_back).due_at) == (False, LATER)
    assert call_row(counted).final


def test_attempts_that_were_given_back_are_not_counted(api: Api) -> None:
    batch = api.batch(attempts=5)
    call = tried(api, batch, "failed", times=2)
    Attempt.objects.filter(call=call_row(call), number_of_try=1).update(given_back=True)
    api.put(batch, {"retry": {"failed": {"attempts": 2}}})
    assert not call_row(call).final
    api.put(batch, {"retry": {"failed": {"attempts": 1}}})
    assert call_row(call).final


@pytest.mark.parametrize(
    ("of_batch", "dials", "final"),
    [
        ({}, {"client_dials": 2}, True),
        ({}, {"client_dials": 1}, False),
        ({}, {"client_dials": 1, "operator_dials": 2}, False),
        ({"type": "callback", "callback": "+74950008000"}, {"operator_dials": 2}, True),
        ({"type": "callback", "callback": "+74950008000", "intro": intro()}, {"operator_dials": 2}, False),
    ],
)
def test_a_call_that_has_no_attempt_left_is_final_at_once(
    api: Api, of_batch: dict[str, str], dials: dict[str, int], final: bool
) -> None:
    batch = api.batch(attempts=5, autostart=True, **of_batch)
    call = api.call(batch)
    Call.objects.update(status="busy", ended_at=ENDED, **dials)
    api.put(batch, {"attempts": 2})
    assert (call_row(call).status, call_row(call).final, call_row(call).due_at is None) == ("busy", final, final)
    shown = said(api.get(batch))
    assert (shown["status"], shown["calls_left"]) == (("finished", "0") if final else ("running", "1"))


def test_calls_that_are_up_are_left_alone(api: Api) -> None:
    batch = api.batch(attempts=5)
    call = api.call(batch)
    Call.objects.update(status="dialing", client_dials=3, due_at=None, ended_at=ENDED)
    api.put(batch, {"attempts": 2, "call_delay": 0, "time_to": "23:00", "retry": {"busy": False}})
    assert (call_row(call).final, call_row(call).due_at) == (False, None)


class TestHeld:
    @pytest.mark.parametrize(
        ("change", "let_go"),
        [
            ({"time_from": "08:00"}, True),
            ({"time_to": None}, True),
            ({"time_zone": "callee"}, True),
            ({"time_zone_fallback": "Samara"}, True),
            ({"days": {"sun": False}}, True),
            ({"attempts": 7}, True),
            ({"call_delay": 5}, True),
            ({"retry": {"busy": False}}, True),
            ({"name": "other", "ring_timeout": 20, "cps": 3}, False),
        ],
    )
    def test_calls_are_let_go_by_a_change_of_what_may_hold_them(
        self, api: Api, change: dict[str, Any], let_go: bool
    ) -> None:
        batch, other = api.batch(), api.batch()
        held, theirs = api.call(batch), api.call(other)
        Call.objects.update(held_by="window", due_at=LATER)
        before = datetime.now(UTC)
        api.put(batch, change)
        row = call_row(held)
        assert (row.held_by, (row.due_at or LATER) < LATER) == (("", True) if let_go else ("window", False))
        assert row.due_at is not None
        assert before - timedelta(seconds=1) <= row.due_at or not let_go
        assert (call_row(theirs).held_by, call_row(theirs).due_at) == ("window", LATER)

    def test_calls_wait_all_the_same_for_a_retry_that_is_not_due(self, api: Api) -> None:
        batch = api.batch(attempts=5)
        call = tried(api, batch, held_by="quota")
        api.put(batch, {"call_delay": 604800})
        assert (call_row(call).held_by, call_row(call).due_at) == ("", ENDED + timedelta(days=7))
