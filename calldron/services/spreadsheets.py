"""Tables as people have them (CSV, XLSX, XLS, ODS, lines that were pasted) as rows of text, with hard limits.

Workbooks are unpacked and read by ``workbook_child`` in a process with its own ceilings of memory and time: whatever a
hostile file does to it, the caller gets ``InvalidInput`` in words.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import structlog
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import csv_text

MOST_ROWS: Final = 1_000_000  # and a header
MOST_COLUMNS: Final = 100
LONGEST_CELL: Final = 500  # characters; the rest of a longer one is cut off
MOST_TEXT: Final = 200_000_000  # characters of all cells together: a cell may be named a million times
MOST_UNPACKED: Final = 400 * 2**20  # bytes; 1,000,000 rows of three columns take 150 MB
_MOST_PARTS: Final = 2_000  # files within a workbook

# Seconds of wall clock. The child's own ceiling of CPU time is lower; this one is for an overloaded machine.
_CHILD_TIMEOUT: Final = 180

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a ZIP file, an OLE file
_OLE = _WORKBOOKS[1]

# Children at a time of one process: a burst of uploads queues instead of taking all memory.
_TURNS: Final = threading.BoundedSemaphore(2)

_CODE_ROOT: Final = Path(__file__).resolve().parents[2]

log = structlog.get_logger(__name__)


class Row(NamedTuple):
    """A row that is not blank, and the line of the file where it begins."""

    line: int
    cells: list[str]


@dataclass
class Table:
    """An opened table. ``sheet``: which sheet of a workbook this is, ``others``: those that are not looked at."""

    rows: Iterator[Row]
    sheet: str = ""
    others: list[str] = field(default_factory=list)


@contextmanager
def opened(data: bytes) -> Iterator[Table]:
    """The table of a file, by what is in it and not by its name. Raises ``InvalidInput``, while rows are read too."""
    if not data.strip():
        raise InvalidInput(_("The file is empty."))
    if data.startswith(_WORKBOOKS):
        with _workbook(data) as table:
            yield Table(_within_limits(table.rows), table.sheet, table.others)
    else:
        yield Table(_within_limits(_lines(csv_text.decoded(data))))


def _within_limits(rows: Iterator[Row]) -> Iterator[Row]:
    count = characters = 0
    for line, cells in rows:
        kept = [cell.strip()[:LONGEST_CELL].translate(_UNPRINTABLE) for cell in cells]
        while kept and not kept[-1]:
            kept.pop()
        if not kept:
            continue
        if len(kept) > MOST_COLUMNS:
            limits = {"line": line, "columns": len(kept), "most": MOST_COLUMNS}
            raise InvalidInput(
                _("Line %(line)d has %(columns)d columns; at most %(most)d are read. Leave the ones needed.") % limits
            )
        count += 1
        characters += sum(map(len, kept))
        if count > MOST_ROWS + 1:
            raise InvalidInput(_("The table is longer than %(most)d rows. Split it.") % {"most": MOST_ROWS})
        if characters > MOST_TEXT:
            raise InvalidInput(_("There is too much text in this table. Leave the columns that are needed."))
        yield Row(line, kept)


# What a database or a page would choke on: control characters, and halves of surrogate pairs.
_UNPRINTABLE: Final = dict.fromkeys((*range(0x20), 0x7F, *range(0xD800, 0xE000)), " ")


def _lines(text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=csv_text.delimiter(text))
    line = 1
    try:
        for cells in reader:
            yield Row(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        words = {"line": line, "error": error}
        raise InvalidInput(_("Line %(line)d is no CSV: %(error)s. Is a quotation mark left open?") % words) from error


# ---------------------------------------------------------------- workbooks


@contextmanager
def _workbook(data: bytes) -> Iterator[Table]:
    _refuse_bombs(data)
    with _TURNS, tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with _child(file) as answers:
            head = next(answers)
            yield Table(_rows(answers), head["sheet"], head["others"])


def _rows(answers: Iterator[Any]) -> Iterator[Row]:
    """The child's lines: some rows each, and ``{"end": …}`` when it is through."""
    for piece in answers:
        if isinstance(piece, dict):
            return
        yield from (Row(line, cells) for line, cells in piece)


@contextmanager
def _child(file: IO[bytes]) -> Iterator[Iterator[Any]]:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "calldron.services.workbook_child"],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Nothing of the server's environment (its secrets) goes to code that reads hostile bytes.
        env={"PATH": os.defpath, "PYTHONPATH": str(_CODE_ROOT)},
    ) as process:
        deadline = threading.Timer(_CHILD_TIMEOUT, process.kill)
        deadline.start()
        try:
            yield _answers(process)
        finally:
            deadline.cancel()
            process.kill()  # whoever reads may have had enough of it


def _answers(process: "subprocess.Popen[bytes]") -> Iterator[Any]:
    for line in process.stdout or ():
        said = json.loads(line)
        if isinstance(said, dict) and "error" in said:
            raise _refusal(said["error"])
        yield said
        if "end" in said:
            return
    log.warning("the reader of a workbook died", code=process.wait())
    raise _refusal("too_costly")  # of the memory or the time that it may take, as a rule


def _refuse_bombs(data: bytes) -> None:
    """A ZIP file says how much it unpacks to, and no reader unpacks more of it than that."""
    if data.startswith(_OLE):
        return
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise _refusal("unreadable") from error
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise _refusal("too_costly")


def _refusal(code: str) -> InvalidInput:
    words = {
        "empty": _("There is no sheet with anything in it that is not hidden."),
        "password": _("The workbook has a password. Take it off, or save the sheet as CSV."),
        "too_costly": _("The workbook unpacks to too much to be read. Leave one sheet with the columns needed."),
    }
    other = _("This can't be read as a workbook: it is damaged or of another kind. Save it as XLSX or CSV.")
    return InvalidInput(words.get(code, other))
