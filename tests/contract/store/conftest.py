"""The Store contract runs on every database that there is an adapter for."""

from collections.abc import Iterator

import pytest
from peers.postgres import Postgres
from pytest_django.plugin import DjangoDbBlocker
from support.postgres_database import PostgresDatabase
from support.sqlite_database import SqliteDatabase
from support.store_world import Database, Node, World


@pytest.fixture(scope="session")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> SqliteDatabase:
    with django_db_blocker.unblock():
        return SqliteDatabase(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def postgres_database(postgres_server: Postgres, django_db_blocker: DjangoDbBlocker) -> PostgresDatabase:
    with django_db_blocker.unblock():
        return PostgresDatabase(postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """The adapter; a database joins by one more parameter. Adapters are fixtures of their own because one parameter's
    fixture ends where the next begins, and what they migrated would be migrated again for every file."""
    adapters = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}
    adapter: Database = request.getfixturevalue(adapters[request.param])
    return adapter


@pytest.fixture
def world(database: Database, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """A fresh world, whose invariants are looked at once the test is over."""
    with django_db_blocker.unblock():
        alias = database.fresh()
        world = World(alias)
        yield world
        world.check()
        world.close()
        database.drop(alias)


@pytest.fixture
def node(world: World) -> Node:
    """One dialer's store."""
    return world.node()
