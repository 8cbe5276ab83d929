"""What of a batch is up, what ended last, and how it went lately, on every database."""

from datetime import timedelta

from django.db import connections
from support.store_world import NOW, Node, World

from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome, Result
from calldron.store.reports import lately
from calldron.store.reports.lately import Kind
from calldron.store.session import Session

MINUTE = timedelta(minutes=1)


def test_calls_that_are_up_come_newest_first_with_the_legs_that_are(world: World, node: Node) -> None:
    batch, other = world.add_callback(3), world.add_batch(2)
    session = Session(connections[world.alias])
    claims = [claim for claim in node.claim(5) if claim.batch_id == batch.pk]
    node.progress(claims[0], ringing_at=NOW, answered_at=NOW + MINUTE)
    node.intend(claims[0], Role.CLIENT)
    node.leg_ended(claims[1])
    shown = lately.up(session, batch.pk, 2)
    assert [call.call_id for call in shown] == [claims[2].call_id, claims[1].call_id]
    assert shown[1].legs == ()
    (first,) = [call for call in lately.up(session, batch.pk, 20) if call.call_id == claims[0].call_id]
    assert [(leg.role, leg.answered_at) for leg in first.legs] == [("operator", NOW + MINUTE), ("client", None)]
    assert first.number == claims[0].number
    assert len(lately.up(session, other.pk, 20)) == 2


def test_attempts_that_ended_come_last_first(world: World, node: Node) -> None:
    batch = world.add_batch(4)
    session = Session(connections[world.alias])
    claims = node.claim(4)
    for place in (2, 0, 1):
        node.finish(claims[place], Outcome.ANSWERED, NOW + place * MINUTE, result=Result.CONFIRMED, talk=1.5)
    found = lately.ended(session, batch.pk, among=100, most=2)
    assert [(one.call_id, one.outcome, one.result, one.talk) for one in found] == [
        (claims[2].call_id, "answered", "confirmed", 1.5),
        (claims[1].call_id, "answered", "confirmed", 1.5),
    ]
    assert found[0].ended_at == NOW + 2 * MINUTE


def test_attempts_are_counted_by_how_they_ended(world: World, node: Node) -> None:
    batch = world.add_batch(7)
    session = Session(connections[world.alias])
    assert lately.stretch(session, batch.pk, 10) is None
    ends = [
        (Outcome.ANSWERED, Result.CONNECTED),
        (Outcome.ANSWERED, None),
        (Outcome.BUSY, None),
        (Outcome.INVALID_NUMBER, None),
        (Outcome.FAILED, None),
    ]
    for place, (outcome, result) in enumerate(ends):
        at = NOW + place * MINUTE
        node.finish(node.claim_one(at), outcome, at, result=result, fault=Fault.NONE, talk=2.0 if place < 2 else 0.0)
    node.claim_one(NOW + 5 * MINUTE)  # is up: of no kind yet
    stretch = lately.stretch(session, batch.pk, 10)
    assert stretch == lately.Stretch(NOW, NOW + 5 * MINUTE, whole=True)
    assert lately.stretch(session, batch.pk, 2) == lately.Stretch(NOW + 3 * MINUTE, NOW + 5 * MINUTE, whole=False)
    assert lately.started_since(session, batch.pk, NOW + 4 * MINUTE) == 2
    first, rest = lately.count_kinds(session, batch.pk, [NOW, NOW + 2 * MINUTE, NOW + 6 * MINUTE])
    assert (first.answered, first.kinds[Kind.CONFIRMED], first.kinds[Kind.ANSWERED], first.seconds) == (2, 1, 1, 4.0)
    assert [rest.kinds[kind] for kind in Kind] == [0, 0, 1, 1, 1]
