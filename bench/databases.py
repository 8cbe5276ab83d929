"""The databases that are measured: a fresh SQLite file, or a PostgreSQL server of our own that ends with the bench."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from peers import postgres

from bench import processes

KINDS = ("sqlite", "postgresql")
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

# What whoever runs a server for this sets first; what makes commits durable stays as it is.
_SETTINGS = {"shared_buffers": "'1GB'", "max_wal_size": "'4GB'"}


@dataclass(frozen=True)
class Database:
    """``home``: the installation's folder. ``server``: the database's process, ``None`` for SQLite."""

    kind: str
    home: Path
    server: int | None

    def cpu(self) -> float:
        """CPU seconds that its server spent so far; SQLite's are those of whoever uses it."""
        return processes.usage(self.server).cpu if self.server else 0.0

    def use(self) -> None:
        """Let this process use it, and make its tables."""
        from django.core.management import call_command

        os.environ["DJANGO_SETTINGS_MODULE"] = "calldron.settings"
        django.setup()
        call_command("migrate", verbosity=0)


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """An empty one, and an installation's folder, until the block ends; this process and those it starts use it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        os.environ["CALLDRON_HOME"] = str(home)
        if kind == "sqlite":
            os.environ.pop("DATABASE_URL", None)
            yield Database(kind, home, None)
            return
        with postgres.server() as server:
            for name, value in _SETTINGS.items():
                server.run(f"ALTER SYSTEM SET {name} = {value}")
            server.stop()
            server.start()
            os.environ["DATABASE_URL"] = server.create_database("calldron")
            yield Database(kind, home, server.pid)
