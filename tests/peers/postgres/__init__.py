"""A PostgreSQL server of our own, that can be killed and started again."""

from peers.postgres.server import Postgres, PostgresFailed, server

__all__ = ["Postgres", "PostgresFailed", "server"]
