"""A world for tests of the store: a database of its own, what is in it, and nodes that claim from it."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.db import connections, transaction
from django.db.models import QuerySet

from calldron.dialer.ports import AttemptEnd, Claim, Late, LegIntent, LegProgress, NotNow, Orphan, Permit, Withdrawal
from calldron.domain.batch import BatchState, BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result
from calldron.store.changes import announce
from calldron.store.models import Account, Attempt, Batch, Call, LegRow, NodeRow, Sound, StopNumber, TrunkRow
from calldron.store.queue import SqlStore

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)

Answer = TypeVar("Answer")


class Database(Protocol):
    """An adapter under test: gives migrated databases, each under a Django alias."""

    def fresh(self) -> str:
        """A database with the tables and nothing in them."""

    def environment(self, alias: str) -> dict[str, str]:
        """What makes it the default database of another process."""

    def drop(self, alias: str) -> None:
        """Disconnect from it and throw it away."""


class World:
    """``account`` has one trunk without limits; tests add what they are about."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._runner = asyncio.Runner()
        self._nodes: list[Node] = []
        self.account = self.add_account()
        self.trunk = self.add_trunk()

    def close(self) -> None:
        """Close every node."""
        for node in self._nodes:
            node.close()
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine to its end."""
        return self._runner.run(work)

    # what is in it

    def add_account(self, **fields: object) -> Account:
        return Account.objects.using(self.alias).create(**{"name": "Firm", **fields})

    def add_trunk(self, **fields: object) -> TrunkRow:
        name = f"trunk {TrunkRow.objects.using(self.alias).count() + 1}"
        return TrunkRow.objects.using(self.alias).create(
            **{"name": name, "host": "192.0.2.1", "caller_id": "+74950000001", **fields}
        )

    def add_stop(self, number: str, account: Account | None = None) -> None:
        StopNumber.objects.using(self.alias).create(account=account or self.account, number=number, created_at=NOW)

    def stop_list(self) -> list[tuple[int, str, str]]:
        """Account, number and source of every row."""
        return list(StopNumber.objects.using(self.alias).values_list("account_id", "number", "source"))

    def change_account(self, **fields: object) -> None:
        Account.objects.using(self.alias).filter(pk=self.account.pk).update(**fields)

    def trunks(self) -> QuerySet[TrunkRow]:
        return TrunkRow.objects.using(self.alias)

    def add_sound(self, pcm: bytes = b"\x01\x00") -> Sound:
        return Sound.objects.using(self.alias).create(account=self.account, digest="d", seconds=1, pcm=pcm)

    def add_batch(self, calls: int = 0, **fields: object) -> Batch:
        batch = Batch.objects.using(self.alias).create(
            **{"account": self.account, "state": BatchState.RUNNING, "time_zone": "UTC", **fields}
        )
        if calls:
            self.add_calls(batch, calls)
        return batch

    def add_callback(self, calls: int = 1, *, intro: bool = False, **fields: object) -> Batch:
        sound = {"intro": self.add_sound()} if intro else {}
        return self.add_batch(calls, **{"type": BatchType.CALLBACK, "callback": "+74950000002", **sound, **fields})

    def add_calls(self, batch: Batch, calls: int, due: datetime = NOW) -> None:
        """As ``services.calls`` does it."""
        Call.objects.using(self.alias).bulk_create(
            Call(
                batch_id=batch.pk,
                account_id=batch.account_id,
                number=f"+7916{batch.pk:03}{number:04}",
                due_at=due,
                created_at=NOW,
            )
            for number in range(calls)
        )
        self.batch(batch.pk).update_from(calls)

    def batch(self, batch_id: int) -> "Held":
        return Held(self, batch_id)

    def batches(self) -> QuerySet[Batch]:
        return Batch.objects.using(self.alias)

    def calls(self, **which: object) -> QuerySet[Call]:
        return Call.objects.using(self.alias).filter(**which).order_by("id")

    def attempts(self, **which: object) -> QuerySet[Attempt]:
        return Attempt.objects.using(self.alias).filter(**which).order_by("id")

    def legs(self, **which: object) -> QuerySet[LegRow]:
        return LegRow.objects.using(self.alias).filter(**which).order_by("id")

    def change(self, batch: Batch, **fields: object) -> None:
        """Change a batch as its owner does: the dialer is to look again."""
        with transaction.atomic(using=self.alias):
            self.batches().filter(pk=batch.pk).update(**{"wait_until": None, **fields})
            announce(connections[self.alias])

    def stop(self, batch: Batch) -> None:
        """As ``services.batches.switch`` does it."""
        waiting = self.calls(batch=batch, final=False, due_at__isnull=False)
        ended = waiting.update(final=True, status="canceled", due_at=None)
        row = self.batches().get(pk=batch.pk)
        self.change(batch, state=BatchState.STOPPED, unfinished=row.unfinished - ended)

    def nodes(self) -> QuerySet[NodeRow]:
        return NodeRow.objects.using(self.alias).order_by("name")

    # who works on it

    def node(self, name: str = "") -> "Node":
        node = Node(self, name or f"node-{len(self._nodes) + 1}")
        self._nodes.append(node)
        return node

    # what must hold whatever happened

    def check(self) -> None:
        """Counters are exact, and no call is lost, doubled or dialled too often."""
        for batch in self.batches():
            calls = list(self.calls(batch=batch))
            assert batch.total == len(calls), f"total of batch {batch.pk}"
            assert batch.unfinished == sum(not call.final for call in calls), f"unfinished of batch {batch.pk}"
            if batch.state == BatchState.FINISHED:
                assert batch.unfinished == 0
        open_attempts = Counter(self.attempts(ended_at=None).values_list("call_id", flat=True))
        dials = Counter(self.legs(refused=False).values_list("attempt__call_id", "role"))
        for call in self.calls():
            held = open_attempts[call.pk]
            assert held + call.final + (call.due_at is not None) == 1, f"call {call.pk} is in one place: {vars(call)}"
            assert call.client_dials == dials[call.pk, Role.CLIENT], f"client legs of call {call.pk}"
            assert call.operator_dials == dials[call.pk, Role.OPERATOR], f"operator legs of call {call.pk}"
            if call.final:
                assert call.status not in ("queued", "dialing"), f"call {call.pk} ended as {call.status}"
        assert not self.legs(ended_at=None, attempt__ended_at__isnull=False).exists(), "a leg outlived its attempt"


class Held:
    """A batch as it is in the database now."""

    def __init__(self, world: World, batch_id: int) -> None:
        self._world = world
        self._id = batch_id

    @property
    def now(self) -> Batch:
        return self._world.batches().get(pk=self._id)

    def update_from(self, calls: int) -> None:
        """So many calls were added."""
        row = self.now
        self._world.change(row, total=row.total + calls, unfinished=row.unfinished + calls)


class Node:
    """A dialer's store, driven step by step."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.store = SqlStore(name, database=world.alias, monotonic=lambda: 0.0)
        self._open = True
        world.run(self.store.open())

    def close(self) -> None:
        if self._open:
            self._open = False
            self.world.run(self.store.close())

    def claim(self, room: int = 100, at: datetime = NOW) -> list[Claim]:
        return self.world.run(self.store.claim(at, at + LEASE, room))

    def claim_one(self, at: datetime = NOW) -> Claim:
        (claim,) = self.claim(1, at)
        return claim

    def next_due(self, at: datetime = NOW) -> datetime | None:
        return self.world.run(self.store.next_due(at))

    def intend(self, claim: Claim, role: Role, at: datetime = NOW) -> int | None:
        permit = self.permit(claim, role, at)
        return permit.leg_id if isinstance(permit, Permit) else None

    def permit(self, claim: Claim, role: Role, at: datetime = NOW) -> Permit | NotNow | None:
        number = claim.number if role is Role.CLIENT else claim.operator
        intent = LegIntent(claim.attempt_id, claim.lease, role, number, claim.trunk.id, at)
        (permit,) = self.world.run(self.store.intend([intent]))
        return permit

    def recount(self, claim: Claim, role: Role = Role.CLIENT, at: datetime = NOW) -> float | NotNow | None:
        (wait,) = self.world.run(self.store.recount([Late(claim.attempt_id, claim.lease, role, at)]))
        return wait

    def progress(self, claim: Claim, leg_id: int | None = None, **news: Any) -> None:
        step = LegProgress(leg_id or claim.leg_id, claim.attempt_id, claim.lease, **news)
        self.world.run(self.store.progress([step]))

    def refused(self, claim: Claim, at: datetime = NOW, code: int = 503, **ending: Any) -> None:
        """The trunk refuses the first leg, and so the attempt is over."""
        end = Ending(EndedBy.REMOTE, sip_code=code, **ending)
        self.progress(claim, ended_at=at, ending=end, outcome=Outcome.FAILED, fault=Fault.TRUNK)
        self.finish(claim, Outcome.FAILED, at, fault=Fault.TRUNK, refused=True)

    def carried(self, claim: Claim, at: datetime = NOW) -> None:
        """The trunk reaches a callee, who is busy."""
        end = Ending(EndedBy.REMOTE, sip_code=486, reached=True)
        self.progress(claim, ended_at=at, ending=end, outcome=Outcome.BUSY, fault=Fault.CALLEE)
        self.finish(claim, Outcome.BUSY, at, fault=Fault.CALLEE)

    def leg_ended(self, claim: Claim, leg_id: int | None = None, at: datetime = NOW, code: int = 486) -> None:
        ending = Ending(EndedBy.REMOTE, sip_code=code)
        self.progress(claim, leg_id, ended_at=at, ending=ending, outcome=Outcome.BUSY, fault=Fault.CALLEE)

    def finish(self, claim: Claim, outcome: Outcome = Outcome.ANSWERED, at: datetime = NOW, **more: Any) -> bool:
        (kept,) = self.world.run(self.store.finish([end_of(claim, outcome, at, **more)]))
        return kept

    def renew(self, until: datetime, held: Sequence[Claim] = ()) -> list[int]:
        return self.world.run(self.store.renew([claim.attempt_id for claim in held], until))

    def rescue(self, at: datetime) -> list[Orphan]:
        return self.world.run(self.store.rescue(at))

    def withdrawn(self) -> list[Withdrawal]:
        return self.world.run(self.store.withdrawn())

    def expunge(self) -> list[str]:
        return self.world.run(self.store.expunge())

    def wait_for_change(self, timeout: float) -> bool:
        return self.world.run(self.store.wait_for_change(timeout))

    def work_off(self, at: datetime, outcome: Outcome = Outcome.ANSWERED, rounds: int = 100) -> list[Claim]:
        """Claim and end all that is due at one moment."""
        done: list[Claim] = []
        for _ in range(rounds):
            claims = self.claim(50, at)
            if not claims:
                return done
            self.world.run(self.store.finish([end_of(claim, outcome, at) for claim in claims]))
            done += claims
        raise AssertionError("calls come without end")


def end_of(
    claim: Claim,
    outcome: Outcome = Outcome.ANSWERED,
    at: datetime = NOW,
    *,
    result: Result | None = None,
    fault: Fault = Fault.NONE,
    sip_code: int | None = None,
    digits: str = "",
    talk: float = 0.0,
    refused: bool = False,
) -> AttemptEnd:
    """The end of a claim's attempt."""
    return AttemptEnd(claim.attempt_id, claim.lease, at, outcome, result, fault, sip_code, digits, talk, refused)


async def cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it is over."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
