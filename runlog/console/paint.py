"""Styled pieces, as one stream can show them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from runlog.console.pieces import Line, hanging, line_width, wrapped

STYLES: dict[str, str] = {
    "": "",
    "time": "bright_black",
    "debug": "bright_black",
    "info": "cyan",
    "warn": "bold yellow",
    "error": "bold red",
    "span": "bright_black",
    "run": "bold magenta",
    "task": "bold",
    "message": "",
    "quiet message": "bright_black",
    "warn message": "yellow",
    "error message": "bold",
    "source": "bright_black",
    "key": "cyan dim",
    "punctuation": "bright_black",
    "value": "bright_black",
    "note": "bright_black italic",
    "good": "bold green",
    "bad": "bold red",
    "attention": "bold yellow",
    "neutral": "bold cyan",
    "exception": "bold red",
    "frame": "",
    "foreign frame": "bright_black",
    "code": "bright_black",
    "heading": "bright_black underline",
    "rule": "bright_black",
    "bar": "cyan",
    "bar waiting": "bright_black",
    "bar good": "green",
    "bar bad": "red",
    "bar attention": "yellow",
    "run 0": "cyan",
    "run 1": "magenta",
    "run 2": "green",
    "run 3": "blue",
    "run 4": "yellow",
    "run 5": "bright_cyan",
    "run 6": "bright_magenta",
    "run 7": "bright_green",
}
_ASCII = str.maketrans(
    {"…": "...", "✓": "+", "✗": "x", "▶": ">", "↻": "~", "⊘": "-", "└": "`", "│": "|", "─": "-", "µ": "u", "·": "-"}
)


def wants_color(stream: TextIO) -> bool:
    """Say whether escapes may be written to `stream`: it is a terminal (or FORCE_COLOR is set) and NO_COLOR is not."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return _is_terminal(stream) and os.environ.get("TERM", "") not in ("", "dumb")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False


class Painter:
    """Turns lines into text for one stream: coloured in a terminal, otherwise plain, without any escape."""

    def __init__(self, stream: TextIO | None, color: bool | None = None) -> None:
        self._stream = stream
        if color is None:
            color = stream is not None and wants_color(stream)
        self._render = _ansi_renderer() if color else None
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    @property
    def width(self) -> int | None:
        """Columns of the terminal, or None if the stream is none."""
        if self._stream is None or not _is_terminal(self._stream):
            return None
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or None
        except (AttributeError, OSError, ValueError):
            return None

    def paint(self, lines: Iterable[Line], indent: int = 0) -> str:
        """Return lines as text that ends in a newline. In a terminal too narrow, rows go on at column `indent`."""
        width, rows = self.width, []
        for line in lines:
            if width is None or line_width(line) <= width:
                rows.append(self._paint_row(line))
            else:
                rows.extend(self._paint_row(row) for row in wrapped(line, width, hanging(width, indent)))
        return self._encodable("".join(f"{row}\n" for row in rows))

    def _paint_row(self, row: Line) -> str:
        if self._render is None:
            return "".join(text for text, _ in row).rstrip()
        return "".join(self._render(text, style) for text, style in row)

    def _encodable(self, text: str) -> str:
        """Return `text` with what the stream's encoding lacks replaced: a write never fails for it."""
        try:
            text.encode(self._encoding)
        except (UnicodeEncodeError, LookupError):
            return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()
        return text


def _ansi_renderer() -> Callable[[str, str], str]:
    from rich.color import ColorSystem
    from rich.style import Style

    styles: dict[str, Any] = {name: Style.parse(text) for name, text in STYLES.items()}

    def render(text: str, style: str) -> str:
        # The sixteen colours of every palette: they follow the terminal's theme, dark or light.
        return str(styles[style].render(text, color_system=ColorSystem.STANDARD)) if style and text else text

    return render
