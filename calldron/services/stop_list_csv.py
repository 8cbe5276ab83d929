"""The stop list as CSV (RFC 4180), as people's spreadsheets write it and programs read it.

In: the number in the first column, a comment in the second, more columns are passed over; commas, semicolons or tabs;
a first row without a digit in its first column is a header. Out: commas, a header, CRLF.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import csv_text, stop_list
from calldron.services.errors import FieldError
from calldron.services.stop_list import Entry, Row


def read(data: bytes, errors: list[FieldError], meant: Callable[[str], str] = str) -> list[Entry]:
    """The entries of a file. ``meant``: the number that a cell stands for. Lines that cannot be used are added to
    ``errors``. Raises ``InvalidInput`` where it is none, or empty."""
    text = csv_text.decoded(data)
    entries: list[Entry] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=csv_text.delimiter(text), strict=True)
    first, line = True, 1
    try:
        for row in reader:
            if any(map(str.strip, row)):
                if not (first and _is_header(row)):
                    _read_row([meant(row[0].strip()), *row[1:]], line, entries, errors)
                first = False
            line = reader.line_num + 1
    except csv.Error as error:
        errors.append(_mistake(line, _("This is no CSV: %(error)s.") % {"error": error}))
    if not entries and not errors:
        raise InvalidInput(_("There is no number in this file."))
    return entries


def _is_header(row: list[str]) -> bool:
    return not any(map(str.isdigit, row[0]))


def _read_row(row: list[str], line: int, entries: list[Entry], errors: list[FieldError]) -> None:
    mistakes: list[FieldError] = []
    comment = row[1] if len(row) > 1 else ""
    if comment.startswith("'") and comment[1:].startswith(csv_text.FORMULAS):
        comment = comment[1:]
    entry = stop_list.read({"number": row[0], "comment": comment}, mistakes)
    errors += [_mistake(line, mistake.message) for mistake in mistakes]
    if entry is not None:
        entries.append(entry)


def _mistake(line: int, message: str) -> FieldError:
    return FieldError(f"line {line}", message)


def write(pieces: Iterable[list[Row]]) -> Iterator[bytes]:
    """A file of entries, piece by piece, in UTF-8. Times are UTC."""
    yield csv_text.written([Row._fields])
    for piece in pieces:
        yield csv_text.written(
            (row.number, csv_text.harmless(row.comment), row.source, _time(row.created_at)) for row in piece
        )


@lru_cache(maxsize=16)  # numbers that came together share one
def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
