"""Where commands write: tables and trees through the painter, JSON, and one-line errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any, TextIO

from runlog.console.paint import Painter
from runlog.console.pieces import Line
from runlog.reading.text import json_text
from runlog.system.text import visible

READER_GONE = 141
"""The exit code of a command whose output nobody reads any more, as if SIGPIPE had ended it."""

PLAIN_WIDTH = 120
"""Columns to lay out for where there is no terminal."""


class Output:
    """Standard output. Everything shown goes through here as styled pieces of text made safe, or as JSON."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.painter = Painter(self.stream)
        self.terminal = self.painter.width is not None
        self.width = self.painter.width or _columns() or PLAIN_WIDTH
        self.unicode = _can_encode(self.stream, "█▏├─└│░●✗")

    def lines(self, lines: Iterable[Line], indent: int = 0) -> None:
        """Write lines. They must fit `width`, or may be wrapped to `indent`."""
        self._write(self.painter.paint(lines, indent))

    def text(self, text: str = "", style: str = "") -> None:
        """Write our own words, of any number of lines."""
        self.lines([[(part, style)] for part in text.split("\n")])

    def foreign(self, text: str) -> None:
        """Write foreign text, every control character but newline and tab made visible."""
        self.lines([[(part, "")] for part in visible(text).split("\n")])

    def json(self, value: Any) -> None:
        """Write one JSON value on a line. Pure ASCII, so it is harmless in a terminal whatever is in it."""
        self.json_line(json_text(value))

    def json_line(self, text: str) -> None:
        """Write a line that is JSON already."""
        self._write(text + "\n")

    def flush(self) -> None:
        """Have everything written."""
        self._write("", flush=True)

    def _write(self, text: str, *, flush: bool = False) -> None:
        try:
            self.stream.write(text)
            if flush:
                self.stream.flush()
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), self.stream.fileno()
            )  # so that the interpreter's last flush works
            raise SystemExit(READER_GONE) from None


@cache
def output() -> Output:
    """The process's standard output."""
    return Output()


def note(text: str) -> None:
    """Tell the user something that is not the answer, on standard error."""
    painter = Painter(sys.stderr)
    sys.stdout.flush()
    sys.stderr.write(painter.paint([[(part, "note")] for part in visible(text).split("\n")]))


def error_line(what: str, why: str | None = None, fix: str | None = None) -> None:
    """Say what went wrong, why, and what to type; foreign text in it is made harmless."""
    first, *rest = visible(what).split("\n")
    lines: list[Line] = [[("error: ", "bad"), (first, "")]]
    lines += [[("  " + part, "")] for part in rest]
    for text, style in ((why, ""), (fix, "note")):
        if text:
            lines += [[("  " + part, style)] for part in visible(text).split("\n")]
    sys.stderr.write(Painter(sys.stderr).paint(lines, 2))
    sys.stderr.flush()


def _columns() -> int | None:
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
