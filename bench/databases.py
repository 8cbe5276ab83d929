"""The databases that are measured: a fresh SQLite file, or a PostgreSQL server of our own that ends with the bench."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from peers.ports import HOST, free_port, wait_until

from bench import processes

KINDS = ("sqlite", "postgresql")
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
_NOBODY = "postgres"  # PostgreSQL refuses to run as root
# What a small server is set up with; what makes commits durable stays as it is.
_SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "listen_addresses": HOST}


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
        else:
            Path(folder).chmod(0o755)
            with _server(Path(folder) / "postgresql") as (url, pid):
                os.environ["DATABASE_URL"] = url
                yield Database(kind, home, pid)


@contextmanager
def _server(data: Path) -> Iterator[tuple[str, int]]:
    """A server in a new folder: the URL of its database, its process."""
    if not _INSTALLED:
        raise SystemExit("PostgreSQL is not installed (Debian: postgresql)")
    programs, port = _INSTALLED[0], free_port()
    data.mkdir()
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_NOBODY)
        os.chown(data, owner.pw_uid, owner.pw_gid)
    _run(programs / "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    options = ["-D", str(data), "-p", str(port), "-k", str(data), *settings]
    with (data / "log").open("wb") as log:
        server = subprocess.Popen(_as_nobody(programs / "postgres", *options), stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(programs, port), f"PostgreSQL ({data / 'log'})", 60)
        _run(programs / "createdb", "-h", HOST, "-p", str(port), "-U", "postgres", "calldron")
        yield f"postgresql://postgres@{HOST}:{port}/calldron", server.pid
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown: it does not wait for clients to leave
        server.wait()


def _answers(programs: Path, port: int) -> bool:
    asked = [str(programs / "pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    return subprocess.run(asked, check=False).returncode == 0


def _run(program: Path, *arguments: str) -> None:
    done = subprocess.run(_as_nobody(program, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{program.name}: {done.stderr}")


def _as_nobody(program: Path, *arguments: str) -> list[str]:
    command = [str(program), *arguments]
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise SystemExit("setpriv is missing (Debian: util-linux)")
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *command]
