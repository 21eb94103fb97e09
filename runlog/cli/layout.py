"""Tables and clipped text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runlog.console.pieces import Line, Piece, padded, width_of

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
