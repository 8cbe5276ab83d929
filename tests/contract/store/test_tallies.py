"""Counts over calls and attempts, on either database."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import connections
from support.store_world import NOW, Node, World

from calldron.domain.call import CallStatus
from calldron.domain.outcome import Outcome, Result
from calldron.store.reports import tallies
from calldron.store.reports.tallies import AttemptTally
from calldron.store.session import Session

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def test_calls_are_counted_by_status_and_result(world: World, node: Node) -> None:
    world.add_batch(3)  # another's
    batch = world.add_batch(5, attempts=2)
    mine = [claim for claim in node.claim(7) if claim.batch_id == batch.pk]
    node.finish(mine[0], Outcome.ANSWERED, result=Result.CONFIRMED)
    node.finish(mine[1], Outcome.BUSY)
    told = tallies.count_calls(Session(connections[world.alias]), batch.pk)
    assert (told.total, told.left) == (5, 4)
    assert +Counter(told.statuses) == {
        CallStatus.ANSWERED: 1,
        CallStatus.BUSY: 1,
        CallStatus.DIALING: len(mine) - 2,
        CallStatus.QUEUED: 5 - len(mine),
    }
    assert +Counter(told.results) == {Result.CONFIRMED: 1}


def test_attempts_are_counted_by_when_they_started(world: World, node: Node) -> None:
    batch = world.add_batch(130)
    session = Session(connections[world.alias])
    assert tallies.span_of_attempts(session, batch.pk) is None
    for minute in range(120):
        claim = node.claim_one(NOW + minute * MINUTE)
        if minute % 4 == 0:
            node.finish(claim, Outcome.ANSWERED, NOW + minute * MINUTE, result=Result.CONNECTED, talk=1.5)
        elif minute % 4 == 1:
            node.finish(claim, Outcome.ANSWERED, NOW + minute * MINUTE, result=Result.DECLINED, talk=0.5)
        elif minute % 4 == 2:
            node.finish(claim, Outcome.BUSY, NOW + minute * MINUTE)
    assert tallies.span_of_attempts(session, batch.pk) == (NOW, NOW + 119 * MINUTE)

    edges: list[datetime] = [NOW + minute * MINUTE for minute in range(121)]
    told = tallies.count_attempts(session, batch.pk, edges)
    one_hour = [
        AttemptTally(1, 1, 1, 1, 1.5),
        AttemptTally(1, 1, 1, 0, 0.5),
        AttemptTally(1, 1, 0, 0, 0.0),
        AttemptTally(1, 0, 0, 0, 0.0),
    ]
    assert told == one_hour * 30
    assert tallies.count_attempts(session, batch.pk, [NOW, NOW + 120 * MINUTE]) == [AttemptTally(120, 90, 60, 30, 60.0)]
    assert tallies.count_attempts(session, batch.pk, [NOW + SECOND, NOW + MINUTE]) == [AttemptTally()]
    assert sum(told, AttemptTally()) == AttemptTally(120, 90, 60, 30, 60.0)


def test_seconds_of_the_fraction_are_kept(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    at = NOW + timedelta(microseconds=123_456)
    node.claim_one(at)
    session = Session(connections[world.alias])
    assert tallies.span_of_attempts(session, batch.pk) == (at, at)
    just_then = tallies.count_attempts(session, batch.pk, [at, at + timedelta.resolution])
    assert just_then == [AttemptTally(attempts=1)]


def test_what_a_trunk_refused_is_no_attempt(world: World, node: Node) -> None:
    batch = world.add_batch(3)
    node.finish(node.claim_one(), Outcome.ANSWERED, result=Result.CONFIRMED, talk=2.0)
    node.refused(node.claim_one(NOW + MINUTE), at=NOW + MINUTE)
    session = Session(connections[world.alias])
    told = tallies.count_attempts(session, batch.pk, [NOW, NOW + MINUTE, NOW + 2 * MINUTE])
    assert told == [AttemptTally(1, 1, 1, 1, 2.0), AttemptTally()]
