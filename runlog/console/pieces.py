"""Lines of styled pieces: what formatting makes and painting shows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from runlog.system.text import visible

Piece = tuple[str, str]
"""Text that is safe to show, and the name of its style (a key of `paint.STYLES`)."""

Line = list[Piece]

_LEAST_TEXT_WIDTH = 20
_WIDE = frozenset("WF")
_ZERO = frozenset(("Mn", "Me", "Cf"))


def safe_lines(text: str) -> list[str]:
    """Split foreign text at its newlines, every other control made visible, tabs widened."""
    return visible(text).expandtabs(4).split("\n")


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_width_of_character(character) for character in text)


def _width_of_character(character: str) -> int:
    if unicodedata.east_asian_width(character) in _WIDE:
        return 2
    return 0 if unicodedata.category(character) in _ZERO else 1


def padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def clipped(text: str, limit: int) -> str:
    """Return `text`, or its first `limit` characters and how many more there are."""
    return text if len(text) <= limit else f"{text[:limit]}…(+{len(text) - limit:,} characters)"


def line_width(line: Iterable[Piece]) -> int:
    return sum(width_of(text) for text, _ in line)


def hanging(width: int, column: int) -> int:
    """Return where rows go on that began further left: at `column`, if that leaves room for text."""
    return column if width - column >= _LEAST_TEXT_WIDTH else min(4, width // 2)


def wrapped(line: Line, width: int, indent: int) -> Iterator[Line]:
    """Break a line so that no row is wider than `width`; later rows start at column `indent`.

    A terminal that wrapped by itself would start them at the edge, where a record starts: text could imitate one.
    """
    row: Line = []
    used = 0
    for text, style in line:
        while text:
            fitting = _fitting(text, width - used)
            if not fitting and used <= indent:
                fitting = 1  # one character wider than a whole row
            if fitting:
                row.append((text[:fitting], style))
                used += width_of(text[:fitting])
                text = text[fitting:]  # noqa: PLW2901
            if text:
                yield row
                row, used = [(" " * indent, "")], indent
                text = text.removeprefix(" ")  # noqa: PLW2901
    yield row


def _fitting(text: str, columns: int) -> int:
    """Return how many characters of `text` to put into `columns`: up to the last space where there is one."""
    if columns <= 0:
        return 0
    if width_of(text) <= columns:
        return len(text)
    count = used = 0
    for character in text:
        used += _width_of_character(character)
        if used > columns:
            break
        count += 1
    space = text.rfind(" ", 0, count + 1)
    return space if space > 0 else count
