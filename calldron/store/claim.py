"""Taking calls: from batches that have their turn to committed intents, in one transaction.

Everything that could forbid a dial is looked at inside that transaction, and what the dial spends (a try of the number,
a channel, a call of the rate) is spent in it, so that neither two nodes nor a crash between the two can break a limit.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.dialer.ports import Claim, Trunk
from calldron.domain.events import Role
from calldron.domain.retry import Dials
from calldron.domain.rule import Hold
from calldron.store import counters, turns
from calldron.store.gate import Gate, asks_each
from calldron.store.limits import CHANNEL_LOOK, Limits
from calldron.store.lines import Lines, Passed, no_time
from calldron.store.session import Row, Session, moment
from calldron.store.turns import Turn

# A batch that no trunk could carry (one channel where two are needed) is looked at again when trunks may have changed.
_ASIDE = timedelta(minutes=1)

_BATCHES_A_LOOK = 20
_CALLS_A_LOOK = 100  # of a batch of which calls were held one by one
_LOOKS = 2_000  # calls that one claim may look at: who waits for the trunks waits for it


@dataclass(frozen=True, slots=True)
class Taken:
    """What one claim took. ``wants``: channels the next call needs that no trunk had; 0 where nothing was refused."""

    claims: list[Claim]
    wants: int


@dataclass(frozen=True, slots=True)
class _Pick:
    """A due call that goes out."""

    batch: Turn
    call_id: int
    number: str
    dials: Dials
    first: Role
    trunk: Trunk


def claim(
    session: Session, node: str, now: datetime, lease_until: datetime, room: int, *, passed: Passed = no_time
) -> Taken:
    """Take up to ``room`` calls for ``node``. Without a trunk nothing is taken."""
    taking = _Taking(session, node, now, lease_until, room, passed)
    if taking.lines.any:
        for urgent in (True, False):
            taking.take(urgent=urgent)
    taking.save()
    return Taken(taking.claims, taking.wants)


class _Taking:
    """A claim while it is made."""

    def __init__(
        self, session: Session, node: str, asked_at: datetime, lease_until: datetime, room: int, passed: Passed
    ) -> None:
        self.lines = Lines.load(session, asked_at, passed=passed)
        now = self.lines.now
        self.claims: list[Claim] = []
        self.wants = 0
        self._limits = Limits(self.lines.holdings, now)
        self._gates: dict[int, Gate] = {}  # by account
        self._session = session
        self._node = node
        self._now = now
        self._lease_until = lease_until
        self._room = room
        self._looks = _LOOKS
        self._held_up: set[int] = set()  # batches of which calls were held: more of them are looked at next
        self._picks: list[_Pick] = []  # chosen in this round and not written yet
        self._served = int(now.timestamp() * 1_000_000)

    def take(self, *, urgent: bool) -> None:
        """Share the room evenly between the batches of one priority; what some leave goes to the others."""
        while self._may_go_on():
            batches = turns.ready(self._session, self._now, urgent=urgent, limit=max(self._room, _BATCHES_A_LOOK))
            if not batches:
                return
            share = -(-self._room // len(batches))
            for batch in batches:
                if self._may_go_on():
                    self._serve(batch, min(share, self._room))
            self._dial()

    def save(self) -> None:
        """Write down what was spent."""
        self.lines.save(self._session)
        self._limits.save(self._session)

    def _may_go_on(self) -> bool:
        return self._room > 0 and self._looks > 0 and not self.wants

    def _serve(self, batch: Turn, share: int) -> None:
        """Take up to ``share`` calls of a batch. Where it has no more that may go now, say when to look at it again."""
        if not batch.hours.by_callee:
            window = batch.hours.window("")
            if not window.is_open(self._now):
                self._wait(batch, window.opens_at(self._now))
                return
        self._limits.know(batch.id, batch.account_id, batch.limit, batch.account_limit)
        look = max(share, _CALLS_A_LOOK) if batch.id in self._held_up else share
        due = self._session.rows(_DUE + self._session.lock_free_of("c"), batch.id, self._now, look)
        serving = _Serving(self, batch, share)
        serving.serve(due)
        self._end(batch, serving.exhausted, _EXHAUSTED)
        self._end(batch, serving.stopped, _STOPPED)
        self._session.run_each(_HELD, [(hold.until, hold.rule.value, call) for call, hold in serving.held])
        if serving.held:
            self._held_up.add(batch.id)
        self._looks -= len(due)
        if serving.aside is not None:
            self._wait(batch, serving.aside)
        elif len(due) < look and serving.seen == len(due) and not self.wants:
            self._wait(batch, self._next_due(batch))

    def gate(self, batch: Turn) -> Gate:
        """What asks about the numbers of this batch's account."""
        gate = self._gates.get(batch.account_id)
        if gate is None:
            gate = self._gates[batch.account_id] = Gate(self._session, batch.account_id, batch.quota, self._now)
        return gate

    def pick(self, batch: Turn, call_id: int, number: str, dials: Dials, first: Role) -> datetime | None:
        """Choose a call to go out, if trunks and limits let it; else when to look again: ``None`` where it was chosen,
        or where trunks alone are in the way."""
        hold = self._limits.hold(batch.id, batch.account_id, dials.channels)
        if hold is not None:
            if not self._limits.could_ever_take(batch.id, batch.account_id, dials.channels):
                return self._now + _ASIDE
            return hold.until or self._now + CHANNEL_LOOK
        trunk = self.lines.take(dials.channels, batch.only_trunk)
        if trunk is None:
            if not self.lines.could_ever_take(dials.channels, batch.only_trunk):
                return self._now + _ASIDE
            if batch.only_trunk is not None:  # other calls have other trunks
                return self.lines.ready_at(dials.channels, batch.only_trunk) or self._now + CHANNEL_LOOK
            self.wants = dials.channels
            return None
        self._limits.spend(batch.id, batch.account_id, dials.channels)
        if first is Role.CLIENT:
            self.gate(batch).dialled(number)
        self._picks.append(_Pick(batch, call_id, number, dials, first, trunk))
        self._room -= 1
        return None

    def _dial(self) -> None:
        picks, self._picks = self._picks, []
        for role, sql in _DIALLED.items():
            calls = [pick.call_id for pick in picks if pick.first is role]
            if calls:
                self._session.run(sql, self._now, calls)
        leases = {pick.call_id: secrets.randbits(62) for pick in picks}
        attempts = self._insert_attempts(picks, leases)
        legs = self._insert_legs(picks, attempts)
        batches = list(dict.fromkeys(pick.batch.id for pick in picks))
        # Whoever was served first in this claim comes first in the next.
        self._session.run_each(_SERVED, [(self._served + turn, batch) for turn, batch in enumerate(batches)])
        self._served += len(batches)
        for pick in picks:
            attempt = attempts[pick.call_id]
            self.claims.append(_claim(pick, attempt, leases[pick.call_id], legs[attempt], self.lines.waited))

    def _insert_attempts(self, picks: list[_Pick], leases: dict[int, int]) -> dict[int, int]:
        """The attempt of each call."""
        dialled = [pick.call_id for pick in picks if pick.dials.client or pick.dials.operator]
        before: dict[int, int] = dict(self._session.rows(_TRIES, dialled)) if dialled else {}
        rows = [
            (
                pick.call_id,
                pick.batch.id,
                pick.batch.account_id,
                before.get(pick.call_id, 0) + 1,
                self._node,
                leases[pick.call_id],
                self._lease_until,
                pick.trunk.id,
                pick.dials.channels,
                self._now,
                *("", "", "", ""),
            )
            for pick in picks
        ]
        return dict(self._session.insert(_ATTEMPT, rows, "call_id, id"))

    def _insert_legs(self, picks: list[_Pick], attempts: dict[int, int]) -> dict[int, int]:
        """The first leg of each attempt."""
        rows = [
            (
                attempts[pick.call_id],
                pick.first.value,
                pick.number if pick.first is Role.CLIENT else pick.batch.operator,
                pick.trunk.id,
                self._now,
                *("", "", ""),
            )
            for pick in picks
        ]
        return dict(self._session.insert(LEG, rows, "attempt_id, id"))

    def _end(self, batch: Turn, calls: list[int], sql: str) -> None:
        if calls:
            self._session.run(sql, self._now, calls)
            counters.calls_ended(self._session, {batch.id: len(calls)}, self._now)

    def _next_due(self, batch: Turn) -> datetime:
        row = self._session.row(_NEXT_DUE, batch.id, self._now)
        due = moment(row[0]) if row else None
        if due is None:
            counters.finish(self._session, [batch.id], self._now)
        return due or counters.NEVER

    def _wait(self, batch: Turn, until: datetime | None) -> None:
        self._session.run("UPDATE store_batch SET wait_until = %s WHERE id = %s", until or counters.NEVER, batch.id)


class _Serving:
    """The due calls of one batch, gone through in their order."""

    def __init__(self, taking: _Taking, batch: Turn, share: int) -> None:
        self.exhausted: list[int] = []  # without a dial left
        self.stopped: list[int] = []  # on the stop list
        self.held: list[tuple[int, Hold]] = []
        self.aside: datetime | None = None  # when to look at the batch again, where more of it may not go now
        self.seen = 0
        self._taking = taking
        self._batch = batch
        self._share = share

    def serve(self, due: list[Row]) -> None:
        """Choose up to the share of them."""
        gate = self._taking.gate(self._batch)
        gate.know(row[1] for row in due)
        for call_id, number, client, operator, stopped in due:
            if not self._share or self._taking.wants or self.aside is not None:
                return
            self.seen += 1
            dials = self._batch.dials(client, operator)
            if stopped:
                self.stopped.append(call_id)
            elif dials.first is None:  # ``attempts`` was lowered, or what was to be played or rung was taken away
                self.exhausted.append(call_id)
            elif asks_each(self._batch) and (hold := gate.hold(self._batch.hours, number)) is not None:
                self.held.append((call_id, hold))
            else:
                self._share -= 1
                self.aside = self._taking.pick(self._batch, call_id, number, dials, dials.first)


def _claim(pick: _Pick, attempt_id: int, lease: int, leg_id: int, wait: float) -> Claim:
    batch = pick.batch
    return Claim(
        attempt_id=attempt_id,
        call_id=pick.call_id,
        batch_id=batch.id,
        account_id=batch.account_id,
        lease=lease,
        leg_id=leg_id,
        first=pick.first,
        number=pick.number,
        operator=batch.operator,
        caller_id=batch.caller_id or pick.trunk.caller_id,
        trunk=pick.trunk,
        ring_timeout=float(batch.ring_timeout),
        record=batch.record,
        sound_id=batch.sound_id,
        plan=batch.plan(pick.dials),
        batch_cps=batch.limit.cps,
        account_cps=batch.account_limit.cps,
        window=batch.hours.window(pick.number),
        wait=wait,
    )


def release(session: Session, claims: Iterable[Claim], now: datetime) -> None:
    """Give back calls whose INVITE will not leave: as if they had never been taken."""
    claims = list(claims)
    counters.lock(session, {one.batch_id for one in claims})
    for one in claims:
        session.run("DELETE FROM store_legrow WHERE attempt_id = %s", one.attempt_id)
        session.run("DELETE FROM store_attempt WHERE id = %s", one.attempt_id)
        client = int(one.first is Role.CLIENT)
        session.run(_RELEASED, now, client, 1 - client, one.call_id)
        if session.run(_WITHDRAWN_MEANWHILE, one.call_id):
            counters.calls_ended(session, {one.batch_id: 1}, now)
        else:
            counters.calls_due(session, {one.batch_id: now})


def next_due(session: Session, now: datetime, wants: int) -> datetime | None:
    """When a call that waits for time alone may go out. ``wants``: see ``Taken``."""
    waiting = turns.next_wait(session, now)
    if not turns.any_ready(session, now):
        return waiting
    free = Lines.load(session, now, lock=False).ready_at(max(1, wants))
    return min((at for at in (waiting, free) if at is not None), default=None)


LEG = "store_legrow (attempt_id, role, number, trunk_id, intended_at, ended_by, outcome, fault)"

_ATTEMPT = """
store_attempt (call_id, batch_id, account_id, number_of_try, node, lease, lease_until, trunk_id, channels, started_at,
    outcome, fault, digits, recording)
"""

# An EXISTS here would have PostgreSQL read the whole stop list for each batch (a hashed subplan).
_DUE = """
SELECT c.id, c.number, c.client_dials, c.operator_dials,
    (SELECT 1 FROM store_stopnumber s WHERE s.account_id = c.account_id AND s.number = c.number LIMIT 1) IS NOT NULL
FROM store_call c
WHERE c.batch_id = %s AND c.due_at <= %s ORDER BY c.due_at, c.id LIMIT %s
"""

_NEXT_DUE = "SELECT MIN(due_at) FROM store_call WHERE batch_id = %s AND due_at > %s"

_SERVED = "UPDATE store_batch SET served = %s, dialed = TRUE WHERE id = %s"

_TRIES = "SELECT call_id, COUNT(*) FROM store_attempt WHERE call_id IN %s GROUP BY call_id"

_DIALLED = {
    Role.CLIENT: """
UPDATE store_call SET status = 'dialing', due_at = NULL, held_by = '', dialed_at = %s, ended_at = NULL,
    client_dials = client_dials + 1
WHERE id IN %s
""",
    Role.OPERATOR: """
UPDATE store_call SET status = 'dialing', due_at = NULL, held_by = '', dialed_at = %s, ended_at = NULL,
    operator_dials = operator_dials + 1
WHERE id IN %s
""",
}

_HELD = "UPDATE store_call SET due_at = %s, held_by = %s WHERE id = %s"

# Calls without a dial left are final as they stand, ``expired`` where they were never dialled.
_EXHAUSTED = """
UPDATE store_call SET final = TRUE, due_at = NULL, held_by = '', closed_by = 'attempts',
    ended_at = COALESCE(ended_at, %s),
    status = CASE WHEN status = 'queued' THEN 'expired' ELSE status END
WHERE id IN %s
"""

_STOPPED = """
UPDATE store_call SET final = TRUE, due_at = NULL, held_by = '', closed_by = 'stop_list',
    ended_at = COALESCE(ended_at, %s), status = 'canceled'
WHERE id IN %s
"""

# A call that was tried before shows its last attempt again.
_RELEASED = """
UPDATE store_call SET due_at = %s, client_dials = client_dials - %s, operator_dials = operator_dials - %s,
    status = COALESCE(
        (SELECT outcome FROM store_attempt WHERE call_id = store_call.id ORDER BY id DESC LIMIT 1), 'queued'),
    dialed_at = (SELECT started_at FROM store_attempt WHERE call_id = store_call.id ORDER BY id DESC LIMIT 1),
    ended_at = (SELECT ended_at FROM store_attempt WHERE call_id = store_call.id ORDER BY id DESC LIMIT 1)
WHERE id = %s
"""

_WITHDRAWN_MEANWHILE = """
UPDATE store_call SET final = TRUE, due_at = NULL, status = 'canceled'
WHERE id = %s AND (cancelled
    OR EXISTS (SELECT 1 FROM store_batch b WHERE b.id = batch_id AND (b.deleting OR b.state = 'stopped')))
"""
