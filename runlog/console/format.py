"""Records as lines for a terminal.

```
14:02:11.482 INFO  sync-user 7f3k2p  syncing user 42  user.id=42 plan=pro
```
"""

from __future__ import annotations

import time
import zlib

from runlog.console.exceptions import exception_lines, exception_title
from runlog.console.message import format_attributes, format_duration, render_message
from runlog.console.paint import Painter
from runlog.console.pieces import Line, clipped, hanging, line_width, padded, safe_lines, width_of, wrapped
from runlog.stores.base import DEBUG, ERROR, INFO, LEVEL_NAMES, WARN, Event, Run
from runlog.system.text import visible_line

MESSAGE_LENGTH = 4000
MESSAGE_LINES = 40
SHORT_ID = 6
"""Characters of a run id that are shown: its end, which every command takes for the whole."""

_TASK_WIDTH, _LEAST_TASK_WIDTH = 24, 12
_STATES: dict[str, tuple[str, str, int]] = {
    "PENDING_VERSION": ("⊘", "attention", WARN),
    "DELAYED": ("·", "neutral", DEBUG),
    "QUEUED": ("·", "neutral", DEBUG),
    "EXECUTING": ("▶", "neutral", INFO),
    "WAITING": ("·", "neutral", DEBUG),
    "COMPLETED": ("✓", "good", INFO),
    "FAILED": ("✗", "bad", ERROR),
    "CANCELED": ("⊘", "attention", WARN),
    "TIMED_OUT": ("✗", "bad", ERROR),
    "CRASHED": ("✗", "bad", ERROR),
    "EXPIRED": ("⊘", "attention", WARN),
}
_MESSAGE_STYLES = {DEBUG: "quiet message", WARN: "warn message", ERROR: "error message"}


def short_run_id(run_id: str) -> str:
    """Return the end of a run id, enough to name it in a command."""
    return visible_line(run_id[-SHORT_ID:])


def state_of(status: str) -> tuple[str, str]:
    """Return the glyph of a run's state and its style."""
    glyph, style, _ = _STATES.get(status, ("·", "neutral", INFO))
    return glyph, style


def run_level(run: Run) -> int:
    """Return how much a run's state matters, as a log level."""
    level = _STATES.get(run.status, ("", "", INFO))[2]
    return WARN if run.status == "DELAYED" and run.attempt else level


class Formatter:
    """Turns records into lines, with columns that stay aligned from one to the next."""

    def __init__(self, *, width: int | None = None) -> None:
        self.width = width
        """Columns to fit attributes into, or None to keep each record's on one line."""
        self._task_width = 0
        self._second = -1
        self._clock = ""

    def event(self, event: Event, task: str | None = None, depth: int = 0) -> list[Line]:
        """Return a log or an ended span as lines; `task` is its run's."""
        margin = "  " * depth
        if event.kind == "log":
            level = LEVEL_NAMES.get(event.level, "info")
            head = self._head(event.time, level.upper(), level, event.run_id, task)
            body, rest = self._message(event)
        else:
            at = event.time + (event.duration or 0)
            failed = event.level >= ERROR
            head = self._head(at, "ERROR" if failed else "SPAN", "error" if failed else "span", event.run_id, task)
            body, rest = self._span(event)
        column = line_width(head) + len(margin)
        lines = [[*head, (margin, ""), *body], *([(" " * column, ""), *line] for line in rest)]
        self._append_attributes(lines, event, column)
        extra = event.extra or {}
        lines.extend([(" " * column, ""), (note, "note")] for note in _notes(extra))
        if isinstance(error := extra.get("exception"), dict):
            lines.extend(exception_lines(error, column, brief=True))
        return self._fitted(lines, column)

    def run(self, run: Run, *, with_exception: bool = True) -> list[Line]:
        """Return a run's state as lines, with the exception that ended it."""
        glyph, style = state_of(run.status)
        if run.status == "DELAYED" and run.attempt:
            glyph, style = "↻", "attention"
        head = self._head(run.changed, "RUN", "run", run.run_id, run.task)
        line: Line = [*head, (f"{glyph} {visible_line(run.status)}", style)]
        lines, error = [line], run.error
        if run.status == "EXECUTING":
            line.append(
                (f"  {visible_line(run.run_id)}" + (f"  attempt {run.attempt}" if run.attempt > 1 else ""), "value")
            )
        elif run.is_terminal and run.started is not None:
            line.append((f" in {format_duration(max((run.ended or run.changed) - run.started, 0))}", ""))
        elif run.status == "DELAYED" and run.available is not None:
            line.append((f" for {format_duration(max(run.available - run.changed, 0))}", ""))
            if run.attempt and not run.reason:
                line.append((f"  attempt {run.attempt} failed", "value"))
        if error and run.status != "COMPLETED" and not run.reason:
            line.append((f"  {visible_line(clipped(exception_title(error), 300))}", "exception"))
        if run.reason:
            line.append((f"  {visible_line(clipped(run.reason, 300))}", "note"))
        exception = error.get("exception") if error else None
        if isinstance(exception, dict) and with_exception:
            lines.extend(exception_lines(exception, line_width(head) + 2, brief=True))
        return self._fitted(lines, line_width(head) + 2)

    def _head(self, at: int, label: str, style: str, run_id: str | None, task: str | None) -> Line:
        head: Line = [(self._time(at), "time"), (" ", ""), (f"{label:<5}", style), (" ", "")]
        if run_id is not None:
            name = visible_line(task) if task else "run"
            name = name if width_of(name) <= _TASK_WIDTH else name[: _TASK_WIDTH - 1] + "…"
            self._task_width = max(self._task_width, min(width_of(name), _TASK_WIDTH), _LEAST_TASK_WIDTH)
            color = f"run {zlib.crc32(run_id.encode(errors='replace')) % 8}"
            head += [
                (padded(name, self._task_width), "task"),
                (" ", ""),
                (f"{short_run_id(run_id):<{SHORT_ID}}", color),
                ("  ", ""),
            ]
        elif self._task_width:
            head.append((" " * (self._task_width + SHORT_ID + 3), ""))
        return head

    def _message(self, event: Event) -> tuple[Line, list[Line]]:
        message = event.message if isinstance(event.message, str) else str(event.message)
        shown = clipped(render_message(message, event.attributes), MESSAGE_LENGTH)
        first, *rest = safe_lines(shown)
        style = _MESSAGE_STYLES.get(event.level, "message")
        body: Line = [(first, style)]
        if event.name != "logger":
            body.insert(0, (f"[{visible_line(event.name.removeprefix('logging:'))}] ", "source"))
        lines: list[Line] = [[("  " + text, style)] for text in rest[:MESSAGE_LINES]]
        if len(rest) > MESSAGE_LINES:
            lines.append([(f"  …(+{len(rest) - MESSAGE_LINES} lines)", "note")])
        return body, lines

    def _span(self, event: Event) -> tuple[Line, list[Line]]:
        body: Line = [("└ ", "punctuation"), (clipped(visible_line(event.name), 200), "message")]
        if event.duration is not None:
            body.append((f" {format_duration(event.duration)}", "value"))
        if event.status not in (None, "ok", "unset"):
            reason = (event.extra or {}).get("status_message")
            words = f"{event.status}: {reason}" if reason else str(event.status)
            body.append((f"  {visible_line(clipped(words, 300))}", "bad" if event.level >= ERROR else "attention"))
        return body, []

    def _append_attributes(self, lines: list[Line], event: Event, column: int) -> None:
        pairs = format_attributes(event.attributes)
        if pairs and len(lines) > 1:
            lines.append([(" " * column, "")])
        line, used = lines[-1], line_width(lines[-1])
        for number, pair in enumerate(pairs):
            gap = "  " if number == 0 else " "
            wide = line_width(pair)
            if self.width is not None and used + len(gap) + wide > self.width and used > column:
                line = [(" " * column, ""), ("  ", "")]
                lines.append(line)
                used, gap = column + 2, ""
            line += [(gap, ""), *pair]
            used += len(gap) + wide

    def _fitted(self, lines: list[Line], column: int) -> list[Line]:
        if self.width is None:
            return lines
        return [row for line in lines for row in wrapped(line, self.width, hanging(self.width, _column(line, column)))]

    def _time(self, nanoseconds: int) -> str:
        second, rest = divmod(nanoseconds, 1_000_000_000)
        if second != self._second:
            try:
                self._clock = time.strftime("%H:%M:%S", time.localtime(second))
            except (OverflowError, ValueError, OSError):  # a damaged record
                self._clock = "--:--:--"
            self._second = second
        return f"{self._clock}.{rest // 1_000_000:03}"


def _column(line: Line, least: int) -> int:
    """Return where the further rows of a line start: under its text, a little to the right."""
    text = "".join(text for text, _ in line)
    margin = len(text) - len(text.lstrip(" "))
    return max(least, margin + 2) if margin else least


def _notes(extra: dict[str, object]) -> list[str]:
    dropped = extra.get("dropped")
    if not isinstance(dropped, dict) or not dropped:
        return []
    return [
        visible_line(
            clipped("(" + ", ".join(f"{number} {what} dropped" for what, number in dropped.items()) + ")", 300)
        )
    ]


def format_event(event: Event, *, task: str | None = None, depth: int = 0, color: bool = False) -> str:
    """Return one record as text. To show many, keep a `Formatter` and a `Painter`: their columns stay aligned."""
    formatter = Formatter()
    return Painter(None, color).paint(formatter.event(event, task, depth))


def format_run(run: Run, *, color: bool = False) -> str:
    """Return a run's state as text."""
    formatter = Formatter()
    return Painter(None, color).paint(formatter.run(run))
