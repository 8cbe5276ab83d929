"""The Store contract runs on every database that there is an adapter for."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker
from support.postgres_database import PostgresDatabase
from support.sqlite_database import SqliteDatabase
from support.store_world import Database, Node, World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    """The adapter; a database joins by one more parameter."""
    with django_db_blocker.unblock():
        if request.param == "sqlite":
            yield SqliteDatabase(tmp_path_factory.mktemp("store"))
        else:
            yield PostgresDatabase(request.getfixturevalue("postgres_server"))


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
