"""Rows go from SQLite to PostgreSQL as they mean, all of them, or none."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from peers.postgres import Postgres
from pytest_django.plugin import DjangoDbBlocker
from support.sqlite_database import FILE, SqliteDatabase
from support.store_world import NOW, World

from calldron.store import moving
from calldron.store.databases import settings_of
from calldron.store.models import Batch, Call, IdempotentAnswer, Sound
from calldron.store.moving import MoveFailed, MoveRefused

ODD = "tab\t, line\nbreak, back\\slash, \\N, «кавычки», 🎺, quote ' and \" "
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> SqliteDatabase:
    with django_db_blocker.unblock():
        return SqliteDatabase(tmp_path_factory.mktemp("moving"))


@pytest.fixture
def source(sqlite: SqliteDatabase, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock():
        world = World(sqlite.fresh())
        yield world
        world.close()
        sqlite.drop(world.alias)


@pytest.fixture(scope="module")
def migrated(postgres_server: Postgres, django_db_blocker: DjangoDbBlocker) -> str:
    """The name of a database to be copied."""
    with django_db_blocker.unblock(), _known(postgres_server.create_database("to_move_to")) as alias:
        call_command("migrate", database=alias, verbosity=0)
    return "to_move_to"


@pytest.fixture
def target(postgres_server: Postgres, migrated: str, source: World) -> Iterator[str]:
    """The alias of an empty, migrated database."""
    with _known(postgres_server.create_database(f"moved_{next(_NUMBERS)}", migrated)) as alias:
        yield alias


@contextmanager
def _known(url: str) -> Iterator[str]:
    alias = settings_of(url, Path())["NAME"]
    connections.databases[alias] = {**connections.databases["default"], **settings_of(url, Path())}
    yield alias
    connections[alias].close()
    del connections[alias]
    del connections.databases[alias]


def file_of(world: World) -> Path:
    return Path(connections[world.alias].settings_dict["NAME"])


def copy(source: World, target: str) -> list[str]:
    """Copy everything; what was told meanwhile."""
    told: list[str] = []
    with moving.frozen(file_of(source)) as db:
        moving.copy(db, target, told.append)
    return told


def test_values_mean_the_same(source: World, target: str) -> None:
    sound = source.add_sound(bytes(range(256)) * 300)
    batch = source.add_batch(
        1,
        name=ODD,
        intro=sound,
        tat=1_764_000_000.123456,
        cps=1e15,
        retry={"busy": {"delays": [1, 2.5], "слово": ODD}, "a": None},
        served=2**62,
        wait_until=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        started_at=datetime(2026, 1, 1, 0, 0, 0, 120_000, tzinfo=UTC),
        deleting=True,
        minute_from=None,
    )
    source.calls().update(talk=0.1 + 0.2, digits="#*0", result=None, recording="1/2/3.mp3")
    answer = {"account": source.account, "key": ODD, "request": "r", "headers": {"Location": "/v1/batches/1"}}
    IdempotentAnswer.objects.using(source.alias).create(**answer, body=b"\x00\xff\\x{}", created_at=NOW)
    copy(source, target)
    for model, key in ((Batch, batch.pk), (Sound, sound.pk), (Call, None), (IdempotentAnswer, None)):
        rows = [
            list(model.objects.using(alias).filter(**({"pk": key} if key else {})).values())
            for alias in (source.alias, target)
        ]
        for row in (row for side in rows for row in side):
            row.update({name: bytes(value) for name, value in row.items() if isinstance(value, memoryview)})
        assert rows[0] == rows[1]


def test_new_rows_get_ids_that_were_never_given_out(source: World, target: str) -> None:
    gone = source.add_batch(3)
    source.calls().delete()
    gone_id = gone.pk
    source.batches().filter(pk=gone_id).delete()
    copy(source, target)
    fresh = Batch.objects.using(target).create(account_id=source.account.pk)
    assert fresh.pk > gone_id
    call = Call.objects.using(target).create(batch=fresh, account_id=source.account.pk, number="+7", created_at=NOW)
    assert call.pk == 4


def test_indexes_and_foreign_keys_are_back(source: World, target: str) -> None:
    def defined() -> set[object]:
        with connections[target].cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
            indexes = cursor.fetchall()
            cursor.execute("SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint")
            return {*indexes, *cursor.fetchall()}

    before = defined()
    copy(source, target)
    assert defined() == before


def test_progress_of_big_tables_is_told(source: World, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_ROWS_A_WORD", 10)
    source.add_batch(25)
    told = copy(source, target)
    assert [words for words in told if words.startswith("store_call:")] == [
        "store_call: 10 of 25", "store_call: 20 of 25", "store_call: 25",
    ]  # fmt: skip


def test_a_target_in_use_is_refused(source: World, target: str) -> None:
    copy(source, target)
    with pytest.raises(MoveRefused, match="has rows"):
        copy(source, target)


def rows_of(target: str) -> int:
    with connections[target].cursor() as cursor:
        cursor.execute("SELECT (SELECT COUNT(*) FROM store_account) + (SELECT COUNT(*) FROM store_call)")
        return int(cursor.fetchone()[0])


def test_what_the_target_changes_is_noticed_and_undone(source: World, target: str) -> None:
    source.add_batch(3)
    with connections[target].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.id = 2 THEN NEW.number := NEW.number || '0'; END IF; RETURN NEW; END $$"
        )
        cursor.execute("CREATE TRIGGER spoil BEFORE INSERT ON store_call FOR EACH ROW EXECUTE FUNCTION spoil()")
    with pytest.raises(MoveFailed, match="store_call is not the same"):
        copy(source, target)
    assert rows_of(target) == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("UPDATE store_call SET digits = printf('%.100c', '1') WHERE id = 2", "too long .*store_call, line 2"),
        ("UPDATE store_call SET digits = 'a' || char(0) || 'b' WHERE id = 2", "store_call"),
        ("UPDATE store_call SET batch_id = 999 WHERE id = 2", "store_batch"),
    ],
)
def test_what_postgresql_does_not_take_is_told_and_undone(source: World, target: str, spoil: str, words: str) -> None:
    source.add_batch(3)
    with sqlite3.connect(file_of(source)) as db:
        db.execute(spoil)
    with pytest.raises(MoveFailed, match=words):
        copy(source, target)
    assert rows_of(target) == 0


def test_nobody_writes_meanwhile(source: World) -> None:
    with moving.frozen(file_of(source)), sqlite3.connect(file_of(source), timeout=0) as other:
        assert other.execute("SELECT COUNT(*) FROM store_account").fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("UPDATE store_account SET name = 'late'")
    assert file_of(source).name == FILE


def test_a_file_that_is_written_to_is_refused(source: World) -> None:
    with sqlite3.connect(file_of(source), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MoveRefused, match="stop it first"), moving.frozen(file_of(source)):
            pass
        other.execute("ROLLBACK")
