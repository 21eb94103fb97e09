"""Records in a terminal: what `ConsoleSink` prints while a program runs, and `runlog tail` afterwards.

`Formatter` turns a record into lines of styled pieces in which foreign text is already harmless; `Painter` turns those
into what one stream can show. Nothing else writes foreign text to a terminal.
"""

from __future__ import annotations

from runlog.console.exceptions import exception_lines
from runlog.console.format import Formatter, format_event, format_run
from runlog.console.message import format_attributes, format_duration, render_message
from runlog.console.paint import Painter, wants_color
from runlog.console.pieces import Line
from runlog.console.sink import ConsoleSink, attach, is_attached
from runlog.console.tree import Depths

__all__ = [
    "ConsoleSink",
    "Depths",
    "Formatter",
    "Line",
    "Painter",
    "attach",
    "exception_lines",
    "format_attributes",
    "format_duration",
    "format_event",
    "format_run",
    "is_attached",
    "render_message",
    "wants_color",
]
