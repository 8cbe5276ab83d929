"""Why a call does not go out, and why a batch does not dial: the rule that holds it, in words, and until when."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from calldron.config import config
from calldron.domain.batch import BatchState
from calldron.domain.rule import Hold, Rule
from calldron.services import batches, calls, reasons
from calldron.services.errors import NotFound
from calldron.store import turns
from calldron.store.counters import NEVER
from calldron.store.models import Account, Batch
from calldron.store.reports import waiting
from calldron.store.reports.look import Look, Standing
from calldron.store.reports.waiting import Glance, Waiting
from calldron.store.session import Session

_LEASES_UNSEEN = 2  # so many without a sign of life, and a dialer counts as gone

# Told of a batch whatever its calls do.
_OF_STATE = frozenset({Rule.BATCH_FRESH, Rule.BATCH_PAUSED, Rule.BATCH_STOPPED})
# Told of a batch also while some of its calls are up: no other goes out.
_SHUT = frozenset({Rule.WINDOW, Rule.NO_TRUNK})


@dataclass(frozen=True, slots=True)
class Why:
    """``code``: the rule to be told. ``eligible_at``: when everything that goes by time lets it go, ``None`` where
    something else has to happen or nothing follows. ``rules``: every rule that holds it now, that one first."""

    code: Rule
    reason: str
    eligible_at: datetime | None
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The same of a batch as a whole. ``seen``: what its calls do, as far as that was looked at."""

    code: Rule
    reason: str
    eligible_at: datetime | None
    seen: Glance


@dataclass(frozen=True, slots=True)
class WhyOfBatch:
    """``calls``: how many of them each rule holds; all are in it once."""

    code: Rule
    reason: str
    eligible_at: datetime | None
    calls: dict[Rule, int]


def of_call(account: Account, batch_id: int, call_id: int, now: datetime | None = None) -> Why:
    """Why this call is not being dialled at ``now``. Raises ``NotFound``."""
    batch = batches.get(account, batch_id)
    call = calls.get(account, batch_id, call_id)
    standing = Standing(call.number, call.final, call.due_at, call.held_by, call.client_dials, call.operator_dials)
    with _look(batch, now or datetime.now(UTC)) as (session, look):
        first, *others = list(look.holds(standing)) or [Hold(Rule.TURN)]
        if call.final and call.closed_by == Rule.STOP_LIST:
            first = Hold(Rule.STOP_LIST)
        ahead = 0
        if first.rule is Rule.TURN:
            ahead = waiting.ahead(session, batch.pk, call.pk, call.due_at or look.now)
        eligible_at = look.eligible_at(standing)
        reason = reasons.of_call(reasons.OfCall(batch, call, look, first, ahead))
    return Why(first.rule, reason, eligible_at, (first.rule, *(hold.rule for hold in others)))


def of_batch(account: Account, batch_id: int, now: datetime | None = None) -> WhyOfBatch:
    """Why this batch is not dialling at ``now``, or that it is. Raises ``NotFound``."""
    batch = batches.get(account, batch_id)
    with _look(batch, now or datetime.now(UTC)) as (session, look):
        told, due = _tell(session, batch, look)
        calls_by_rule = _by_rule(session, batch, look, waiting.count(session, batch.pk, look.now), due)
        return WhyOfBatch(told.code, told.reason, told.eligible_at, calls_by_rule)


def tell(batch: Batch, now: datetime) -> Told:
    """The same without counting the calls that each rule holds: quick, however many there are."""
    with _look(batch, now) as (session, look):
        return _tell(session, batch, look)[0]


def _tell(session: Session, batch: Batch, look: Look) -> tuple[Told, Rule]:
    """What is to be told, and the rule that holds the calls that are due."""
    seen = waiting.glance(session, batch.pk, look.now)
    holds = list(look.holds_due()) or [Hold(Rule.TURN)]
    told = _told(holds, seen)
    reason = reasons.of_batch(reasons.OfBatch(batch, look, told, seen))
    return Told(told.rule, reason, _eligible_at(look, seen), seen), holds[0].rule


def _told(holds: list[Hold], seen: Glance) -> Hold:
    """What is to be told of a batch. ``holds``: what holds its calls that are due, whether there are any or not. While
    calls are up it dials, and a rate that lets the next one go in a moment is no answer."""
    if holds[0].rule in _OF_STATE:
        return holds[0]
    if not seen.waiting:
        return Hold(Rule.IN_PROGRESS if seen.up else Rule.FINAL)
    if holds[0].rule is Rule.NO_DIALER or (seen.due and holds[0].rule in _SHUT):
        return holds[0]
    if seen.up:
        return Hold(Rule.IN_PROGRESS)
    return holds[0] if seen.due or seen.following is None else seen.following


def _eligible_at(look: Look, seen: Glance) -> datetime | None:
    if seen.due:
        return look.batch_eligible_at(look.now)
    first = seen.following.until if seen.following else None
    return None if first is None or first >= NEVER else look.batch_eligible_at(first)


def _by_rule(session: Session, batch: Batch, look: Look, counted: Waiting, due: Rule) -> dict[Rule, int]:
    """Calls by the rule that holds each. ``due``: the one of those whose time has come."""
    rules = Counter({Rule.FINAL: counted.final - counted.stopped, Rule.STOP_LIST: counted.stopped})
    rules[Rule.IN_PROGRESS] = counted.up
    if due in _OF_STATE:
        rules[due] += counted.waiting
    else:
        listed = waiting.on_stop_list(session, batch.pk, batch.account_id, look.now)
        rules[Rule.STOP_LIST] += listed.total()
        rules[due] += counted.due - listed[None]
        for rule, number in counted.later.items():
            rules[due if due is Rule.NO_DIALER else rule] += number - listed[rule]
    return {rule: rules[rule] for rule in Rule if rules[rule] > 0}


@contextmanager
def _look(batch: Batch, now: datetime) -> Iterator[tuple[Session, Look]]:
    session = Session(connection)
    try:
        turn = turns.one(session, batch.pk)
        if turn is None:  # it was removed just now
            raise NotFound(_("There is no batch %(id)d.") % {"id": batch.pk})
        silence = timedelta(seconds=_LEASES_UNSEEN * config().lease_seconds)
        yield session, Look(session, turn, BatchState(batch.state), batch.wait_until, now, now - silence)
    finally:
        session.close()
