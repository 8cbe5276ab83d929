"""What takes part in calls: trunks, dialers, and the batches that wait."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

from calldron import places
from calldron.config import Config
from calldron.diagnosis import database
from calldron.diagnosis.finding import Finding
from calldron.domain.batch import BatchState
from calldron.domain.rule import Rule
from calldron.domain.strain import Strain
from calldron.services import trunks, why
from calldron.services.errors import NotFound
from calldron.store.models import Batch, NodeRow, TrunkRow

BATCHES_TOLD = 5
_BATCHES_ASKED = 50  # about each of them there are some queries

# What somebody has to do something about; everything else goes by itself.
_STUCK = frozenset({Rule.NO_DIALER, Rule.NO_TRUNK})
_DIALS = frozenset({Rule.IN_PROGRESS, Rule.TURN, Rule.FINAL})


def look(settings: Config) -> Iterator[Finding]:
    """Of a database that can be read."""
    now = database.time()
    yield from _trunks(settings, now)
    yield from _nodes(settings, now)
    yield from _batches(now)


def _trunks(settings: Config, now: datetime) -> Iterator[Finding]:
    real = [row for row in trunks.listed() if not row.sandbox]
    if not real:
        yield Finding("trunk", True, f"none, calls go to the sandbox on port {settings.sandbox_port}")
    for row in real:
        yield _reached(row)
        yield from _slowed(row, now)


def _reached(row: TrunkRow) -> Finding:
    kind = socket.SOCK_STREAM if row.transport == "tcp" else socket.SOCK_DGRAM
    try:
        family, _, _, _, address = socket.getaddrinfo(row.host, row.port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            probe.settimeout(3)
            probe.connect(address)
            local = probe.getsockname()[0]
    except OSError as error:
        return Finding(f"trunk {row.name}", False, f"{row.host}:{row.port} can't be reached: {error}")
    return Finding(
        f"trunk {row.name}",
        True,
        f"{row.host}:{row.port} is reached from {local}; calldron trunk test {row.name} NUMBER places a call",
    )


def _slowed(row: TrunkRow, now: datetime) -> Iterator[Finding]:
    strain = Strain(row.strain, row.strain_changed_at, row.strain_until).at(now)
    if not strain.level and strain.until is None:
        return
    since = f" since {row.strain_changed_at:%Y-%m-%d %H:%M:%S} UTC" if row.strain_changed_at else ""
    pace = strain.pace(row.cps).rate
    words = f"it refuses calls or does not answer{since}"
    if pace:
        words += f"; tried {f'{pace:.2g} times a second' if pace >= 1 else f'every {1 / pace:.0f} s'}"
    if strain.until is not None:
        words += f", not before {strain.until:%H:%M:%S} UTC"
    words += (
        f". It recovers by itself once it carries calls; calldron trunk test {row.name} NUMBER says what it answers"
    )
    yield Finding(f"trunk {row.name}", False, words)


def _nodes(settings: Config, now: datetime) -> Iterator[Finding]:
    since = now - timedelta(seconds=settings.lease_seconds)
    nodes = list(NodeRow.objects.order_by("name"))
    alive = [node for node in nodes if node.seen_at >= since]
    for node in alive:
        yield Finding("dialer", True, f"{node.name} is running, calls up: {node.calls}")
    for node in nodes:
        if node.seen_at < since:
            words = f"{node.name} was seen last at {node.seen_at:%Y-%m-%d %H:%M:%S} UTC: it died, froze or is cut off"
            yield Finding("dialer", bool(alive), words)
    if not alive and not _locked(settings):
        yield Finding("dialer", False, "not running, nothing is dialled: calldron serve")
    machines = {node.name.split(":")[0] for node in alive}
    if len(machines) > 1 and settings.recordings.is_relative_to(settings.home):
        words = f"dialers run on {len(machines)} machines; is {settings.recordings} the same folder on all of them?"
        yield Finding("recordings", False, f"{words} Set CALLDRON_RECORDINGS to a shared one")


def _locked(settings: Config) -> bool:
    """On SQLite: whether a dialer has just started and was not seen yet."""
    if settings.database_url:
        return False
    try:
        with places.only_dialer_of(settings.home):
            return False
    except places.AlreadyRunning:
        return True


def _batches(now: datetime) -> Iterator[Finding]:
    """Those that ought to dial and do not, the ones that wait longest first."""
    running = Batch.objects.filter(state=BatchState.RUNNING, deleting=False, unfinished__gt=0)
    told = 0
    for batch in running.select_related("account").order_by("served", "id")[:_BATCHES_ASKED]:
        try:
            found = why.of_batch(batch.account, batch.pk, now)
        except NotFound:  # removed just now
            continue
        if found.code not in _DIALS:
            told += 1
            yield Finding(f"batch {batch.pk}", found.code not in _STUCK, found.reason)
        if told == BATCHES_TOLD:
            return
