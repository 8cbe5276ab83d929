"""An attempt is drawn to the millisecond, and the drawing keeps within its frame."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.services import history, timeline
from calldron.services.timeline import Line, Stage
from calldron.store.models import Account, Attempt, Batch, Call, LegRow

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def attempt(db: None) -> Attempt:
    account = Account.objects.create(name="Firm")
    batch = Batch.objects.create(account=account)
    call = Call.objects.create(batch=batch, account=account, number="+79990000001", created_at=NOW)
    return Attempt.objects.create(call=call, number_of_try=1, node="n", lease=1, lease_until=NOW, started_at=NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def leg(attempt: Attempt, role: str = "client", **fields: object) -> LegRow:
    return LegRow.objects.create(**{"attempt": attempt, "role": role, "number": "1", "intended_at": NOW, **fields})


def drawn(attempt: Attempt, now: datetime = NOW) -> Line:
    attempts, _ = history.page(attempt.call, limit=10, offset=0)
    (line,) = timeline.draw(attempts, now)
    return line


def test_two_legs_lie_on_one_line(attempt: Attempt) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=at(10), outcome="answered", fault="none")
    over = {"ended_at": at(10), "outcome": "answered", "ended_by": "remote", "sip_code": 200}
    leg(attempt, "operator", ringing_at=at(1), answered_at=at(2.5), **over)
    leg(attempt, "client", intended_at=at(5), answered_at=at(7.5), **over)
    line = drawn(attempt)
    assert line.length == timedelta(seconds=10)
    operator, client = line.lanes
    assert [(bar.stage, bar.place, bar.width) for bar in operator.bars] == [
        (Stage.DIALLED, 0, 10),
        (Stage.RINGING, 10, 15),
        (Stage.TALKING, 25, 75),
    ]
    assert [(bar.stage, bar.place, bar.width) for bar in client.bars] == [
        (Stage.DIALLED, 50, 25),
        (Stage.TALKING, 75, 25),
    ]
    assert (client.intended, client.rang, client.answered) == (timedelta(seconds=5), None, timedelta(seconds=7.5))


def test_what_is_up_ends_now(attempt: Attempt) -> None:
    leg(attempt, ringing_at=at(1))
    line = drawn(attempt, at(4))
    assert line.up
    assert line.length == timedelta(seconds=4)
    assert [(bar.stage, bar.width) for bar in line.lanes[0].bars] == [(Stage.DIALLED, 25), (Stage.RINGING, 75)]
    assert line.lanes[0].ended is None


def test_what_took_no_time_is_drawn_all_the_same(attempt: Attempt) -> None:
    assert drawn(attempt).lanes == []
    leg(attempt, ended_at=NOW, outcome="failed", ended_by="silence")
    assert drawn(attempt).lanes[0].bars == []


moments = st.one_of(st.none(), st.floats(0, 60).map(at))


@given(times=st.lists(st.tuples(st.floats(0, 60).map(at), moments, moments, moments), min_size=1, max_size=4))
def test_bars_stay_in_the_frame_and_follow_each_other(
    times: list[tuple[datetime, datetime | None, datetime | None, datetime | None]],
) -> None:
    attempt = Attempt(pk=1, started_at=NOW, number_of_try=1)
    rows = [
        LegRow(
            attempt=attempt,
            intended_at=intended,
            ringing_at=rang,
            answered_at=answered,
            ended_at=ended,
            outcome="failed",
            ended_by="remote",
        )
        for intended, rang, answered, ended in times
    ]
    attempt._prefetched_objects_cache = {"legs": LegRow.objects.none()}  # type: ignore[attr-defined] # without a database
    attempt._prefetched_objects_cache["legs"]._result_cache = rows  # type: ignore[attr-defined]
    (line,) = timeline.draw([attempt], at(61))
    for lane in line.lanes:
        edge = 0.0
        for bar in lane.bars:
            assert bar.place >= edge - 0.001
            assert bar.width > 0
            edge = bar.place + bar.width
        assert edge <= 100.001
