"""CSV (RFC 4180) as people's spreadsheets write it, and cells that no spreadsheet takes for formulas."""

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Sequence

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput

BOM = b"\xef\xbb\xbf"  # by which Excel knows that a file is UTF-8

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection): an apostrophe makes it text. One that
# is an apostrophe already gets another, so that what was written is what is read.
FORMULAS = ("=", "+", "-", "@", "'", "\t", "\r")

_SAMPLE_LINES = 50
_SAMPLE = 20_000  # characters


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or Windows-1251. Raises ``InvalidInput``."""
    encodings = ("utf-16",) if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else ("utf-8-sig", "windows-1251")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidInput(_("This is no text in UTF-8 or Windows-1251: save the table as CSV."))


def delimiter(text: str) -> str:
    """Whichever of comma, semicolon and tab cuts the first lines most evenly; of equals the one that stands first. A
    comma within a name does not count then where semicolons part the columns."""
    sample = text[:_SAMPLE].lstrip("\r\n ")
    marks = [mark for mark in ",;\t" if mark in sample]
    return max(sorted(marks, key=sample.index), key=lambda mark: _evenness(sample, mark), default=",")


def _evenness(sample: str, mark: str) -> float:
    """The share of lines that have as many columns as most, unless most have one."""
    widths: Counter[int] = Counter()
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=mark):
            if any(row):
                widths[len(row)] += 1
            if widths.total() == _SAMPLE_LINES:
                break
    except csv.Error:  # the reader of the whole file will say what is wrong with it
        return 0.0
    width, lines = widths.most_common(1)[0] if widths else (1, 0)
    return lines / widths.total() if width > 1 else 0.0


def harmless(cell: str) -> str:
    """The cell as a spreadsheet takes it for text."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def written(rows: Iterable[Sequence[object]], mark: str = ",") -> bytes:
    """Rows as lines of a file."""
    file = io.StringIO()
    csv.writer(file, delimiter=mark).writerows(rows)
    return file.getvalue().encode()


def local_mark() -> str:
    """What Excel parts columns by in the reader's language: where commas stand in numbers it is the semicolon."""
    return ";" if get_language() == "ru" else ","
