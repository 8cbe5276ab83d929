"""A batch is looked at as it is, and no more is said than is known."""

from datetime import timedelta

import pytest
from support import call_rows

from calldron.domain.rule import Rule
from calldron.services import accounts, live
from calldron.services.live import MOST_BUCKETS, step_for
from calldron.store.models import Account, Attempt, Batch
from calldron.store.reports.lately import Kind


@pytest.fixture
def account(db: None) -> Account:
    return accounts.create_user("owner@example.org")[0].account


@pytest.fixture
def batch(account: Account) -> Batch:
    """Of which a dialer dials."""
    call_rows.dialer()
    call_rows.trunk()
    return call_rows.batch(account, started_at=call_rows.now() - timedelta(hours=1))


def look(batch: Batch) -> live.Picture:
    batch.refresh_from_db()
    return live.of_batch(batch, call_rows.now())


def test_an_empty_batch_is_nothing_of_everything(batch: Batch) -> None:
    picture = look(batch)
    assert picture.told.code is Rule.FINAL
    assert (picture.done, picture.dialled, picture.answered, picture.confirmed, picture.pace) == (0, 0, 0, 0, 0)
    assert (picture.up, picture.ended, picture.course.buckets, picture.course.mean_talk) == ([], [], [], None)


def test_calls_are_where_they_are(batch: Batch) -> None:
    call_rows.waiting(batch)
    call_rows.up(batch, "+79990000010")
    newest = call_rows.up(batch, "+79990000011", answered=True)
    call_rows.ended(batch, "+79990000012", result="connected", ago=300)
    last = call_rows.ended(batch, "+79990000013", "busy", ago=100)
    picture = look(batch)
    assert (picture.done, picture.dialled, picture.answered, picture.connected) == (2, 3, 2, 1)
    assert picture.told.seen.up == 2
    assert picture.up[0].call_id == newest.pk
    (leg,) = picture.up[0].legs
    assert leg.answered_at is not None
    assert picture.ended[0].call_id == last.pk
    assert len(picture.ended) == 2
    assert picture.pace == 0.2  # two within ten seconds


def test_attempts_are_told_apart_over_time(batch: Batch) -> None:
    for ago, status, result in (
        (600, "answered", "confirmed"),
        (600, "answered", "declined"),
        (600, "answered", None),
        (300, "no_answer", None),
        (300, "invalid_number", None),
        (60, "unknown", None),
    ):
        call_rows.ended(batch, status=status, result=result, ago=ago)
    course = look(batch).course
    assert course.whole
    assert {kind: sum(bucket.tally.kinds[kind] for bucket in course.buckets) for kind in Kind} == {
        Kind.CONFIRMED: 1,
        Kind.ANSWERED: 2,
        Kind.NO_ANSWER: 1,
        Kind.UNREACHABLE: 1,
        Kind.FAILED: 1,
    }
    assert course.mean_talk == pytest.approx(16.17)
    first, last = course.buckets[0], course.buckets[-1]
    assert first.tally.answered == 3
    assert last.tally.kinds[Kind.FAILED] == 1
    began = Attempt.objects.earliest("started_at").started_at
    assert first.at <= began < first.at + course.step


def test_of_very_many_attempts_the_last_are_told(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_ATTEMPTS", 3)
    for ago in range(100, 1100, 100):
        call_rows.ended(batch, ago=ago)
    course = look(batch).course
    assert not course.whole
    assert 3 <= sum(bucket.tally.answered for bucket in course.buckets) <= 4


@pytest.mark.parametrize("seconds", [0, 1, 60, 3_600, 86_400, 30 * 86_400, 400 * 86_400])
def test_a_span_has_not_too_many_steps(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    step = step_for(span)
    assert span / step < MOST_BUCKETS
    assert step == timedelta(seconds=5) or span / step > MOST_BUCKETS / 7, "nor too few"


def paced(batch: Batch, waiting: int) -> live.Picture:
    """A call left each 10 s of the last two minutes, and so many wait."""
    for ago in range(5, 120, 10):
        call_rows.ended(batch, ago=ago)
    for place in range(waiting):
        call_rows.waiting(batch, f"+7999100{place:04}")
    return look(batch)


def test_what_is_left_takes_at_least_as_long_as_its_number_at_this_pace(batch: Batch) -> None:
    guess = paced(batch, 24).at_least
    assert guess == pytest.approx(timedelta(minutes=4), rel=0.1)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "paused"},
        {"time_zone": "callee"},
        {"started_at": None},
        {"time_zone": "UTC", "minute_from": 0, "minute_to": 1},
    ],
)
def test_nothing_is_guessed_where_nobody_can_know(batch: Batch, fields: dict[str, object]) -> None:
    Batch.objects.filter(pk=batch.pk).update(**fields)
    assert paced(batch, 24).at_least is None


def test_nothing_is_guessed_while_nothing_leaves(batch: Batch) -> None:
    call_rows.waiting(batch)
    assert look(batch).at_least is None
