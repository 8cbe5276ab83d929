"""PostgreSQL as an adapter of the store's contract: databases of one server, copied once and emptied for each test."""

from itertools import count
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections
from peers.postgres import Postgres

from calldron.store.databases import settings_of

_NUMBERS = count(1)  # of databases: adapters may come and go on one server


class PostgresDatabase:
    """Databases of ``server``. One that is dropped is kept for the next test: to empty it is quicker than to copy."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._template = f"template_{next(_NUMBERS)}"
        self._unused: list[str] = []
        server.create_database(self._template)
        self._connect(self._template)
        with connections[self._template].cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = '60s'")  # as ``store.migration_lock`` has it
        call_command("migrate", database=self._template, verbosity=0)
        self._disconnect(self._template)

    def fresh(self) -> str:
        """An empty one, under an alias that is its name too."""
        if self._unused:
            return self._connect(self._unused.pop())
        name = f"calldron_{next(_NUMBERS)}"
        self._server.create_database(name, self._template)
        return self._connect(name)

    def drop(self, alias: str) -> None:
        """Disconnect everybody and empty it."""
        self._disconnect(alias)
        with psycopg.connect(self._server.url(alias)) as connection:
            connection.execute(_GO)
            connection.execute(_EMPTY)
        self._unused.append(alias)

    def environment(self, alias: str) -> dict[str, str]:
        """See ``Database``."""
        return {"DATABASE_URL": self._server.url(alias)}

    def _connect(self, alias: str) -> str:
        settings = settings_of(self._server.url(alias), Path())
        connections.databases[alias] = {**connections.databases["default"], **settings}
        return alias

    def _disconnect(self, alias: str) -> None:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]


_GO = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Without foreign keys in the way, and without new files for each table, which is what TRUNCATE makes.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'store\\_%' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename LIKE 'store\\_%' LOOP
        PERFORM setval(name::regclass, 1, false);
    END LOOP;
END $$
"""
