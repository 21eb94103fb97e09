"""Tables, clipped text and times for a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runlog.console.message import format_duration
from runlog.console.pieces import Line, Piece, padded, width_of
from runlog.stores.base import Run

GAP = 2
_DROP_FIRST = 1
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. In a terminal that is too narrow, `shrink` lets it get narrower, down to `least`, and those
    with the lowest `drop` are left out first (0: never); with `drop` 1, rather than have another narrower than its
    `wanted`."""

    title: str
    align: Literal["left", "right"] = "left"
    shrink: bool = False
    least: int = 8
    drop: int = 0
    wanted: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[Piece]], width: int | None) -> list[Line]:
    """Lay rows out under their titles, columns without any content left out. `width` None: nothing is cut."""
    used = [index for index in range(len(columns)) if any(row[index][0] for row in rows)]
    widths = {
        index: max(width_of(columns[index].title), *(width_of(row[index][0]) for row in rows), 0) for index in used
    }
    if width is not None:
        widths = _narrowed(columns, widths, width)
        used = [index for index in used if index in widths]
    titles: list[Piece] = [(column.title, "heading") for column in columns]
    lines: list[Line] = []
    for row in (titles, *rows):
        line: Line = []
        for place, index in enumerate(used):
            text, style = row[index]
            last = place == len(used) - 1
            shown = fit(text, widths[index])
            if columns[index].align == "right":
                shown = " " * (widths[index] - width_of(shown)) + shown
            elif not last:
                shown = padded(shown, widths[index])
            line += [(shown, style), ("" if last else " " * GAP, "")]
        lines.append(line)
    return lines


def _narrowed(columns: Sequence[Column], widths: dict[int, int], width: int) -> dict[int, int]:
    """The columns that there is room for, with their widths."""
    kept = dict(widths)
    for index in sorted((index for index in widths if columns[index].drop), key=lambda index: columns[index].drop):
        if _lack(columns, kept, width, wanted=columns[index].drop == _DROP_FIRST) > 0:
            del kept[index]
    excess = sum(kept.values()) + GAP * (len(kept) - 1) - width
    for most in (max(width, _LEAST), _LEAST):  # below their `least` only where there is no other way
        for index in sorted((index for index in kept if columns[index].shrink), key=lambda index: -kept[index]):
            given = max(0, min(excess, kept[index] - min(columns[index].least, most)))
            kept[index] -= given
            excess -= given
    return kept


def _lack(columns: Sequence[Column], widths: dict[int, int], width: int, *, wanted: bool) -> int:
    """How much wider than there is room for they are, where each is as narrow as it may be, or wants to be."""
    needed = GAP * (len(widths) - 1)
    for index, own in widths.items():
        column = columns[index]
        narrow = max(column.least, column.wanted) if wanted else column.least
        needed += min(own, narrow) if column.shrink else own
    return needed - width


def fit(text: str, width: int) -> str:
    """Cut text to a number of columns, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += width_of(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…"


def clock(nanoseconds: int, now: float | None = None) -> str:
    """A time of day, with its date where it is not today: `14:02:05`, `Jan 31 14:02:05`, `2025-01-31 14:02:05`."""
    try:
        then, today = time.localtime(nanoseconds // 1_000_000_000), time.localtime(now)
        if then[:3] == today[:3]:
            return time.strftime("%H:%M:%S", then)
        return time.strftime("%b %d %H:%M:%S" if then.tm_year == today.tm_year else "%Y-%m-%d %H:%M:%S", then)
    except (OverflowError, ValueError, OSError):  # a damaged record
        return f"@{nanoseconds}"


def age(nanoseconds: int, now: int) -> str:
    """How long ago, in one unit: `42 s ago`, `3 d ago`."""
    seconds = max(0, now - nanoseconds) // 1_000_000_000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:,} {unit} ago"
    return f"{seconds} s ago"


def day(nanoseconds: int) -> str:
    """The date of a time."""
    try:
        return time.strftime("%Y-%m-%d", time.localtime(nanoseconds // 1_000_000_000))
    except (OverflowError, ValueError, OSError):
        return "?"


def run_duration(run: Run, now: int) -> str:
    """How long a run's attempts took, from the first's start, or have taken so far."""
    if run.started is None:
        return ""
    took = max(0, (now if run.ended is None else run.ended) - run.started)
    days, rest = divmod(took, 86_400_000_000_000)
    text = f"{days} d {rest // 3_600_000_000_000} h" if days else format_duration(took)
    return text if run.ended is not None else text + "…"


def size_text(size: float) -> str:
    """Bytes with the unit that suits them."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
