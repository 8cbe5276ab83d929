"""Puts the parts together: the only module that knows every other."""

import asyncio
import gc
import os
import secrets
import signal
import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import django
import structlog
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from calldron import logs
from calldron.clock import SystemClock
from calldron.config import Config, config
from calldron.dialer.ports import Clock, Orphan
from calldron.dialer.prompts import Prompts
from calldron.dialer.runtime import Dialer, Settings
from calldron.domain.commands import Tune
from calldron.domain.errors import CalldronError, StoreUnavailable
from calldron.engines.carrier.server import Carrier
from calldron.engines.sip.engine import SipEngine
from calldron.media import tones
from calldron.places import Place, only_dialer_of, place_to_dial, web_of
from calldron.supervisor import Part

if TYPE_CHECKING:
    from calldron.store.queue import SqlStore

log = structlog.get_logger(__name__)

SANDBOX = "sandbox"
WEB_THREADS = 32  # a thread may be held by a slow upload; they cost little while they wait


class AddressTaken(CalldronError):
    """Something else listens where we are to, or there is no such address here."""


def prepare(process: str) -> Config:
    """Logging and Django for a process of this name; call it first."""
    settings = config()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    logs.configure(settings.log_level, process=process)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "calldron.settings")
    django.setup()
    return settings


def migrate() -> None:
    """Bring the database up to this version; quick where it is. Whoever comes while another process does waits.
    Raises ``StoreUnavailable``."""
    from calldron.store.migration_lock import alone_with_the_schema  # noqa: PLC0415 - needs Django set up

    try:
        with alone_with_the_schema():
            call_command("migrate", verbosity=0, interactive=False)
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"The database does not answer: {' '.join(str(error).split())}") from error


def prepare_database() -> Config:
    """What a command needs that only looks things up or writes a row: Django, and the tables."""
    settings = prepare("cli")
    migrate()
    return settings


def ensure_sandbox_trunk(settings: Config) -> bool:
    """Keep a trunk to the sandbox carrier; whether it is the only one there is."""
    from calldron.services import trunks  # noqa: PLC0415 - models can be imported only after ``prepare``

    rows = trunks.listed()
    sandbox = [row for row in rows if row.sandbox]
    if not sandbox:
        trunks.add(SANDBOX, f"sip:127.0.0.1:{settings.sandbox_port}", sandbox=True, priority=1000)
    elif sandbox[0].port != settings.sandbox_port:
        sandbox[0].port = settings.sandbox_port
        sandbox[0].save(update_fields=["port"])
    return len(rows) == len(sandbox)


def setup_address(settings: Config, host: str, port: int) -> str | None:
    """Where the first user sets the installation up; ``None`` once somebody can sign in. While the database is away
    nobody knows."""
    from calldron.services import setup  # noqa: PLC0415 - as above

    known = "public_url" in settings.model_fields_set
    try:
        return setup.address(settings.public_url if known else f"http://{host}:{port}")
    except (DatabaseError, InterfaceError) as error:
        log.warning("database away, not known whether the setup is due", error=" ".join(str(error).split()))
        return None


def parts_to_serve(host: str, port: int) -> list[Part]:
    """What ``calldron serve`` keeps running: the sandbox carrier from when there is no other trunk."""
    web = Part("web", ["web", "--host", host, "--port", str(port)])
    return [Part("carrier", ["carrier"], sandbox_is_due), web, Part("dialer", ["dialer"])]


def sandbox_is_due() -> bool:
    """Whether calls go to the sandbox. While the database is away nobody knows."""
    from calldron.services import trunks  # noqa: PLC0415 - as above

    try:
        return all(row.sandbox for row in trunks.listed())
    except (DatabaseError, InterfaceError) as error:
        log.warning("database away, not known whether the sandbox is due", error=" ".join(str(error).split()))
        return False
    finally:
        connection.close()  # its thread may not come again


def check_free(settings: Config, host: str, port: int, *, sandbox: bool) -> None:
    """Whether what ``calldron serve`` starts can start, so that a mistake is told once and not at every restart.
    Raises ``AddressTaken``, ``AlreadyRunning``."""
    _check_address(host, port, socket.SOCK_STREAM, "choose another --host or --port")
    if sandbox:
        _check_address("127.0.0.1", settings.sandbox_port, socket.SOCK_DGRAM, "choose another CALLDRON_SANDBOX_PORT")
    if not settings.database_url:
        with only_dialer_of(settings.home):
            pass


def _check_address(host: str, port: int, kind: socket.SocketKind, advice: str) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the last run may linger
            probe.bind(address)
    except OSError as error:
        raise AddressTaken(f"Can't listen on {host} port {port}: {error.strerror}; {advice}.") from None


# What it has to say (a worker that died, a request that broke it) goes where all of our logs go.
_GRANIAN_LOG: Final[dict[str, Any]] = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def serve_web(host: str, port: int) -> None:
    """Answer HTTP until SIGTERM. Raises ``AddressTaken``: granian would share the port (SO_REUSEPORT) with another
    Calldron, and half of the requests would go there."""
    _check_address(host, port, socket.SOCK_STREAM, "choose another --host or --port")
    server = Granian(
        "calldron.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,  # the work is in SQLite and in C; a second interpreter would only double the memory
        blocking_threads=WEB_THREADS,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOG,
    )
    with web_of(config()):
        server.serve()


async def run_carrier(settings: Config) -> None:
    """Be the sandbox carrier until SIGTERM."""
    carrier = Carrier("127.0.0.1", settings.sandbox_port)
    stopping = _on_signals()
    await carrier.start()
    log.info("sandbox carrier ready", port=settings.sandbox_port)
    try:
        await stopping.wait()
    finally:
        await carrier.stop()


def make_engine(settings: Config) -> SipEngine:
    """The embedded SIP engine of this node."""
    renderers = max(1, (os.cpu_count() or 1) // 2)  # mixing a recording must not take the calls' share
    return SipEngine(
        host=settings.sip_host,
        port=settings.sip_port,
        advertise=settings.sip_advertise,
        rtp_ports=settings.rtp_range,
        renderers=renderers,
    )


def tunes() -> dict[Tune, bytes]:
    """What is played besides intros."""
    return {Tune.RINGBACK: tones.ringback(), Tune.ATTENTION: tones.attention()}


async def run_dialer(settings: Config) -> None:
    """Dial until SIGTERM; a second SIGTERM hurries. Raises ``AlreadyRunning``, ``EngineUnavailable``."""
    from calldron.store.queue import SqlStore  # noqa: PLC0415 - models can be imported only after ``prepare``

    host = socket.gethostname()[:40]  # a host name may be as long as the column alone, and PostgreSQL cuts nothing
    node = f"{host}:{os.getpid()}:{secrets.token_hex(4)}"
    store = SqlStore(node, lease=timedelta(seconds=settings.lease_seconds))
    with place_to_dial(settings, node) as place:
        await store.open()
        try:
            if settings.database_url:
                await _dial_among_others(settings, store, place)
            else:
                await _dial_alone(settings, store, place)
        finally:
            await store.close()


async def _dial_alone(settings: Config, store: "SqlStore", place: Place) -> None:
    clock = SystemClock()
    # Holding the lock proves that whoever held leases on this file is dead: no need to wait for them to end.
    _tell(await store.rescue(clock.now(), alone=True))
    await _dial(settings, store, clock, place.tracks)


def _tell(orphans: Sequence[Orphan]) -> None:
    if orphans:
        log.warning("calls of the dead dialer are unknown now", calls=len(orphans))


async def _dial_among_others(settings: Config, store: "SqlStore", place: Place) -> None:
    """Leases, paces and windows go by the database's time, which is the same for every node."""
    from calldron.store.shared_clock import SharedClock  # noqa: PLC0415 - as above

    clock = SharedClock(SystemClock(), store.time)
    await clock.synchronise()
    _tell(await store.bury(place.dead, clock.now()))
    parts = {
        asyncio.create_task(clock.run(), name="shared clock"),
        asyncio.create_task(_dial(settings, store, clock, place.tracks), name="dialer"),
    }
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()  # its error, where it died
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _dial(settings: Config, store: "SqlStore", clock: Clock, tracks: Path) -> None:
    engine = make_engine(settings)
    dialer = Dialer(
        store,
        engine,
        Prompts(engine, store, clock, tunes()),
        clock,
        Settings(
            max_calls=settings.max_calls,
            lease=settings.lease_seconds,
            drain=settings.drain_seconds,
            tracks=tracks,
            recordings=settings.recordings,
        ),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, dialer.stop)
    _spare_collections()
    log.info("dialer ready", max_calls=settings.max_calls)
    await dialer.run()


def _spare_collections() -> None:
    """What is there by now stays, so the garbage collector need not look at it again. Calls make few cycles: to look
    for them after every 700 objects, as by default, takes a seventh of the event loop's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def _on_signals() -> asyncio.Event:
    event = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event
