"""Calls in the database without a dialler having made them: by the million, in the states in which they really lie.

The statements are the same for both databases, but for adding to a time. Django has to be set up before anything here
is called.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

NUMBERS: Final = 1_000_000
"""Different numbers; with more calls than that, they come again."""

A_DAY: Final = 100_000
"""Calls that were made in one day: with more of them, the history goes further back."""

# Of ten calls that were made: one waits for its next try, two were tried twice.
_WAITS, _TWICE, _BUSY = 9, 7, 6

_Params = dict[str, int | datetime]


def account() -> int:
    """An account with limits and a stop list, and a trunk, both with room for whatever is measured."""
    from calldron.store.models import Account, StopNumber, TrunkRow

    made = Account.objects.create(name="Bench", quota_day=100, quota_week=500)
    TrunkRow.objects.create(name="bench", host="192.0.2.1", cps=1_000_000, channels=1_000_000)
    now = datetime.now(UTC)
    StopNumber.objects.bulk_create(
        (StopNumber(account=made, number=f"+7800{number:07}", created_at=now) for number in range(10_000)),
        batch_size=1_000,
    )
    return made.pk


def due(account_id: int, batches: int, calls: int, *, kind: str = "batch", skip: int = 0) -> list[int]:
    """So many running batches that share so many calls, due now; their ids. Each calls the same numbers, from the one
    after ``skip`` others."""
    return [_batch(account_id, calls // batches, kind, skip) for _ in range(batches)]


def history(account_id: int, calls: int, *, before: int = 0) -> None:
    """A batch of so many calls that were made over the last days, with their attempts and legs. ``before``: calls of
    the history that are there already; numbers go on from theirs, and days back from theirs."""
    now = datetime.now(UTC) - timedelta(days=before // A_DAY)
    batch = _row(account_id, "batch", calls)
    params: _Params = {
        **{"batch": batch, "account": account_id, "numbers": NUMBERS, "calls": calls, "skip": before},
        **{"unfinished": calls // 10, "waits": _WAITS, "twice": _TWICE, "busy": _BUSY},
        "other": now - timedelta(days=4),
        "at": now - timedelta(days=3),
        "end": now - timedelta(days=3) + timedelta(seconds=20),
        "again": datetime.now(UTC) + timedelta(days=1),
    }
    for sql in (_MADE, _attempts(), _LEGS, _RETRIES_WAIT):
        _execute(sql, params)


def analyze() -> None:
    """Bring the database's knowledge of its own tables up to date, as it does by itself after a while."""
    _execute("ANALYZE", {})


def _batch(account_id: int, calls: int, kind: str, skip: int) -> int:
    batch = _row(account_id, kind, calls)
    now = datetime.now(UTC)
    numbers = {"numbers": NUMBERS, "calls": calls, "skip": skip}
    _execute(_DUE, {"batch": batch, "account": account_id, **numbers, "at": now})
    return batch


def _row(account_id: int, kind: str, calls: int) -> int:
    from calldron.store.models import Batch

    made = Batch.objects.create(
        account_id=account_id,
        type=kind,
        state="running",
        attempts=3,
        time_zone="UTC",
        callback="+74950000000",
        total=calls,
        unfinished=calls,
    )
    return made.pk


def _execute(sql: str, params: _Params) -> None:
    from django.db import connection, transaction

    adapt = connection.ops.adapt_datetimefield_value
    adapted = {name: adapt(value) if isinstance(value, datetime) else value for name, value in params.items()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, adapted)


_UP_TO = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %(calls)s) "
_NUMBER = "'+7' || CAST(9000000000 + CAST(n.i + %(skip)s AS bigint) * 7919 %% %(numbers)s AS varchar(16))"

_DUE = f"""
INSERT INTO store_call (batch_id, account_id, number, suspect, status, final, digits, due_at,
    client_dials, operator_dials, cancelled, recording, created_at)
{_UP_TO}
SELECT %(batch)s, %(account)s, {_NUMBER}, FALSE, 'queued', FALSE, '', %(at)s, 0, 0, FALSE, '', %(at)s FROM n
"""  # noqa: S608 - made of constants

_MADE = f"""
INSERT INTO store_call (batch_id, account_id, number, suspect, status, result, final, digits, due_at,
    client_dials, operator_dials, cancelled, dialed_at, ended_at, talk, recording, created_at)
{_UP_TO}
SELECT %(batch)s, %(account)s, {_NUMBER}, FALSE,
    CASE WHEN n.i %% 10 < %(busy)s THEN 'answered' WHEN n.i %% 10 = %(busy)s THEN 'busy' ELSE 'no_answer' END,
    CASE WHEN n.i %% 10 < %(busy)s THEN 'confirmed' END,
    n.i %% 10 <> %(waits)s, '', CASE WHEN n.i %% 10 = %(waits)s THEN %(again)s END,
    CASE WHEN n.i %% 10 IN (%(twice)s, 8) THEN 2 ELSE 1 END, 0, FALSE, %(at)s, %(end)s,
    CASE WHEN n.i %% 10 < %(busy)s THEN 12.5 END, CASE WHEN n.i %% 10 < %(busy)s THEN '1/1/call.mp3' ELSE '' END,
    %(at)s
FROM n
"""  # noqa: S608 - made of constants

# Twenty attempts began each second.
_LATER = {
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', {at}, '+' || (c.id %% 1000000 / 20.0) || ' seconds')",
    "postgresql": "{at} + (c.id %% 1000000 / 20.0) * INTERVAL '1 second'",
}


def _attempts() -> str:
    from django.db import connection

    later = _LATER[connection.vendor]
    return _ATTEMPTS.format(**{name: later.format(at=f"%({name})s") for name in ("other", "at", "end")})


_ATTEMPTS = """
INSERT INTO store_attempt (call_id, batch_id, account_id, number_of_try, node, lease, lease_until, trunk_id, channels,
    started_at, ended_at, outcome, result, fault, sip_code, digits, talk, recording)
SELECT c.id, c.batch_id, c.account_id, n.i, 'bench', c.id, {end}, (SELECT MIN(id) FROM store_trunkrow), 1,
    CASE WHEN n.i < c.client_dials THEN {other} ELSE {at} END, {end}, c.status, c.result, '', 200, '', c.talk,
    c.recording
FROM store_call c JOIN (SELECT 1 AS i UNION ALL SELECT 2) n ON n.i <= c.client_dials
WHERE c.batch_id = %(batch)s
"""

_LEGS = """
INSERT INTO store_legrow (attempt_id, role, number, trunk_id, intended_at, ringing_at, answered_at, ended_at,
    sip_code, ended_by, outcome, fault)
SELECT a.id, 'client', c.number, a.trunk_id, a.started_at, a.started_at,
    CASE WHEN a.outcome = 'answered' THEN a.started_at END, a.ended_at, 200, 'local', a.outcome, ''
FROM store_attempt a JOIN store_call c ON c.id = a.call_id WHERE a.batch_id = %(batch)s
"""

_RETRIES_WAIT = "UPDATE store_batch SET unfinished = %(unfinished)s, wait_until = %(again)s WHERE id = %(batch)s"
