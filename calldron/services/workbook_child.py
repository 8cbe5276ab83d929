"""`python -m calldron.services.workbook_child`: a workbook on stdin, its first visible sheet on stdout.

Run by itself because it unpacks strangers' files: calamine keeps a sheet as one block from its first cell to its last,
so two cells far apart are asked of the memory that there is. The answer: one line of JSON with the sheet's name, lines
with some rows each (line, cells), and a last line; or ``{"error": …}`` in place of any of them.
"""

import json
import resource
import sys
from collections.abc import Iterator
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

MEMORY: Final = 2 * 2**30  # bytes of address space; 1,000,000 rows of five columns take 800 MB
CPU_SECONDS: Final = 60  # 1,000,000 rows of three columns take 6
_ROWS_A_LINE: Final = 1_000
_EXACT: Final = 10**15  # a spreadsheet keeps 15 digits of a number


def answer() -> Iterator[object]:
    """What is said, line by line."""
    with CalamineWorkbook.from_filelike(sys.stdin.buffer) as workbook:
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet
        ]
        for name in names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.height:
                yield {"sheet": name, "others": [other for other in names if other != name][:20]}
                yield from _pieces(sheet)
                yield {"end": True}
                return
    yield {"error": "empty"}


def _pieces(sheet: CalamineSheet) -> Iterator[list[tuple[int, list[str]]]]:
    piece: list[tuple[int, list[str]]] = []
    for line, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(value) for value in row]
        if any(cells):
            piece.append((line, cells))
        if len(piece) == _ROWS_A_LINE:
            yield piece
            piece = []
    yield piece


def _text(value: object) -> str:
    """A cell as a person would type it: spreadsheets keep every number as a float, and a phone number so."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def _confine() -> None:
    """Set after the library is loaded: a failure from here on is the file's fault."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Say it."""
    _confine()
    said: object
    try:
        for said in answer():
            print(json.dumps(said, ensure_ascii=True, separators=(",", ":")))  # noqa: T201 - this is its answer
    except PasswordError:
        said = {"error": "password"}
    except MemoryError:
        said = {"error": "too_costly"}
    except (CalamineError, OSError, ValueError):
        said = {"error": "unreadable"}
    else:
        return
    print(json.dumps(said))  # noqa: T201 - as above


if __name__ == "__main__":
    main()
