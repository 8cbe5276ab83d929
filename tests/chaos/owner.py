"""The owner of the batches: a client of the API that repeats what got no answer and remembers what it was promised."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from calldron.domain.zones import zone
from chaos.intro import INTRO
from chaos.plan import Act, BatchPlan, Deed, Hours
from chaos.site import Site

_INSISTS = 120.0
"""Seconds for which a request is repeated: as long as a machine under load may take to start a web server."""

_GIVES_WAY = 4.0
"""Seconds for which a request is repeated while the API says that the first one is being worked on. Where the server
died in the middle of it, that goes on for minutes."""


@dataclass(slots=True)
class Added:
    """Calls that were asked for. ``ids``: what a 2xx promised; ``None``: no 2xx came, so all or none of them exist."""

    numbers: tuple[str, ...]
    ids: list[str] | None = None


@dataclass(slots=True)
class Switched:
    """A switch that the API confirmed. Unix seconds by the carrier's clock."""

    deed: Deed
    asked: float
    done: float


@dataclass(slots=True)
class Owned:
    """A batch. ``opens`` and ``closes``: its window by the carrier's clock. ``taken_back``: when, by number.
    ``attempts``: the most that there ever were. ``before_stop``: its calls, where the round stops it in the end since
    they wait for another day. ``says`` and ``calls``: what the API says once all is at rest, nothing
    of a batch that was deleted."""

    plan: BatchPlan
    id: str
    opens: float | None = None
    closes: float | None = None
    added: list[Added] = field(default_factory=list)
    switched: list[Switched] = field(default_factory=list)
    taken_back: dict[str, float] = field(default_factory=dict)
    deleted: float | None = None
    attempts: int = 0
    before_stop: list[dict[str, Any]] | None = None
    says: dict[str, Any] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.attempts = self.plan.attempts

    @property
    def path(self) -> str:
        """Of the API."""
        return f"/v1/batches/{self.id}"


class Owner:
    """``errors``: answers of 500 and up, with their time; ``refused``: what was asked and not granted, in words."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.batches: list[Owned] = []
        self.errors: list[tuple[float, str]] = []
        self._key = 0

    async def create(self, plan: BatchPlan) -> None:
        """Make a batch, and its first calls."""
        body: dict[str, Any] = {
            "type": plan.kind,
            "attempts": plan.attempts,
            "call_delay": plan.call_delay,
            "ring_timeout": 5,
            "callback": plan.operator and f"+{plan.operator}",
            "timeout_before_intro_callback": 2,
            "cps": plan.cps,
            "channels": plan.channels,
            "time_zone": plan.zone,
            "time_from": "00:00",
            "time_to": "00:00",
        }
        if plan.intro:
            body |= {"intro": INTRO, "intro_filename": "intro.wav"}
        owned = Owned(plan, "")
        if plan.hours is not Hours.ALL:
            body |= self._hours(owned)
        answer = await self.insist("POST", "/v1/batches", body)
        assert answer is not None, "no batch could be made"
        assert answer.status_code == 201, answer.text
        owned.id = answer.json()["id"]
        self.batches.append(owned)
        await self.add(owned, plan.numbers)

    def _hours(self, owned: Owned) -> dict[str, str]:
        site = self.site
        edge = site.began + site.plan.edge
        if owned.plan.hours is Hours.OPENS:
            owned.opens = edge
            first, last = 0, 120
        else:
            owned.closes = edge
            first, last = -120, 0
        struck = datetime.fromtimestamp(round(edge + site.offset), UTC).astimezone(_zone(owned.plan.zone))
        return {
            "time_from": (struck + timedelta(minutes=first)).strftime("%H:%M"),
            "time_to": (struck + timedelta(minutes=last)).strftime("%H:%M"),
        }

    async def add(self, owned: Owned, numbers: tuple[str, ...]) -> None:
        """Add calls."""
        added = Added(numbers)
        owned.added.append(added)
        body = [{"phone_number": f"+{number}"} for number in numbers]
        answer = await self.insist("POST", f"{owned.path}/calls", body)
        if answer is not None and answer.status_code == 201:
            made = answer.json()
            added.ids = [one["id"] for one in (made if isinstance(made, list) else [made])]

    async def act(self, owned: Owned, act: Act) -> None:
        """Do what the plan says."""
        match act.deed:
            case Deed.ADD:
                await self.add(owned, act.numbers)
            case Deed.CANCEL | Deed.FORBID:
                await self._take_back(owned, act)
            case Deed.CHANGE:
                owned.attempts = max(owned.attempts, act.attempts)
                await self.insist("PUT", owned.path, {"attempts": act.attempts, "call_delay": act.attempts % 3})
            case Deed.DELETE:
                await self._delete(owned)
            case _:
                await self.switch(owned, act.deed)

    async def switch(self, owned: Owned, deed: Deed) -> None:
        """Pause, resume or stop; a batch that is over refuses it."""
        asked = time.time()
        answer = await self.insist("POST", f"{owned.path}/{deed.value}")
        if answer is not None and answer.is_success:
            owned.switched.append(Switched(deed, asked, time.time()))

    async def _delete(self, owned: Owned) -> None:
        answer = await self.insist("DELETE", owned.path)
        # Where the first answer was lost, it is gone when it is asked for again.
        if answer is not None and (answer.is_success or answer.status_code == 404):
            owned.deleted = time.time()

    async def _take_back(self, owned: Owned, act: Act) -> None:
        first = owned.added[0]
        if first.ids is None:
            return
        number = first.numbers[act.index]
        if act.deed is Deed.CANCEL:
            answer = await self.insist("DELETE", f"{owned.path}/calls/{first.ids[act.index]}")
        else:
            answer = await self.insist("POST", "/v1/stop-list", [{"number": f"+{number}"}])
        if answer is not None and answer.is_success:
            owned.taken_back[number] = time.time()

    async def calls(self, owned: Owned) -> list[dict[str, Any]]:
        """Every call of a batch, as the API shows them."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.shown(f"{owned.path}/calls?limit=100&offset={len(found)}")
            found += page
            if len(page) < 100:
                return found

    async def is_gone(self, owned: Owned) -> bool:
        """Whether the API knows nothing of a batch."""
        answer = await self.insist("GET", owned.path)
        return answer is not None and answer.status_code == 404

    async def shown(self, path: str) -> Any:
        """What the API says under a path."""
        answer = await self.insist("GET", path)
        assert answer is not None, f"{path} can't be read"
        assert answer.is_success, f"{path} can't be read: {answer.text}"
        return answer.json()

    async def insist(self, method: str, path: str, body: object = None) -> httpx.Response | None:
        """Ask until there is an answer, each time with the same Idempotency-Key; ``None`` where none came."""
        self._key += 1
        headers = {"Idempotency-Key": f"chaos {self._key}"} if method == "POST" else {}
        deadline = time.monotonic() + _INSISTS
        in_progress_until = None
        while time.monotonic() < deadline:
            try:
                answer = await self.site.api.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code >= 500:
                self.errors.append((time.time(), f"{method} {path}: {answer.status_code} {answer.text[:200]}"))
            elif "Retry-After" not in answer.headers:
                return answer
            else:
                in_progress_until = in_progress_until or time.monotonic() + _GIVES_WAY
                if time.monotonic() > in_progress_until:
                    return None
            await asyncio.sleep(0.2)
        return None


def _zone(name: str) -> ZoneInfo:
    return zone(name)
