"""The store against a model in plain Python: whatever owners, nodes and time do, in any order."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.plugin import DjangoDbBlocker
from support.store_world import LEASE, NOW, Database, World

from calldron.dialer.ports import Claim
from calldron.domain.batch import BatchState, BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome
from calldron.store.progress import MOST_RETURNS

AGAIN = {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.FAILED}


@dataclass
class ModelBatch:
    """What its owner knows of a batch."""

    kind: BatchType
    attempts: int
    delay: int
    opens: int  # hour of the day, UTC
    closes: int
    patience: int | None = None  # seconds after a busy one, where it has its own
    state: BatchState = BatchState.RUNNING
    deleting: bool = False


@dataclass
class ModelCall:
    """What must be true of a call."""

    batch: ModelBatch
    due: datetime | None
    status: str = "queued"
    client: int = 0
    operator: int = 0
    final: bool = False
    cancelled: bool = False
    stopped: bool = False  # its number is on the stop list
    returns: int = 0
    held: Claim | None = None
    held_dials: Counter[Role] = field(default_factory=Counter)  # of the attempt that is open
    lease_until: datetime = NOW

    @property
    def withdrawn(self) -> bool:
        return self.cancelled or self.batch.deleting or self.batch.state is BatchState.STOPPED

    def can_be_dialled(self) -> bool:
        if self.batch.kind is BatchType.CALLBACK and self.operator >= self.batch.attempts:
            return False  # these batches have no intro
        return self.client < self.batch.attempts

    @property
    def is_to_end(self) -> bool:
        """Whether a claim that comes upon it ends it."""
        return self.stopped or not self.can_be_dialled()

    def may_go(self, now: datetime) -> bool:
        batch = self.batch
        if batch.state is not BatchState.RUNNING or batch.deleting or self.due is None or self.due > now:
            return False
        hour = now.hour
        if batch.opens == batch.closes:
            return True
        if batch.opens < batch.closes:
            return batch.opens <= hour < batch.closes
        return hour >= batch.opens or hour < batch.closes


class StoreMachine(RuleBasedStateMachine):
    """Two nodes; batches that are made, switched and deleted; calls that end in every way."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.world = World(database.fresh())
        self.nodes = [self.world.node(), self.world.node()]
        self.now = NOW
        self.batches: dict[int, ModelBatch] = {}
        self.calls: dict[int, ModelCall] = {}

    def teardown(self) -> None:
        self.world.close()
        self.database.drop(self.world.alias)

    # owners

    @initialize(kind=st.sampled_from(BatchType))
    def begin(self, kind: BatchType) -> None:
        self._add(kind, calls=4, attempts=2, delay=0, hours=(0, 0), patience=None)

    @rule(
        kind=st.sampled_from(BatchType),
        calls=st.integers(1, 6),
        attempts=st.integers(1, 3),
        delay=st.sampled_from([0, 60, 7_200]),
        hours=st.sampled_from([(0, 0), (9, 21), (13, 15), (22, 6)]),
        patience=st.sampled_from([None, 1, 600]),
    )
    def add_batch(
        self, kind: BatchType, calls: int, attempts: int, delay: int, hours: tuple[int, int], patience: int | None
    ) -> None:
        self._add(kind, calls, attempts, delay, hours, patience)

    def _add(
        self, kind: BatchType, calls: int, attempts: int, delay: int, hours: tuple[int, int], patience: int | None
    ) -> None:
        row = self.world.add_batch(
            type=kind,
            callback="+74950000002",
            attempts=attempts,
            call_delay=delay,
            minute_from=hours[0] * 60,
            minute_to=hours[1] * 60,
            retry={} if patience is None else {"busy": {"delay": patience}},
        )
        self.batches[row.pk] = ModelBatch(kind, attempts, delay, *hours, patience)
        self.world.add_calls(row, calls, due=self.now)
        for call in self.world.calls(batch=row):
            self.calls[call.pk] = ModelCall(self.batches[row.pk], self.now)

    @precondition(lambda self: self.batches)
    @rule(
        data=st.data(), attempts=st.integers(1, 3), what=st.sampled_from(["attempts", "attempts", "switch", "delete"])
    )
    def owner_acts(self, data: st.DataObject, attempts: int, what: str) -> None:
        batch_id = data.draw(st.sampled_from(sorted(self.batches)))
        if what == "attempts":
            self.batches[batch_id].attempts = attempts
            self.world.batches().filter(pk=batch_id).update(attempts=attempts, wait_until=None)
        elif what == "switch":
            states = [BatchState.RUNNING, BatchState.RUNNING, BatchState.PAUSED, BatchState.STOPPED]
            self._switch(batch_id, data.draw(st.sampled_from(states)))
        else:
            self.batches[batch_id].deleting = True
            self.world.batches().filter(pk=batch_id).update(deleting=True, wait_until=None)

    def _switch(self, batch_id: int, to: BatchState) -> None:
        batch = self.batches[batch_id]
        row = self.world.batches().get(pk=batch_id)
        if batch.state is BatchState.STOPPED or row.state == BatchState.FINISHED:
            return
        batch.state = to
        if to is not BatchState.STOPPED:
            self.world.change(row, state=to)
            return
        self.world.stop(row)
        for call in self.calls.values():
            if call.batch is batch and call.due is not None:
                call.final, call.due, call.status = True, None, "canceled"

    @precondition(lambda self: any(call.held for call in self.calls.values()))
    @rule(data=st.data())
    def cancel_what_is_up(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self._held()))
        self.calls[number].cancelled = True
        self.world.calls(pk=number).update(cancelled=True)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def stop_a_number(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.calls)))
        if not self.calls[number].stopped:
            self.calls[number].stopped = True
            self.world.add_stop(self.world.calls(pk=number).get().number)

    def _held(self) -> list[int]:
        return sorted(number for number, call in self.calls.items() if call.held)

    # time

    @rule(seconds=st.sampled_from([1, 20, 60, 3_600, 5 * 3_600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # nodes

    @rule(node=st.integers(0, 1), room=st.integers(1, 8) | st.just(50))
    def claim(self, node: int, room: int) -> None:
        claims = self.nodes[node].claim(room, self.now)
        for call in self.calls.values():
            if call.may_go(self.now) and call.is_to_end:
                self._may_have_ended(call)
        ready = {number for number, call in self.calls.items() if call.may_go(self.now) and not call.is_to_end}
        taken = [claim.call_id for claim in claims]
        assert len(taken) == len(set(taken)) == min(room, len(ready))
        assert set(taken) <= ready
        urgent = {number for number in ready if self.calls[number].batch.kind is not BatchType.BATCH}
        assert len(urgent & set(taken)) == min(room, len(urgent)), "instant and callback go first"
        for claim in claims:
            self._taken(self.calls[claim.call_id], claim)
        if len(claims) < room:
            assert self._next_due(node) == self._expected_due()

    def _taken(self, call: ModelCall, claim: Claim) -> None:
        operator_first = call.batch.kind is BatchType.CALLBACK
        assert claim.first is (Role.OPERATOR if operator_first else Role.CLIENT)
        assert claim.plan.client_tries == call.batch.attempts - call.client
        assert claim.plan.operator_tries == max(0, call.batch.attempts - call.operator)
        call.client += not operator_first
        call.operator += operator_first
        call.held, call.due, call.status, call.lease_until = claim, None, "dialing", self.now + LEASE
        call.held_dials = Counter([claim.first])

    def _may_have_ended(self, call: ModelCall) -> None:
        """A claim ends calls that must not be dialled when it comes upon them, which depends on its room."""
        row = self.world.calls(pk=next(number for number, one in self.calls.items() if one is call)).get()
        if not row.final:
            return
        call.final, call.due = True, None
        if call.stopped:
            call.status = "canceled"
        elif call.status == "queued":
            call.status = "expired"

    def _next_due(self, node: int) -> datetime | None:
        return self.nodes[node].next_due(self.now)

    def _expected_due(self) -> datetime | None:
        """When time alone lets the next call go; a closed window is tried hour by hour."""
        waiting = [
            call for call in self.calls.values()
            if call.due and call.batch.state is BatchState.RUNNING and not call.batch.deleting
        ]  # fmt: skip
        moments = []
        for batch in {id(call.batch): call.batch for call in waiting}.values():
            calls = [call for call in waiting if call.batch is batch]
            hour = self.now.replace(minute=0, second=0, microsecond=0)
            probe = ModelCall(batch, self.now)
            if not probe.may_go(self.now):  # a closed window hides when its calls are due
                moments.append(next(at for step in range(1, 25) if probe.may_go(at := hour + timedelta(hours=step))))
            else:
                moments.append(min(call.due for call in calls if call.due))
        return min(moments, default=None)

    @precondition(lambda self: any(call.held for call in self.calls.values()))
    @rule(data=st.data(), outcome=st.sampled_from(sorted(AGAIN)) | st.sampled_from(Outcome), node=st.integers(0, 1))
    def finish(self, data: st.DataObject, outcome: Outcome, node: int) -> None:
        for number in data.draw(st.lists(st.sampled_from(self._held()), min_size=1, unique=True)):
            self._finish(self.calls[number], outcome, node)

    def _finish(self, call: ModelCall, outcome: Outcome, node: int) -> None:
        assert call.held
        assert self.nodes[node].finish(call.held, outcome, self.now, fault=Fault.CALLEE)
        call.held, call.status = None, outcome.value
        if outcome in AGAIN and call.can_be_dialled() and not call.withdrawn:
            own = call.batch.patience if outcome is Outcome.BUSY else None
            call.due = self.now + timedelta(seconds=call.batch.delay if own is None else own)
        else:
            call.final = True

    @precondition(lambda self: any(call.held for call in self.calls.values()))
    @rule(data=st.data(), node=st.integers(0, 1))
    def trunk_refuses(self, data: st.DataObject, node: int) -> None:
        call = self.calls[data.draw(st.sampled_from(self._held()))]
        assert call.held
        if call.withdrawn or call.returns >= MOST_RETURNS:
            return
        assert self.nodes[node].finish(call.held, Outcome.FAILED, self.now, fault=Fault.TRUNK, refused=True)
        call.client -= call.held_dials[Role.CLIENT]
        call.operator -= call.held_dials[Role.OPERATOR]
        call.held, call.status, call.due = None, "failed", self.now + timedelta(seconds=1)
        call.returns += 1

    @rule(
        node=st.integers(0, 1),
        room=st.integers(1, 8) | st.just(50),
        outcomes=st.lists(st.sampled_from(sorted(AGAIN)), min_size=1, max_size=3),
    )
    def work_in_vain(self, node: int, room: int, outcomes: list[Outcome]) -> None:
        """What a node does most of the time."""
        for outcome in outcomes:
            self.claim(node, room)
            for number in self._held():
                self._finish(self.calls[number], outcome, node)

    @precondition(lambda self: any(call.held for call in self.calls.values()))
    @rule(data=st.data(), role=st.sampled_from(Role), node=st.integers(0, 1))
    def dial_further(self, data: st.DataObject, role: Role, node: int) -> None:
        call = self.calls[data.draw(st.sampled_from(self._held()))]
        assert call.held
        dials = call.client if role is Role.CLIENT else call.operator
        in_window = ModelCall(ModelBatch(call.batch.kind, 1, 0, call.batch.opens, call.batch.closes), self.now).may_go(
            self.now
        )
        allowed = not call.withdrawn and call.batch.state is not BatchState.PAUSED and dials < call.batch.attempts
        allowed &= role is Role.OPERATOR or (in_window and not call.stopped)
        leg = self.nodes[node].intend(call.held, role, self.now)
        assert (leg is not None) is allowed
        call.held_dials[role] += allowed
        if allowed and role is Role.CLIENT:
            call.client += 1
        elif allowed:
            call.operator += 1

    @rule()
    def rescue(self) -> None:
        orphans = {one.call_id for one in self.nodes[0].rescue(self.now)}
        late = {number for number, call in self.calls.items() if call.held and call.lease_until < self.now}
        assert orphans == late
        for number in late:
            call = self.calls[number]
            claim, call.held, call.final, call.status = call.held, None, True, "unknown"
            assert claim
            assert not self.nodes[1].finish(claim, Outcome.BUSY, self.now)

    @rule()
    def expunge(self) -> None:
        self.nodes[0].expunge()
        held = {id(call.batch) for call in self.calls.values() if call.held}
        gone = [number for number, batch in self.batches.items() if batch.deleting and id(batch) not in held]
        assert not self.world.batches().filter(pk__in=gone).exists()
        left = [self.batches.pop(number) for number in gone]
        self.calls = {number: call for number, call in self.calls.items() if all(call.batch is not one for one in left)}

    # what holds at any time

    @invariant()
    def counters_are_exact(self) -> None:
        self.world.check()

    @invariant()
    def calls_are_as_expected(self) -> None:
        rows = {row.pk: row for row in self.world.calls()}
        assert rows.keys() == self.calls.keys()
        for number, call in self.calls.items():
            row = rows[number]
            seen = (row.status, row.final, row.due_at, row.client_dials, row.operator_dials)
            assert seen == (call.status, call.final, call.due, call.client, call.operator), f"call {number}"

    @invariant()
    def withdrawals_are_known(self) -> None:
        expected = {call.held.attempt_id for call in self.calls.values() if call.held and call.withdrawn}
        assert {one.attempt_id for node in self.nodes for one in node.withdrawn()} == expected


def test_the_store_does_what_the_model_does(database: Database, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        run_state_machine_as_test(
            lambda: StoreMachine(database),
            settings=settings(
                max_examples=25,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
