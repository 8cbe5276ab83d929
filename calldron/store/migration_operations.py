"""Operations of migrations that run while the nodes of the version before go on working.

What a migration may do at all is checked by ``tests/unit/test_migrations.py``; these are the forms in which additions
to tables with millions of rows hold nobody up for longer than a moment.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import structlog
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddField, AddIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Index, Model

from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

# Who waits for a table holds up all who come after: so we wait for no longer than nobody would notice, give way, and
# try again. Shorter than PostgreSQL's deadlock_timeout, a second: where a node and we wait for each other, we give way.
_WAIT_MS = 400
_PAUSE = 1.0  # seconds; below the idle_in_transaction_session_timeout of ``store.databases``
_PATIENCE = 600  # tries: as long as a big import or a dump may take

_LOCK_NOT_AVAILABLE = "55P03"  # SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_DEADLOCK_DETECTED = "40P01"


class TakeTables(Operation):
    """First in a migration that alters tables in use: take all of them at once, in the order given, or none.

    The order is that in which everybody locks: trunks, accounts, batches, calls, attempts, legs. PostgreSQL; on SQLite
    a migration has the whole file to itself anyway. Raises ``StoreUnavailable`` after some ten minutes.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, *models: str) -> None:
        self.models = models

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, list(self.models), {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing of the models changes."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            return
        tables = [from_state.apps.get_model(app_label, model)._meta.db_table for model in self.models]
        for tried in range(1, _PATIENCE + 1):
            if _taken(connection, tables):
                return
            if tried in (3, 30, 300):
                log.warning("a migration waits for a long transaction", tables=tables, holders=_holders(connection))
            time.sleep(_PAUSE)
        raise StoreUnavailable(f"Others hold the tables {', '.join(tables)} for too long: {_holders(connection)}.")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """What follows it backwards takes each table as it comes: nothing is contracted with nodes up."""

    def describe(self) -> str:
        return f"Take the tables of {', '.join(self.models)}"


def _taken(connection: BaseDatabaseWrapper, tables: list[str]) -> bool:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:  # a savepoint: gives them back
            cursor.execute(f"SET LOCAL lock_timeout = {_WAIT_MS}")
            names = ", ".join(map(connection.ops.quote_name, tables))
            cursor.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) not in (_LOCK_NOT_AVAILABLE, _DEADLOCK_DETECTED):
            raise
        return False
    return True


def _holders(connection: BaseDatabaseWrapper) -> str:
    """Who has been in a transaction for longest, for people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, application_name, date_trunc('second', clock_timestamp() - xact_start)::text"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 3"
        )
        return ", ".join(f"process {pid} ({name or 'no name'}) for {age}" for pid, name, age in cursor.fetchall())


class AddColumn(AddField):
    """Add a column without touching a row: it is nullable or has a constant ``db_default``.

    PostgreSQL does so by itself. On SQLite Django copies the table, since ALTER TABLE could not take a default back;
    ours stays.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        before = cast(type[Model], from_state.apps.get_model(app_label, self.model_name))
        after = cast(type[Model], to_state.apps.get_model(app_label, self.model_name))
        field = after._meta.get_field(self.name)
        BaseDatabaseSchemaEditor.add_field(schema_editor, before, field)  # type: ignore[arg-type]  # a column, no relation


class AddIndexBesideWork(AddIndex):
    """Add an index while rows are written: CONCURRENTLY on PostgreSQL, in a migration that is not atomic.

    A run that was broken off is taken up again: an index that is there is kept, one that was left invalid made anew.
    """

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = cast(type[Model], to_state.apps.get_model(app_label, self.model_name))
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            if not _has_index(connection, model, self.index):
                schema_editor.add_index(model, self.index)
            return
        with _in_no_hurry(connection):
            valid = _postgresql_index(connection, self.index.name)
            if valid is False:
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {connection.ops.quote_name(self.index.name)}")
            if not valid:
                schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg]  # PostgreSQL's

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = cast(type[Model], from_state.apps.get_model(app_label, self.model_name))
        if _has_index(schema_editor.connection, model, self.index):
            schema_editor.remove_index(model, self.index)


def _has_index(connection: BaseDatabaseWrapper, model: type[Model], index: Index) -> bool:
    with connection.cursor() as cursor:
        return index.name in connection.introspection.get_constraints(cursor, model._meta.db_table)


def _postgresql_index(connection: BaseDatabaseWrapper, name: str) -> bool | None:
    """Whether the index is valid; ``None`` where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


@contextmanager
def _in_no_hurry(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """An index of millions of rows takes its time, and waits for the transactions that began before it."""
    names = ("statement_timeout", "lock_timeout")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        before = cursor.fetchone()
        for name in names:
            cursor.execute("SELECT set_config(%s, '0', FALSE)", [name])
        yield
        for name, value in zip(names, before, strict=True):
            cursor.execute("SELECT set_config(%s, %s, FALSE)", [name, value])
