"""Copying an installation's rows from its SQLite file to an empty PostgreSQL: all of them, compared, or none."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from hashlib import blake2b
from pathlib import Path

from django.apps import apps
from django.db import Error, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import AutoField, BigAutoField, Model
from psycopg import Error as DriverError

from calldron.domain.errors import CalldronError

Tell = Callable[[str], None]

# Made by every migration, with the same meaning and other ids: the users' permissions name them.
_MADE_BY_MIGRATING = ("django_content_type", "auth_permission")

_ROWS_A_WORD = 200_000  # between two lines of progress


class MoveRefused(CalldronError):
    """Nothing was copied: source or target are not in a state in which it can be done."""


class MoveFailed(CalldronError):
    """It was begun and undone: the target is as empty as before."""


@dataclass(frozen=True, slots=True)
class _Column:
    """``text`` is SQLite's expression for the text that PostgreSQL shows for it. Where SQLite has none, ``sense`` makes
    of SQLite's value and of PostgreSQL's text one and the same."""

    name: str
    text: str
    sense: Callable[[object], str] | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, named as our models name them. ``counted``: its ids are given out by a sequence."""

    name: str
    columns: tuple[_Column, ...]
    counted: bool

    @property
    def listed(self) -> str:
        """The columns in SQL."""
        return ", ".join(f'"{column.name}"' for column in self.columns)

    @property
    def given(self) -> str:
        """SQLite's query for all rows."""
        texts = ", ".join(column.text.format(f'"{column.name}"') for column in self.columns)
        return f"SELECT {texts} FROM {self.name}"  # noqa: S608 - names of our own models

    @property
    def kept(self) -> str:
        """PostgreSQL's query for all rows."""
        return f"SELECT {self.listed} FROM {self.name}"  # noqa: S608 - names of our own models

    @property
    def count(self) -> str:
        """The query for how many they are."""
        return f"SELECT COUNT(*) FROM {self.name}"  # noqa: S608 - a name of our own models


def tables() -> list[Table]:
    """Every table that the models have, those that others refer to first."""
    models = {model for model in apps.get_models(include_auto_created=True) if model._meta.managed}
    order: TopologicalSorter[type[Model]] = TopologicalSorter()
    for model in sorted(models, key=lambda model: model._meta.db_table):
        order.add(model, *(to for field in model._meta.local_fields if (to := field.related_model) in models))
    return [_table(model) for model in order.static_order()]


def _table(model: type[Model]) -> Table:
    columns = (
        _Column(field.column, *_TEXTS.get(field.get_internal_type(), _AS_IT_IS))
        for field in model._meta.local_fields
        if field.column
    )
    return Table(model._meta.db_table, tuple(columns), isinstance(model._meta.pk, AutoField | BigAutoField))


def _float(value: object) -> str:
    return repr(float(str(value)))  # CAST in SQLite would give 15 digits of 17


def _json(value: object) -> str:
    return json.dumps(json.loads(str(value), parse_int=float), sort_keys=True)


def _octets(value: object) -> str:
    return rf"\x{value.hex()}" if isinstance(value, bytes) else str(value)


_TEXTS: dict[str, tuple[str, Callable[[object], str] | None]] = {
    "BooleanField": ("CASE {0} WHEN 1 THEN 't' WHEN 0 THEN 'f' ELSE {0} END", None),
    "DateTimeField": ("CASE WHEN {0} LIKE '%.%' THEN rtrim({0}, '0') ELSE {0} END || '+00'", None),  # UTC unsaid
    "FloatField": ("{0}", _float),
    "JSONField": ("{0}", _json),
    "BinaryField": ("{0}", _octets),
}
_AS_IT_IS = ("CAST({0} AS TEXT)", None)


class _Sum:
    """Rows counted and summed up, in whatever order they come."""

    def __init__(self, table: Table) -> None:
        self.rows = 0
        self._sum = 0
        self._senses = [(place, column.sense) for place, column in enumerate(table.columns) if column.sense]

    def add(self, row: Sequence[object]) -> None:
        """One more."""
        if self._senses:
            row = list(row)
            for place, sense in self._senses:
                if row[place] is not None:
                    row[place] = sense(row[place])
        digest = blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(digest)) % (1 << 128)
        self.rows += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sum) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it changes


@contextmanager
def frozen(file: Path) -> Iterator[sqlite3.Connection]:
    """The SQLite file, which nobody can write to meanwhile; readers go on. Raises ``MoveRefused``."""
    with closing(
        sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None)
    ) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise MoveRefused(f"Somebody is writing to {file} ({error}); stop it first.") from None
        yield db
        db.execute("ROLLBACK")


def copy(source: sqlite3.Connection, target: str, tell: Tell) -> int:
    """Copy every row to the migrated database of this Django alias; how many they were.

    One transaction: what was copied is read back and compared before it is committed. Memory does not grow with rows.
    Raises ``MoveRefused`` where the target has rows already, ``MoveFailed``."""
    moved = tables()
    try:
        with transaction.atomic(using=target), connections[target].cursor() as cursor:
            _take(cursor, moved)
            _refuse_rows(cursor, moved)
            with _without_constraints(cursor, moved):
                rows = sum(_copy(source, cursor, table, tell) for table in moved)
            for table in moved:
                _continue_ids(source, cursor, table)
    except Error as error:
        raise MoveFailed(f"PostgreSQL did not take it, nothing was moved: {in_one_line(error)}") from None
    with connections[target].cursor() as cursor:
        cursor.execute("ANALYZE")
    return rows


def _take(cursor: CursorWrapper, moved: Iterable[Table]) -> None:
    """Whoever is started on the target too early waits."""
    for timeout in ("statement_timeout", "idle_in_transaction_session_timeout"):
        cursor.execute(f"SET LOCAL {timeout} = 0")
    cursor.execute(f"LOCK TABLE {', '.join(table.name for table in moved)} IN ACCESS EXCLUSIVE MODE")


def _refuse_rows(cursor: CursorWrapper, moved: Iterable[Table]) -> None:
    for table in moved:
        cursor.execute(table.count)
        if table.name not in _MADE_BY_MIGRATING and cursor.fetchone()[0]:
            raise MoveRefused(f"The target is in use: {table.name} has rows. Name an empty database (createdb …).")
    cursor.execute(f"TRUNCATE {', '.join(_MADE_BY_MIGRATING)} CASCADE")


@contextmanager
def _without_constraints(cursor: CursorWrapper, moved: Iterable[Table]) -> Iterator[None]:
    """Foreign keys are checked for all rows at once afterwards, and indexes built in one go."""
    names = [table.name for table in moved]
    cursor.execute(_FOREIGN_KEYS, [names])
    keys = cursor.fetchall()
    cursor.execute(_INDEXES, [names])
    indexes = cursor.fetchall()
    for table, name, _ in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _copy(source: sqlite3.Connection, cursor: CursorWrapper, table: Table, tell: Tell) -> int:
    given, kept = _Sum(table), _Sum(table)
    (of,) = source.execute(table.count).fetchone()
    try:
        with cursor.copy(f"COPY {table.name} ({table.listed}) FROM STDIN") as copy:
            for row in source.execute(table.given):
                copy.write_row(row)
                given.add(row)
                if given.rows % _ROWS_A_WORD == 0:
                    tell(f"{table.name}: {given.rows:,} of {of:,}")
    except (Error, DriverError) as error:  # Django wraps what comes when the block begins, not what comes in it
        raise MoveFailed(f"PostgreSQL takes no {table.name}, nothing was moved: {in_one_line(error)}") from None
    with cursor.copy(f"COPY ({table.kept}) TO STDOUT") as copy:
        for row in copy.rows():
            kept.add(row)
    if given != kept or given.rows != of:
        raise MoveFailed(f"{table.name} is not the same in both databases, nothing was moved.")
    if of:
        tell(f"{table.name}: {of:,}")
    return given.rows


def _continue_ids(source: sqlite3.Connection, cursor: CursorWrapper, table: Table) -> None:
    """The next id follows the last one that was ever given out: that of a deleted row is in links and file names."""
    last = source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name]).fetchone()
    if table.counted and last and last[0]:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table.name, last[0]])


def in_one_line(error: Exception) -> str:
    """What a database said, without line breaks."""
    return " ".join(str(error).split())


_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
"""

_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(%s::regclass[])
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""
