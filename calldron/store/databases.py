"""Which database an installation works on, as Django is told of it: SQLite in its folder, or PostgreSQL by a URL."""

from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POSTGRESQL = ("postgres", "postgresql")
_FORM = "postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…"
_ESCAPES = "in a password write @ / : ? # % as %40 %2F %3A %3F %23 %25"

# A server that is gone without a word is noticed within some ten seconds, on idle connections too.
_NOTICED = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

# Milliseconds. A node that freezes within a transaction holds its locks no longer than the third.
_SESSION = {
    "lock_timeout": 10_000,
    "statement_timeout": 60_000,
    "idle_in_transaction_session_timeout": 5_000,
    "jit": "off",  # statements are short: to compile one takes longer than to run it
}


def settings_of(url: str, home: Path) -> dict[str, Any]:
    """The entry of Django's ``DATABASES``. ``url`` is libpq's
    (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS), its options win over ours;
    empty: SQLite in ``home``. Raises ``ValueError`` whose words hold nothing of a password."""
    return _postgresql(url) if url else _sqlite(home / "calldron.sqlite3")


def _sqlite(file: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "OPTIONS": {
            # A writer waits its turn instead of failing; FULL: what was committed survives a power cut.
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;"
            ),
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in POSTGRESQL:
        raise ValueError(f"this is empty (SQLite) or {_FORM}")
    try:
        given: dict[str, Any] = conninfo_to_dict(url)
    except ProgrammingError:  # its words may hold a piece of the password
        raise ValueError(f"this can't be read as {_FORM}; {_ESCAPES}") from None
    if not given.get("dbname"):
        raise ValueError(f"this names no database: {_FORM}")
    if "/" in given["dbname"] or not all(port.isdecimal() for port in given.get("port", "").split(",") if port):
        raise ValueError(f"this can't be read as {_FORM}; {_ESCAPES}")
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    own = {"user", "password", "host", "port", "dbname", "options"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": given["dbname"],
        "USER": given.get("user", ""),
        "PASSWORD": given.get("password", ""),
        "HOST": given.get("host", ""),
        "PORT": given.get("port", ""),
        "CONN_MAX_AGE": None,  # a thread of the web server keeps its connection, which is looked at before each request
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "fallback_application_name": "calldron",
            **_NOTICED,
            **{name: value for name, value in given.items() if name not in own},
            "options": f"{session} {given.get('options', '')}".strip(),
        },
    }


def for_a_dialer(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """The same database for the few statements that a dialer repeats all the time. PostgreSQL plans them once: half of
    what a claim costs the server is planning. A plan made while the tables were empty is kept for some minutes after a
    million calls were added, so it must not be one that reads a table through."""
    own = connection.copy()
    if own.vendor == "postgresql":
        options = own.settings_dict["OPTIONS"]
        options.update(server_side_binding=True, prepare_threshold=3)
        options["options"] = f"-c enable_seqscan=off {options.get('options', '')}"
    return own


def place_of(url: str, home: Path) -> str:
    """Which database that is, for people: without user and password. ``url`` is one that ``settings_of`` takes."""
    settings = settings_of(url, home)
    if not url:
        return f"SQLite, {settings['NAME']}"
    host = settings["HOST"] or "the local socket"
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"PostgreSQL, {settings['NAME']} on {host}{port}"
