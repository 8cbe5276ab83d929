"""Statements as the store writes them, the same for every database: aware UTC times in and out, lists after ``IN``."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Row = tuple[Any, ...]

_ROWS_A_STATEMENT = 500


class Session:
    """A cursor for the length of one unit of work.

    ``lock`` and ``lock_free`` end a SELECT whose rows are to be written: the second leaves out those that another
    session holds. SQLite has one writer at a time, so that there they are empty.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._times: dict[datetime, Any] = {}  # most rows of a unit share a few
        features = connection.features
        self._arrays = connection.vendor == "postgresql"
        # NO KEY: rows that refer to these by a foreign key may be added meanwhile.
        self.lock = " FOR NO KEY UPDATE" if features.has_select_for_no_key_update else ""
        self.lock_free = f"{self.lock} SKIP LOCKED" if self.lock else ""

    def lock_of(self, *aliases: str) -> str:
        """As ``lock``, for some tables of a join."""
        return f"{self.lock} OF {', '.join(aliases)}" if self.lock else ""

    def lock_free_of(self, *aliases: str) -> str:
        """As ``lock_free``, for some tables of a join."""
        return f"{self.lock} OF {', '.join(aliases)} SKIP LOCKED" if self.lock_free else ""

    def to_remove_free_of(self, *aliases: str) -> str:
        """As ``lock_free_of``, for rows to be deleted: not those to which somebody adds others that refer to them."""
        return f" FOR UPDATE OF {', '.join(aliases)} SKIP LOCKED" if self.lock else ""

    def close(self) -> None:
        """Give the cursor back."""
        self._cursor.close()

    def rows(self, sql: str, *params: object) -> list[Row]:
        """Every row of a query. A parameter that is a list stands for its elements: ``id IN %s``. PostgreSQL is given
        one array for them, so that it knows the statement again however many they are."""
        self._execute(sql, params)
        return [tuple(map(_out, row)) for row in self._cursor.fetchall()]

    def row(self, sql: str, *params: object) -> Row | None:
        """The first row of a query."""
        self._execute(sql, params)
        row = self._cursor.fetchone()
        return None if row is None else tuple(map(_out, row))

    def run(self, sql: str, *params: object) -> int:
        """How many rows a statement changed."""
        self._execute(sql, params)
        changed: int = self._cursor.rowcount
        return changed

    def run_each(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """The same statement once a row of parameters."""
        self._cursor.executemany(sql, [self._in(row) for row in rows])

    def insert(self, into: str, rows: Sequence[Sequence[object]], returning: str) -> list[Row]:
        """Insert rows of as many values as ``into`` (``table (column, …)``) has columns. What is returned comes in
        no particular order."""
        answers: list[Row] = []
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            some = rows[start : start + _ROWS_A_STATEMENT]
            values = ", ".join(["%s"] * len(some))
            answers += self.rows(
                " ".join(("INSERT INTO", into, "VALUES", values, "RETURNING", returning)), *map(list, some)
            )
        return answers

    def _execute(self, sql: str, params: Sequence[object]) -> None:
        flat: list[Any] = []
        pieces = sql.split("%s")
        for index, param in enumerate(params):
            if self._arrays and isinstance(param, list) and pieces[index].endswith(" IN "):
                pieces[index] = f"{pieces[index][:-4]} = ANY(%s)"
                flat.append(param)
            elif isinstance(param, list):
                marks = ", ".join(["%s"] * len(param)) or "NULL"  # IN (NULL) holds for nothing
                pieces[index] += f"({marks})"
                flat += param
            else:
                pieces[index] += "%s"
                flat.append(param)
        self._cursor.execute("".join(pieces), self._in(flat))

    def _in(self, values: Sequence[Any]) -> list[Any]:
        return [self._time(value) if isinstance(value, datetime) else value for value in values]

    def _time(self, value: datetime) -> Any:
        known = self._times.get(value)
        if known is None:
            known = self._times[value] = self._connection.ops.adapt_datetimefield_value(value)
        return known


def _out(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:  # SQLite keeps UTC without saying so
        return value.replace(tzinfo=UTC)
    return value


def moment(value: datetime | str | None) -> datetime | None:
    """The time an aggregate gave: SQLite knows the type of a column, not that of ``min(column)``."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
