"""Whether the promises were kept, told from what the carrier wrote down and what the API says.

Conservative: where nobody could have known better, nothing is held against the dialer. What the excuses are is said at
each rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chaos.ledger import Dial
from chaos.owner import Owned
from chaos.plan import Deed
from chaos.programs import Life

TOLERANCE = 1.0
"""Seconds from the look at a rule to the INVITE at the carrier, on a machine with more to do than it can."""

GRACE = 2.0
"""Seconds after a pause or stop was confirmed in which calls that were on their way may still leave."""

LEASE_AT_LEAST = 1.9
"""Seconds for which a node that has just fallen silent holds its calls: a lease of three, renewed every second."""

_REPEATS = (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
"""Seconds after which an INVITE is sent again, RFC 3261 section 17.1.1.2 (timer A)."""

Interval = tuple[float, float]


@dataclass(slots=True)
class Evidence:
    """What is judged. Times are Unix seconds by the carrier's clock.

    ``carrier``: its lives. ``nodes``: every life of every dialer. ``away``: when the database was. ``falls``: programs
    that ended by themselves, from and until when they lived. ``errors``: answers of 500 and up, with their time.
    ``excused``: when the disk was full, or the database away.
    """

    dials: Sequence[Dial]
    batches: Sequence[Owned]
    carrier: Sequence[Life]
    nodes: Sequence[Life]
    cps: int = 0
    channels: int = 0
    away: Sequence[Interval] = ()
    excused: Sequence[Interval] = ()
    falls: Sequence[tuple[float, float, str]] = ()
    errors: Sequence[tuple[float, str]] = ()
    _nodes_by_port: dict[int, Life] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._nodes_by_port = {life.port: life for life in self.nodes}

    def node(self, dial: Dial) -> Life:
        """The life that sent it."""
        return self._nodes_by_port[dial.caller]

    def gone(self, dial: Dial) -> float:
        """When its dialog was over: by its end, or with the carrier that held it."""
        died = self.carrier[dial.life].ended
        return min(end for end in (dial.ended, died, float("inf")) if end is not None)

    def late(self, dial: Dial) -> bool:
        """Whether it may have been sent before, while the carrier was dead, and be seen first when it was repeated."""
        sent = [dial.at - repeat for repeat in _REPEATS]
        for before, after in pairwise(self.carrier):
            if before.ended is not None and any(before.ended - 0.3 < at < after.began + 0.5 for at in sent):
                return True
        return False

    def unsaid(self, dial: Dial) -> bool:
        """Whether the carrier died as it answered: it writes that down first, so its 200 may never have been sent."""
        died = self.carrier[dial.life].ended
        return dial.answered is not None and died is not None and died - 0.3 < dial.answered

    def thawed(self, dial: Dial) -> bool:
        """Whether its node was frozen just before: between its look at the rules and its INVITE, perhaps."""
        return any(frozen - TOLERANCE < dial.at < thawed + TOLERANCE for frozen, thawed in self.node(dial).frozen)


def judge(evidence: Evidence) -> list[str]:
    """Every promise that was broken, in words."""
    return [
        f"{rule.__name__.replace('_', ' ')}: {broken}"
        for rule in (
            never_above_attempts,
            never_two_at_once,
            never_again_once_answered,
            never_outside_the_window,
            never_once_taken_back,
            never_above_the_rate,
            never_above_the_channels,
            nothing_accepted_is_lost,
            nothing_is_canceled_unasked,
            nothing_dialled_unseen,
            counters_are_exact,
            nobody_is_left_on_the_line,
            nothing_ends_by_itself,
            the_api_answers,
        )
        for broken in rule(evidence)
    ]


def _by_number(dials: Iterable[Dial]) -> dict[str, list[Dial]]:
    found: dict[str, list[Dial]] = defaultdict(list)
    for dial in dials:
        found[dial.number].append(dial)
    return found


def _dialled(owned: Owned) -> set[str]:
    numbers = {number for added in owned.added for number in added.numbers}
    return numbers | ({owned.plan.operator} if owned.plan.operator else set())


def never_above_attempts(evidence: Evidence) -> Iterator[str]:
    """No number is dialled more often than its attempts allow. Refused or lost before anybody was asked is no dial."""
    dials = _by_number(dial for dial in evidence.dials if dial.reached)
    for owned in evidence.batches:
        for number in _dialled(owned):
            if len(dials[number]) > owned.attempts:
                yield f"{number} {len(dials[number])} times, {owned.attempts} allowed: {_times(dials[number])}"


def never_two_at_once(evidence: Evidence) -> Iterator[str]:
    """No two dialogs with one number overlap."""
    for number, dials in _by_number(evidence.dials).items():
        for before, after in pairwise(dials):
            if after.at < evidence.gone(before):
                yield f"{number} again at {after.at:.3f}, before its dialog of {before.at:.3f} was over"


def never_again_once_answered(evidence: Evidence) -> Iterator[str]:
    """Who answered is not called again, whatever became of the call and however many attempts are left; and the call
    says so, or that nobody knows, or that its owner took it back meanwhile. Operators answer more often, and a call may
    be over before its client is called. Excused: an answer of a carrier that died with it on its lips."""
    for owned in evidence.batches:
        status = {call["phone_number"].lstrip("+"): call["status"] for call in owned.calls}
        for number, dials in _by_number(_of(evidence, owned)).items():
            answered = next((dial for dial in dials if dial.answered and not evidence.unsaid(dial)), None)
            if answered is None or owned.plan.operator:
                continue
            if dials[-1] is not answered:
                yield f"{number} answered at {answered.at:.3f}: {_times(dials)}"
            if number not in owned.taken_back and status.get(number, "answered") not in ("answered", "unknown"):
                yield f"{number} answered at {answered.at:.3f}, and its call is {status[number]}"


def never_outside_the_window(evidence: Evidence) -> Iterator[str]:
    """No INVITE leaves outside its batch's window. Excused: repeats of one that left before."""
    for owned in evidence.batches:
        for dial in _of(evidence, owned):
            early = owned.opens is not None and dial.at < owned.opens - TOLERANCE
            after = owned.closes is not None and dial.at > owned.closes + TOLERANCE
            # The window protects the client: his operator is there for who is on the line already.
            if (early or after) and dial.number != owned.plan.operator and not evidence.late(dial):
                yield f"{dial.number} at {dial.at:.3f}, window {owned.opens} to {owned.closes}"


def never_once_taken_back(evidence: Evidence) -> Iterator[str]:
    """No INVITE leaves for a batch paused, stopped or deleted, a call taken back, a number on the stop list. Excused:
    calls whose node was frozen between look and INVITE, repeats, and the other side of somebody who is on the line."""
    for owned in evidence.batches:
        for dial in _of(evidence, owned):
            if evidence.late(dial) or evidence.thawed(dial) or _joins(evidence, owned, dial):
                continue
            if dial.at > owned.taken_back.get(dial.number, float("inf")) + GRACE:
                yield f"{dial.number} at {dial.at:.3f}, taken back at {owned.taken_back[dial.number]:.3f}"
            for began, ended in _off(owned):
                if began + GRACE < dial.at < ended:
                    yield f"{dial.number} at {dial.at:.3f}, batch {owned.id} off from {began:.3f} to {ended:.3f}"


def _off(owned: Owned) -> Iterator[Interval]:
    """When a batch was certainly paused, stopped or gone."""
    for nth, switched in enumerate(owned.switched):
        if switched.deed is not Deed.RESUME:
            resumed = [later.asked for later in owned.switched[nth + 1 :] if later.deed is Deed.RESUME]
            yield switched.done, min(resumed, default=float("inf"))
    if owned.deleted is not None:
        yield owned.deleted, float("inf")


def _joins(evidence: Evidence, owned: Owned, dial: Dial) -> bool:
    others = [other for other in _of(evidence, owned) if other.number != dial.number and owned.plan.operator]
    return any(other.answered and other.answered < dial.at < evidence.gone(other) + TOLERANCE for other in others)


def never_above_the_rate(evidence: Evidence) -> Iterator[str]:
    """In no stretch of time more INVITEs than the trunk takes in it, or the batch. Each may be late by the tolerance,
    so a few may come together; excused are repeats, and what a node had in hand when it was frozen."""
    for whose, cps, dials in _limited(evidence, by_rate=True):
        at = [dial.at for dial in dials if not evidence.late(dial) and not evidence.thawed(dial)]
        for nth, first in enumerate(at):
            many = [(n, last) for n, last in enumerate(at[nth:], 1) if n > 1 + cps * (last - first + TOLERANCE)]
            if many:
                calls, last = many[-1]
                yield f"{calls} INVITEs of {whose} in {last - first:.3f} s from {first:.3f}, {cps} a second allowed"
                break


def never_above_the_channels(evidence: Evidence) -> Iterator[str]:
    """Never more dialogs than the trunk, and the batch, has channels. Not counted: dialogs whose node died or was so
    long silent that its leases ended, since nobody is left who could end them."""
    for whose, channels, dials in _limited(evidence, by_rate=False):
        changes = sorted(change for dial in dials for change in _held(evidence, dial))
        most, when, held = 0, 0.0, 0
        for at, step in changes:
            held += step
            if held > most:
                most, when = held, at
        if most > channels:
            yield f"{most} of {whose} at {when:.3f}, {channels} allowed"


def _limited(evidence: Evidence, *, by_rate: bool) -> Iterator[tuple[str, int, Sequence[Dial]]]:
    """Who is limited, by how much, and the dials that count."""
    if limit := evidence.cps if by_rate else evidence.channels:
        yield "the trunk", limit, evidence.dials
    for owned in evidence.batches:
        if limit := owned.plan.cps if by_rate else owned.plan.channels:
            yield f"batch {owned.id}", limit, _of(evidence, owned)


def _held(evidence: Evidence, dial: Dial) -> list[tuple[float, int]]:
    node = evidence.node(dial)
    until = min(evidence.gone(dial), node.ended or float("inf"))
    for silent, heard in [*node.frozen, *evidence.away]:
        if heard - silent > LEASE_AT_LEAST and dial.at < heard:
            until = min(until, silent + LEASE_AT_LEAST)
    return [(dial.at, 1), (until, -1)] if until > dial.at else []


def nothing_accepted_is_lost(evidence: Evidence) -> Iterator[str]:
    """Every call of a 2xx exists and is final; of a request that was not answered, all calls are there or none."""
    for owned in evidence.batches:
        if owned.deleted is not None:
            continue
        left = {call["id"]: call for call in owned.calls}
        for added in owned.added:
            for made, number in zip(added.ids or (), added.numbers, strict=bool(added.ids)):
                call = left.pop(made, None)
                if call is None or call["phone_number"] != f"+{number}":
                    yield f"call {made} of +{number} is not in batch {owned.id}: {call}"
                elif not call["final"]:
                    yield f"call {made} of +{number} is not final: {call}"
        unanswered = [f"+{number}" for added in owned.added if added.ids is None for number in added.numbers]
        there = sorted(call["phone_number"] for call in left.values())
        wholes = [sorted(f"+{number}" for number in added.numbers) for added in owned.added if added.ids is None]
        if there and there != sorted(unanswered) and there not in wholes:
            yield f"batch {owned.id} has calls nobody asked for: {there}"


def nothing_is_canceled_unasked(evidence: Evidence) -> Iterator[str]:
    """A call is ``canceled`` because its owner asked for that, whether or not he got an answer, or because its operator
    could not be had (``callback_failed``): a rule that holds a call for a time does not end it."""
    for owned in evidence.batches:
        acts = owned.plan.acts
        if any(act.deed in (Deed.STOP, Deed.DELETE) for act in acts):
            continue
        asked = {owned.plan.numbers[act.index] for act in acts if act.deed in (Deed.CANCEL, Deed.FORBID)}
        for call in owned.calls if owned.before_stop is None else owned.before_stop:
            excused = call["phone_number"].lstrip("+") in asked or call["result"] == "callback_failed"
            if call["status"] == "canceled" and not excused:
                yield f"{call}"


def nothing_dialled_unseen(evidence: Evidence) -> Iterator[str]:
    """A call that rang says that it was dialled; whoever was called belongs to a call."""
    known: set[str] = set()
    rang = {dial.number for dial in evidence.dials if dial.reached}
    for owned in evidence.batches:
        known |= _dialled(owned) if owned.deleted is not None else {owned.plan.operator}
        for call in owned.calls:
            number = call["phone_number"].lstrip("+")
            known.add(number)
            if number in rang and call["dialed_at"] is None:
                yield f"+{number} rang, and its call says that it was never dialled: {call}"
    for number in rang - known:
        yield f"{number} rang, and no call is for it"


def counters_are_exact(evidence: Evidence) -> Iterator[str]:
    """What a batch says of its calls is what they say."""
    for batch, calls in ((owned.says, owned.calls) for owned in evidence.batches if owned.deleted is None):
        left = sum(not call["final"] for call in calls)
        if (int(batch["calls"]), int(batch["calls_left"])) != (len(calls), left):
            yield f"batch {batch['id']} says {batch['calls']}, {batch['calls_left']} left; it has {len(calls)}, {left}"
        if calls and not left and batch["status"] not in ("finished", "stopped"):
            yield f"batch {batch['id']} is {batch['status']} with every call final"


def nobody_is_left_on_the_line(evidence: Evidence) -> Iterator[str]:
    """Once all is at rest no dialog is up. Excused: those whose node died, or lost them while it was silent."""
    for dial in evidence.dials:
        node = evidence.node(dial)
        silent = any(dial.at < heard for _, heard in [*node.frozen, *evidence.away])
        if evidence.gone(dial) == float("inf") and not node.killed and not silent:
            yield f"{dial.number} of {dial.at:.3f} is still up"


def nothing_ends_by_itself(evidence: Evidence) -> Iterator[str]:
    """No program ends unasked. Excused: one that lived while the disk was full or the database away; none can start."""
    for began, at, what in evidence.falls:
        if not any(began < end + TOLERANCE and at > start for start, end in evidence.excused):
            yield f"{what} at {at:.3f}"


def the_api_answers(evidence: Evidence) -> Iterator[str]:
    """No request fails for a reason of ours. Excused: while the disk was full or the database away."""
    for at, what in evidence.errors:
        if not within(at, evidence.excused):
            yield f"{what} at {at:.3f}"


def within(at: float, intervals: Iterable[Interval]) -> bool:
    """Whether a moment lies in one of these, or so near that it counts."""
    return any(began - TOLERANCE < at < ended + TOLERANCE for began, ended in intervals)


def _of(evidence: Evidence, owned: Owned) -> list[Dial]:
    numbers = _dialled(owned)
    return [dial for dial in evidence.dials if dial.number in numbers]


def _times(dials: Iterable[Dial]) -> str:
    return ", ".join(f"{dial.at:.3f} {dial.code or 'no end'}" for dial in dials)
