"""Calls that wait, when what they wait by is changed: statements over whole batches, which may hold a million calls."""

from datetime import UTC, datetime, timedelta

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from calldron.domain.batch import BatchState, BatchType
from calldron.domain.outcome import Fault
from calldron.domain.retry import OVERRIDABLE, RetryPolicy
from calldron.domain.rule import Rule
from calldron.store.models import Account, Attempt, Batch, Call

# Columns of a batch by which its calls wait.
HOLDING = frozenset({"time_zone", "time_zone_fallback", "minute_from", "minute_to", "days"})
RECKONED = frozenset({"attempts", "call_delay", "retry"})


def let_go(calls: QuerySet[Call]) -> None:
    """Calls that a rule of their own put off are due now: the dialer looks at them again."""
    # With ``due_at`` among the conditions SQLite would go through all that wait, where the index of those held has few.
    due = Case(When(due_at__isnull=False, then=datetime.now(UTC)), default=None)
    calls.filter(~Q(held_by="")).update(due_at=due, held_by="")


def look_again(account: Account) -> None:
    """An account's rules have changed: nothing of it is put off any more. To be called in a transaction that has the
    account's row."""
    batches = Batch.objects.filter(account=account, deleting=False, state__in=(BatchState.RUNNING, BatchState.PAUSED))
    list(batches.order_by("id").select_for_update(no_key=True).values_list("pk", flat=True))
    let_go(Call.objects.filter(batch__in=batches))
    batches.filter(wait_until__isnull=False).update(wait_until=None)


def reckon_anew(batch: Batch) -> None:
    """Calls that wait for another try go by the batch's new rules of retry: who has none left is final as it stands,
    the others are due that long after their last attempt. What a trunk gave back was no attempt and is left as it is.
    Counts in ``batch``, which the caller saves."""
    policy = RetryPolicy.read(batch.retry)
    waiting = Call.objects.filter(batch=batch, final=False, due_at__isnull=False, ended_at__isnull=False)
    tried = waiting.exclude(returned_at=F("ended_at"))
    batch.unfinished -= _close(waiting.filter(_exhausted(batch)))
    batch.unfinished -= _close(tried.filter(status__in=_never(policy)))
    for outcome, override in policy.overrides.items():
        if override is not None and override.attempts is not None:
            ended_so = tried.filter(status=outcome).annotate(so_often=_count(outcome))
            batch.unfinished -= _close(ended_so.filter(so_often__gte=override.attempts))
    tried.exclude(status__in=policy.overrides).update(due_at=_after(batch.call_delay))
    for outcome in policy.overrides:
        tried.filter(status=outcome).update(due_at=_after(policy.delay(outcome, batch.call_delay)))
    if batch.total and not batch.unfinished and batch.state == BatchState.RUNNING:
        batch.state, batch.finished_at = BatchState.FINISHED, datetime.now(UTC)


def _close(calls: QuerySet[Call]) -> int:
    return calls.update(final=True, due_at=None, held_by="", closed_by=Rule.ATTEMPTS)


def _exhausted(batch: Batch) -> Q:
    """Calls whose numbers were dialled as often as they may be (``calldron.domain.retry.Dials.first``)."""
    client = Q(client_dials__gte=batch.attempts)
    if batch.type == BatchType.CALLBACK and batch.intro_id is None:
        return client | Q(operator_dials__gte=batch.attempts)
    return client


def _never(policy: RetryPolicy) -> list[str]:
    return [outcome for outcome in OVERRIDABLE if not policy.again(outcome, Fault.NONE, 0)]


def _count(outcome: str) -> Coalesce:
    """How many attempts at a call ended this way; those that were given back are none."""
    attempts = Attempt.objects.filter(call=OuterRef("pk"), outcome=outcome, given_back=False)
    of_call = attempts.order_by().values("call").annotate(so_often=Count("pk")).values("so_often")
    return Coalesce(Subquery(of_call, output_field=IntegerField()), 0)


def _after(seconds: float) -> CombinedExpression:
    return F("ended_at") + timedelta(seconds=seconds)
