"""Dialling in the tests' own database, without a dialer: for tests of what is told of calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from calldron.dialer.ports import AttemptEnd, Claim, LegProgress
from calldron.domain.outcome import EndedBy, Ending, Result, classify
from calldron.store import claim, progress
from calldron.store.models import NodeRow, TrunkRow
from calldron.store.session import Session

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def add_dialer(seen_at: datetime = NOW) -> NodeRow:
    """A dialer that was alive then."""
    return NodeRow.objects.create(name=f"dialer {NodeRow.objects.count()}", started_at=seen_at, seen_at=seen_at)


def add_trunk(**fields: Any) -> TrunkRow:
    return TrunkRow.objects.create(**{"name": "mega", "host": "192.0.2.1", **fields})


def claimed(at: datetime = NOW, room: int = 100) -> list[Claim]:
    """What a claim takes."""
    return claim.claim(Session(connection), "node", at, at + LEASE, room).claims


def leg(one: Claim, **news: Any) -> None:
    """Something happened to the first leg of an attempt."""
    progress.progress(Session(connection), [LegProgress(one.leg_id, one.attempt_id, one.lease, **news)])


def end(
    one: Claim,
    code: int | None = 486,
    at: datetime = NOW,
    *,
    by: EndedBy = EndedBy.REMOTE,
    result: Result | None = None,
    talk: float = 0.0,
    refused: bool = False,
    digits: str = "",
) -> None:
    """The one leg of an attempt ended, and the attempt with it; 200: it was answered."""
    ending = Ending(by, code, answered=code == 200, reached=not refused)
    outcome, fault = classify(ending)
    leg(one, ended_at=at, ending=ending, outcome=outcome, fault=fault)
    done = AttemptEnd(one.attempt_id, one.lease, at, outcome, result, fault, code, digits, talk, refused=refused)
    progress.finish(Session(connection), [done])


def ended_unknown(one: Claim, at: datetime = NOW) -> None:
    """The dialer died, and the lease is over."""
    progress.close_as_unknown(Session(connection), [(one.attempt_id, at, one.call_id, one.batch_id)], at)
