"""A store in memory that a test can take away, hold up, and read back transaction by transaction."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import count

from calldron.dialer.ports import (
    AttemptEnd,
    Claim,
    Late,
    LegIntent,
    LegProgress,
    NotNow,
    Orphan,
    Permit,
    Recording,
    Trunk,
    Withdrawal,
)
from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.errors import StoreUnavailable
from calldron.domain.events import Role
from calldron.domain.plan import Plan
from calldron.domain.schedule import Window

TRUNK = Trunk(1, "test", "192.0.2.1", 5060)
HANG_UP_AT_ANSWER = Plan(BatchType.BATCH, Confirmation.TIMEOUT)


def claim(
    number: int = 1,
    plan: Plan = HANG_UP_AT_ANSWER,
    *,
    sound_id: int | None = None,
    record: bool = True,
    window: Window | None = None,
) -> Claim:
    """A claimed call; every id is ``number``."""
    first = Role.OPERATOR if plan.kind is BatchType.CALLBACK and plan.operator_tries else Role.CLIENT
    return Claim(
        attempt_id=number,
        call_id=number,
        batch_id=1,
        account_id=1,
        lease=7,
        leg_id=number,
        first=first,
        number="+74950000001",
        operator="+74950000002",
        caller_id="+74950000003",
        trunk=TRUNK,
        ring_timeout=30.0,
        record=record,
        sound_id=sound_id,
        plan=plan,
        window=window,
    )


class MemoryStore:
    """Implements the dialer's ``Store``. ``transactions`` is what was committed, a (name, items) pair each.

    ``away``: how many of the next transactions fail. ``gate``: cleared, transactions wait before they commit.
    ``queue``: calls to be claimed. ``refuses``: further dials may not go out. ``error``: what the next one raises.
    """

    def __init__(self) -> None:
        self.transactions: list[tuple[str, list[object]]] = []
        self.entered: list[str] = []  # transactions begun
        self.away = 0
        self.away_from: set[str] = set()  # what fails whatever ``away`` says
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.queue: list[Claim] = []
        self.due: datetime | None = None
        self.rooms: list[int] = []
        self.refuses = False
        self.holds = False
        self.window: Window | None = None  # of the client, as a further dial is told it
        self.wait = 0.0  # until the rate of the trunk has room for a further dial
        self.ours = True  # what ``finish`` answers
        self.withdrawals: list[Withdrawal] = []
        self.orphans: list[Orphan] = []
        self.unmixed: list[Orphan] = []
        self.deleted: set[int] = set()  # attempts whose batch is gone
        self.lost: set[int] = set()  # attempts whose lease ended
        self.expunged: list[str] = []
        self.sounds: dict[int, bytes] = {}
        self.changed = asyncio.Event()
        self.idle = asyncio.Event()  # ``wait_for_change`` waited long enough
        self._leg_ids = count(1000)

    def committed(self, name: str) -> list[object]:
        """Every item of the transactions of one name."""
        return [item for kind, items in self.transactions if kind == name for item in items]

    async def claim(self, now: datetime, lease_until: datetime, room: int) -> list[Claim]:
        self.rooms.append(room)
        claims, self.queue = self.queue[:room], self.queue[room:]
        try:
            await self._commit("claim", claims)
        except StoreUnavailable:
            self.queue = claims + self.queue
            raise
        return claims

    async def next_due(self, now: datetime) -> datetime | None:
        return self.due

    async def intend(self, intents: Sequence[LegIntent]) -> list[Permit | NotNow | None]:
        await self._commit("intend", intents)
        if self.holds:
            return [NotNow() for _ in intents]
        return [None if self.refuses else Permit(next(self._leg_ids), self.wait, self.window) for _ in intents]

    async def recount(self, late: Sequence[Late]) -> list[float | NotNow | None]:
        await self._commit("recount", late)
        if self.holds:
            return [NotNow() for _ in late]
        if self.refuses:
            return [None for _ in late]
        return [self.wait for _ in late]

    async def progress(self, steps: Sequence[LegProgress]) -> None:
        await self._commit("progress", steps)

    async def finish(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        await self._commit("finish", ends)
        return [self.ours for _ in ends]

    async def attach_recordings(self, finished: Sequence[Recording]) -> list[bool]:
        await self._commit("attach", finished)
        return [one.attempt_id not in self.deleted for one in finished]

    async def renew(self, held: Sequence[int], lease_until: datetime) -> list[int]:
        await self._commit("renew", [lease_until])
        return [attempt for attempt in held if attempt in self.lost]

    async def rescue(self, now: datetime) -> list[Orphan]:
        await self._commit("rescue", [now])
        orphans, self.orphans = self.orphans, []
        self.unmixed += orphans
        return orphans

    async def unrecorded(self, attempts: Sequence[int]) -> list[Orphan]:
        await self._commit("unrecorded", attempts)
        return [orphan for orphan in self.unmixed if orphan.attempt_id in attempts]

    async def withdrawn(self) -> list[Withdrawal]:
        await self._commit("withdrawn", [])
        return list(self.withdrawals)

    async def expunge(self) -> list[str]:
        paths, self.expunged = self.expunged, []
        return paths

    async def sound(self, sound_id: int) -> bytes:
        await self._commit("sound", [sound_id])
        return self.sounds[sound_id]

    async def wait_for_change(self, timeout: float) -> bool:
        waits = [asyncio.create_task(event.wait()) for event in (self.changed, self.idle)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        changed = self.changed.is_set()
        self.changed.clear()
        self.idle.clear()
        return changed

    async def _commit(self, name: str, items: Sequence[object]) -> None:
        self.entered.append(name)
        await asyncio.sleep(0)  # a real store answers from its own thread: never in the same turn of the loop
        await self.gate.wait()
        if self.error:
            raise self.error
        if self.away or name in self.away_from:
            self.away = max(0, self.away - 1)
            raise StoreUnavailable("The database is locked.")
        self.transactions.append((name, list(items)))
