"""Tables, as Markdown that reads well in a terminal too, and what machine they are from."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_QUIET = 0.5  # load average of the last minute

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """``rows`` have a cell a column; ``None`` is printed as a dash. ``notes`` stand below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())

    def markdown(self) -> str:
        """The table with its title and notes."""
        cells = [list(self.columns), *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        head, *body = (_line(row, widths) for row in cells)
        ruler = "|" + "|".join("-" * (width + 1) + ("-" if not i else ":") for i, width in enumerate(widths)) + "|"
        lines = [f"## {self.title}", "", head, ruler, *body]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)


def machine() -> list[str]:
    """CPU, cores, kernel, Python, date: without them a figure says nothing."""
    load = os.getloadavg()[0]
    warning = "" if load < _QUIET else ": NOT A QUIET MACHINE, the figures are worse than they should be"
    return [
        f"CPU: {_cpu_model()}, {os.cpu_count()} cores, load before the run {load:.2f}{warning}",
        f"kernel {platform.release()}, {platform.machine()}; Python {platform.python_version()}",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]


def verdict(value: float, goal: float, *, most: bool) -> str:
    """A figure beside its goal, which is the most or the least that it may be."""
    reached = value <= goal if most else value >= goal
    return f"{_text(value)} (goal {'≤' if most else '≥'} {goal:g}: {'reached' if reached else 'MISSED'})"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return "-"
        case float():
            return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}" if abs(cell) < 1 else f"{cell:.2f}"
        case _:
            return str(cell)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.ljust(width) if not i else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join(aligned) + " |"
