"""The database of a round: a fresh one each, copied from one that was migrated once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol


class Database(Protocol):
    """Of one installation."""

    async def make(self, home: Path) -> None:
        """Create it, with its tables."""

    def environment(self) -> dict[str, str]:
        """What tells ``calldron`` of it."""

    async def kill(self) -> None:
        """``kill -9`` of the server, and start it again."""

    async def restart(self) -> None:
        """Stop the server in good order, breaking off sessions, and start it again."""

    async def drop(self) -> None:
        """Forget it."""


class Sqlite:
    """A file in the home. ``template``: a home that was migrated."""

    def __init__(self, template: Path) -> None:
        self._template = template

    async def make(self, home: Path) -> None:
        """Copy the template."""
        shutil.copy(self._template / "calldron.sqlite3", home / "calldron.sqlite3")

    def environment(self) -> dict[str, str]:
        """The home says it all."""
        return {}

    async def kill(self) -> None:
        """There is no server."""

    async def restart(self) -> None:
        """There is no server."""

    async def drop(self) -> None:
        """The home goes with the round."""


def migrated(folder: Path) -> Path:
    """A home whose SQLite file has the tables of this version."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CALLDRON_", "DATABASE_"))}
    subprocess.run(
        [sys.executable, "-m", "calldron.cli", "migrate"],
        env={**environment, "CALLDRON_HOME": str(folder)},
        cwd=folder,
        check=True,
        timeout=120,
    )
    return folder
