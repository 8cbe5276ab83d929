"""Tables as XLSX, sent as they are written: neither memory nor disk grows with them, and the first bytes leave at once.

A workbook is a ZIP file of XML (ECMA-376 part 1, section 18). Its list of sheets may come after them, so their number
need not be known before.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from itertools import chain, islice
from string import ascii_uppercase
from typing import IO, Final, cast

MOST_ROWS_A_SHEET: Final = 1_000_000  # besides the titles; XLSX has room for 1,048,576

Cell = str | int | float | datetime | None
"""Text stays text, whatever a spreadsheet would make of it. Moments are those of a wall clock: it knows no zones."""

_ROWS_AT_ONCE: Final = 500
_QUICK: Final = 1  # of zlib's levels: XML becomes a tenth by the least effort
_DAY: Final = timedelta(days=1)
_FIRST_DAY: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - of no zone, as spreadsheets count
_BOLD, _MOMENT = 1, 2  # styles, by their place in _STYLES

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_STYLES = f"""{_HEAD}<styleSheet xmlns="{_MAIN}">\
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font>\
</fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>\
</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""


class _Sent:
    """What a ZIP file is written to: it gives away what it has."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is behind it."""

    def taken(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        return data


def written(name: str, titles: Sequence[str], widths: Sequence[int], rows: Iterator[Sequence[Cell]]) -> Iterator[bytes]:
    """The file, piece by piece: rows on a sheet of that name, and on further ones where they are more than it holds.
    At most 26 columns."""
    sent, sheets = _Sent(), 0
    with zipfile.ZipFile(cast("IO[bytes]", sent), "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICK) as book:
        while (first := list(islice(rows, 1))) or not sheets:
            sheets += 1
            with book.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                sheet.write(_beginning(titles, widths).encode())
                lines = enumerate(islice(chain(first, rows), MOST_ROWS_A_SHEET), 2)
                while some := list(islice(lines, _ROWS_AT_ONCE)):
                    sheet.write("".join(_row(line, cells) for line, cells in some).encode())
                    yield sent.taken()
                sheet.write(b"</sheetData></worksheet>")
        names = [f"{name} {place}" if place > 1 else name for place in range(1, sheets + 1)]
        for place, text in _about(names):
            book.writestr(place, text)
    yield sent.taken()


def _beginning(titles: Sequence[str], widths: Sequence[int]) -> str:
    """Of a sheet: the first row and column stay in sight."""
    columns = (f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, 1))
    pane = '<pane xSplit="1" ySplit="1" topLeftCell="B2" activePane="bottomRight" state="frozen"/>'
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        f"<cols>{''.join(columns)}</cols><sheetData>{_row(1, titles, _BOLD)}"
    )


def _row(line: int, cells: Sequence[Cell], style: int = 0) -> str:
    written = [_cell(f"{column}{line}", cell, style) for column, cell in zip(ascii_uppercase, cells, strict=False)]
    return f'<row r="{line}">{"".join(written)}</row>'


def _cell(place: str, cell: Cell, style: int) -> str:
    if cell is None or cell == "":
        return ""
    if isinstance(cell, str):
        return f'<c r="{place}" s="{style}" t="inlineStr"><is><t>{escape(cell, quote=False)}</t></is></c>'
    if isinstance(cell, datetime):
        return f'<c r="{place}" s="{_MOMENT}"><v>{(cell - _FIRST_DAY) / _DAY:.10f}</v></c>'
    return f'<c r="{place}" s="{style}"><v>{cell}</v></c>'


def _about(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a workbook says of itself: the sheets, and where everything is."""
    count = len(names) + 1
    parts = [f"worksheets/sheet{place}.xml" for place in range(1, count)]
    listed = (
        f'<sheet name="{escape(name)}" sheetId="{place}" r:id="rId{place}"/>' for place, name in enumerate(names, 1)
    )
    yield (
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{"".join(listed)}</sheets></workbook>',
    )
    kinds = ["worksheet"] * len(names) + ["styles"]
    yield "xl/_rels/workbook.xml.rels", _relations(zip(kinds, [*parts, "styles.xml"], strict=True))
    yield "xl/styles.xml", _STYLES
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    typed = [("workbook.xml", "sheet.main"), ("styles.xml", "styles"), *((part, "worksheet") for part in parts)]
    overrides = (f'<Override PartName="/xl/{part}" ContentType="{_KIND}.{kind}+xml"/>' for part, kind in typed)
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    yield (
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{"".join(overrides)}</Types>',
    )


def _relations(parts: Iterable[tuple[str, str]]) -> str:
    found = (
        f'<Relationship Id="rId{place}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(parts, 1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(found)}</Relationships>'
