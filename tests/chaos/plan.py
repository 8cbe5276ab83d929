"""What a round does, drawn from its seed: the trunk, the batches, what their owner does, what goes wrong and when.

Moments are seconds from when all batches are made.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

LASTS = 6.0
"""Seconds in which things are done and go wrong; then everything runs again and has to come to rest."""

EDGE = (3.0, 8.0)
"""When the hour strikes at which windows open or close, from the moment at which the first batch is made."""


class What(StrEnum):
    """The kinds of faults."""

    KILL_DIALER = "kill dialer"
    FREEZE_DIALER = "freeze dialer"  # SIGSTOP, SIGCONT
    STOP_DIALER = "stop dialer"  # SIGTERM, waited for, started again
    KILL_CARRIER = "kill carrier"
    REFUSE = "carrier refuses"  # 503 for a while
    FILL_DISK = "fill disk"
    TURN_CLOCK = "turn a dialer's clock"
    KILL_WEB = "kill web"  # while it takes a POST
    KILL_DATABASE = "kill database"
    STOP_DATABASE = "stop database"  # in good order: sessions are broken off


class Deed(StrEnum):
    """What the owner does to a batch."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"  # one of its calls
    FORBID = "forbid"  # one of its numbers: onto the stop list
    ADD = "add"
    CHANGE = "change"  # how many attempts there are, and their delay
    DELETE = "delete"


class Hours(StrEnum):
    """A batch's window: it opens or closes when the hour strikes."""

    ALL = "all"
    OPENS = "opens"
    CLOSES = "closes"


@dataclass(frozen=True, slots=True)
class Fault:
    """``target``: which dialer. ``seconds``: until it is over. ``turn``: by how much a clock is wrong.
    ``numbers``: what is being added to the first batch when the web server dies."""

    at: float
    what: What
    target: int = 0
    seconds: float = 0.0
    turn: float = 0.0
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Something the owner does to a batch. ``index``: which call of it; ``numbers``: what he adds; ``attempts``: how
    many there are from then on."""

    at: float
    deed: Deed
    index: int = 0
    attempts: int = 0
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch. ``numbers`` are its first calls; an ``operator`` is its own, and the first batch of a plan has none.
    ``cps`` and ``channels`` are limits of its own, 0: none."""

    kind: str
    attempts: int
    call_delay: int
    numbers: tuple[str, ...]
    operator: str = ""
    intro: bool = False
    hours: Hours = Hours.ALL
    zone: str = "UTC"
    cps: int = 0
    channels: int = 0
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A round. ``edge``: see ``EDGE``. ``cps`` and ``channels`` are the trunk's, 0: no limit."""

    seed: int
    database: str
    dialers: int
    cps: int
    channels: int
    edge: float
    batches: tuple[BatchPlan, ...]
    faults: tuple[Fault, ...]

    def has(self, *kinds: What) -> bool:
        """Whether any fault is of these kinds."""
        return any(fault.what in kinds for fault in self.faults)

    @property
    def has_hours(self) -> bool:
        """Whether a window opens or closes."""
        return any(batch.hours is not Hours.ALL for batch in self.batches)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this machine lets us do: libfaketime for clocks, mounting for full disks."""

    clocks: bool
    disks: bool

    def allow(self, what: What, database: str) -> bool:
        """Whether a fault can be made."""
        if what in (What.KILL_DATABASE, What.STOP_DATABASE):
            return database == "postgres"
        return (self.clocks or what is not What.TURN_CLOCK) and (self.disks or what is not What.FILL_DISK)


# How often each fault is drawn, in parts.
_SHARES = {
    What.KILL_DIALER: 5,
    What.FREEZE_DIALER: 4,
    What.STOP_DIALER: 2,
    What.KILL_CARRIER: 2,
    What.REFUSE: 1,
    What.FILL_DISK: 2,
    What.TURN_CLOCK: 2,
    What.KILL_WEB: 3,
    What.KILL_DATABASE: 4,
    What.STOP_DATABASE: 1,
}

# Which numbers are called, in parts: see carrier.xml.
_CODES = {"200": 8, "201": 4, "486": 3, "199": 2, "603": 1, "404": 1, "480": 2, "500": 2}

_ZONES = ("UTC", "Moscow", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham")


@dataclass
class _Draw:
    """A seed's chance, and the numbers it gave out: no two calls of a round have the same."""

    chance: random.Random
    serial: "count[int]" = field(default_factory=lambda: count(1))

    def number(self, *codes: str) -> str:
        some = codes or tuple(_CODES)
        code = self.chance.choices(some, [_CODES[one] for one in some])[0]
        ring, talk = self.chance.randint(10, 50), self.chance.randint(2, 20)
        return f"79{code}{ring:02}{talk:02}{next(self.serial):05}"

    def numbers(self, least: int, most: int) -> tuple[str, ...]:
        return tuple(self.number() for _ in range(self.chance.randint(least, most)))

    def moment(self) -> float:
        return round(self.chance.uniform(0.2, LASTS), 2)

    def batch(self, hours: Hours, *, first: bool) -> BatchPlan:
        kind = self.chance.choices(("batch", "instant", "callback"), (4, 3, 0 if first else 3))[0]
        operator = ""
        if not first and (kind == "callback" or self.chance.random() < 0.2):
            operator = self.number("200", "201", "486", "199")
        # One call a callback: then its operator's number is dialled for this call alone.
        numbers = (self.number(),) if operator else self.numbers(4, 16)
        return BatchPlan(
            kind=kind,
            attempts=self.chance.randint(1, 3),
            call_delay=self.chance.randint(0, 2),
            numbers=numbers,
            operator=operator,
            intro=self.chance.random() < 0.4,
            hours=hours,
            zone=self.chance.choice(_ZONES),
            cps=self.chance.choice((0, 0, 2, 5)),
            channels=self.chance.choice((0, 0, 2, 4)),
            acts=self.acts(len(numbers), single=bool(operator), first=first),
        )

    def acts(self, calls: int, *, single: bool, first: bool) -> tuple[Act, ...]:
        acts: list[Act] = []
        if self.chance.random() < 0.3:
            at = self.moment()
            acts.append(Act(at, Deed.PAUSE))
            if self.chance.random() < 0.7:
                acts.append(Act(round(at + self.chance.uniform(0.1, 3), 2), Deed.RESUME))
        elif self.chance.random() < 0.2:
            acts.append(Act(self.moment(), Deed.STOP))
        elif not first and self.chance.random() < 0.1:
            acts.append(Act(self.moment(), Deed.DELETE))
        elif not single and self.chance.random() < 0.5:
            acts.append(Act(self.moment(), Deed.ADD, numbers=self.numbers(1, 6)))
        if self.chance.random() < 0.3:
            deed = self.chance.choice((Deed.CANCEL, Deed.FORBID))
            acts.append(Act(self.moment(), deed, index=self.chance.randrange(calls)))
        if self.chance.random() < 0.2:
            acts.append(Act(self.moment(), Deed.CHANGE, attempts=self.chance.randint(1, 4)))
        return tuple(acts)

    def fault(self, kinds: list[What], dialers: int, at: float) -> Fault:
        what = self.chance.choices(kinds, [_SHARES[kind] for kind in kinds])[0]
        longest = 8.0 if what is What.FREEZE_DIALER else 2.5
        turn = self.chance.choice((-3600.0, 3600.0, -20.0, 20.0))
        seconds = round(self.chance.uniform(0.0 if what is What.KILL_DIALER else 0.5, longest), 2)
        added = self.numbers(1, 6) if what is What.KILL_WEB else ()
        return Fault(at, what, self.chance.randrange(dialers), seconds, turn, added)


def draw(seed: int, database: str, abilities: Abilities) -> Plan:
    """The round of a seed; the same on machines of the same abilities."""
    chance = random.Random(f"{seed} {database}")
    drawn = _Draw(chance)
    dialers = chance.randint(2, 4) if database == "postgres" else 1
    # Nodes on PostgreSQL go by its clock. Elsewhere windows have edges, or the clock by which they open is wrong.
    shared = database == "postgres"
    striking = (abilities.clocks or shared) and chance.random() < 0.4
    kinds = [what for what in What if abilities.allow(what, database)]
    if striking and not shared and What.TURN_CLOCK in kinds:
        kinds.remove(What.TURN_CLOCK)
    moments = [drawn.moment() for _ in range(chance.randint(2, 6))]
    moments += [at for at in moments if chance.random() < 0.25]  # some at once
    faults = [drawn.fault(kinds, dialers, at) for at in sorted(moments)]
    edges = (Hours.OPENS, Hours.CLOSES, Hours.ALL) if striking else (Hours.ALL,)
    return Plan(
        seed=seed,
        database=database,
        dialers=dialers,
        cps=chance.choice((0, 5, 10, 20)),
        channels=chance.choice((0, 3, 6, 12)),
        edge=round(chance.uniform(*EDGE), 2),
        batches=tuple(drawn.batch(chance.choice(edges), first=not nth) for nth in range(chance.randint(2, 5))),
        faults=tuple(faults),
    )
