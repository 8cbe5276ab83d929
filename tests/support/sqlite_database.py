"""SQLite as an adapter of the store's contract: a file migrated once, copied for each test."""

import shutil
from itertools import count
from pathlib import Path

from django.core.management import call_command
from django.db import connections

# The name that a process finds by its CALLDRON_HOME, so that tests can start such processes.
FILE = "calldron.sqlite3"


class SqliteDatabase:
    """Databases in ``folder``, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template = folder / FILE
        alias = self._connect("template", self._template)
        call_command("migrate", database=alias, verbosity=0)
        self._disconnect(alias)

    def fresh(self) -> str:
        """A copy under an alias of its own, which is its folder's name too."""
        name = f"database-{next(self._numbers)}"
        home = self._home(name)
        home.mkdir()
        shutil.copyfile(self._template, home / FILE)
        return self._connect(name, home / FILE)

    def drop(self, alias: str) -> None:
        """Disconnect and remove the files."""
        self._disconnect(alias)
        shutil.rmtree(self._home(alias))

    def environment(self, alias: str) -> dict[str, str]:
        """See ``Database``."""
        return {"CALLDRON_HOME": str(self._home(alias))}

    def _home(self, alias: str) -> Path:
        return self._folder / alias

    def _connect(self, alias: str, path: Path) -> str:
        connections.databases[alias] = {**connections.databases["default"], "NAME": path}
        return alias

    def _disconnect(self, alias: str) -> None:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]
