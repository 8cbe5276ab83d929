"""``calldron move-database``: an installation goes from its SQLite file to PostgreSQL with all it has."""

from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor

from calldron import places
from calldron.config import Config
from calldron.store import moving
from calldron.store.databases import place_of, settings_of
from calldron.store.moving import MoveRefused, in_one_line

OLDEST = 15  # PostgreSQL's version
_TARGET = "target"  # Django's alias


def move(settings: Config, url: str, tell: Callable[[str], None]) -> int:
    """Copy every row to the empty database of this URL, which is brought to this version first; how many they were.
    The SQLite file stays as it is. Raises ``MoveRefused``, ``MoveFailed``, ``AlreadyRunning``."""
    if settings.database_url:
        raise MoveRefused("This installation is on PostgreSQL already; unset DATABASE_URL to move what SQLite holds.")
    file = settings.home / "calldron.sqlite3"
    if not file.exists():
        raise MoveRefused(f"There is no {file}; nothing is to be moved.")
    with places.nobody_of(settings.home):
        _refuse_old("default")
        _connect(url, settings.home)
        tell(f"from {file} to {place_of(url, settings.home)}")
        _migrate()
        with moving.frozen(file) as source:
            return moving.copy(source, _TARGET, tell)


def _refuse_old(alias: str) -> None:
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MoveRefused("The SQLite file is of another version: calldron migrate, then move it.")


def _migrate() -> None:
    try:
        call_command("migrate", database=_TARGET, verbosity=0, interactive=False)
    except Error as error:
        raise MoveRefused(f"No tables can be made there: {in_one_line(error)}") from None


def _connect(url: str, home: Path) -> None:
    """Make it known to Django and see that it can be used."""
    if not url:
        raise MoveRefused("Say where to: postgres://USER:PASSWORD@HOST:PORT/NAME.")
    try:
        target = settings_of(url, home)
    except ValueError as error:
        raise MoveRefused(f"Of the target: {error}.") from None
    connections.databases[_TARGET] = {**connections.databases["default"], **target}
    connection = connections[_TARGET]
    try:
        connection.ensure_connection()
    except Error as error:
        raise MoveRefused(f"{place_of(url, home)} can't be reached: {in_one_line(error)}") from None
    version = connection.connection.info.server_version
    if version // 10_000 < OLDEST:
        raise MoveRefused(f"PostgreSQL {version // 10_000} is too old; {OLDEST} is the first that will do.")
