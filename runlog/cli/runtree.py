"""The tree of a run as rows: names and messages, durations, and bars on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runlog.cli.details import node_details
from runlog.cli.layout import fit
from runlog.cli.output import Output
from runlog.cli.timeline import Axis
from runlog.console.message import format_attributes, format_duration, render_message
from runlog.console.pieces import Line, Piece, clipped, line_width, safe_lines, width_of
from runlog.reading.sentences import error_title, state
from runlog.stores.base import DEBUG, ERROR, LEVEL_NAMES, WARN
from runlog.stores.tree import Node
from runlog.system.text import visible_line

_DURATION = 11
_NARROWEST, _MOST_BARS = 64, 72
_PLAIN_LABEL, _PLAIN_BARS = 100, 40
_DEEPEST = 20
"""Levels whose branches are drawn; what is deeper says how deep it is."""
_BAR_STYLES = {
    "ok": "bar good",
    "error": "bar bad",
    "canceled": "bar attention",
    "unfinished": "bar attention",
}
_WHERE = ("runlog.", "code.")
_MEASURED = ("process.", "cpython.", "event_loop.")
"""Attributes that only `--attributes` shows: what runlog notes, and (of attempts) what the process used."""
_LOG_STYLES = {DEBUG: "quiet message", WARN: "warn message", ERROR: "error message"}


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """What of a tree is drawn."""

    level: int | None = None
    """Only logs of this level or over, failing spans, and what they are in."""
    attributes: bool = False
    limit: int = 0
    """Rows at most; 0 is no limit."""
    now: int = 0


@dataclass(slots=True)
class Drawn:
    """What was drawn, and of how much."""

    rows: int = 0
    total: int = 0


@dataclass(slots=True)
class _Row:
    node: Node
    label: Line
    attributes: Line
    below: str


class TreePainter:
    """Draws one tree on one output."""

    def __init__(self, root: Node, out: Output, options: TreeOptions) -> None:
        self.root, self.out, self.options = root, out, options
        self.drawn = Drawn()
        self._kept = _kept(root, options.level) if options.level is not None else None
        self._branches = ("├─ ", "└─ ", "│  ", "   ") if out.unicode else ("|- ", "`- ", "|  ", "   ")
        self._label = self._columns = 0
        self._axis: Axis | None = None

    def paint(self) -> Drawn:
        """Draw the tree and return how much of it was drawn."""
        rows = list(self._rows())
        self._lay_out(max(line_width(row.label) for row in rows))
        if self._axis is not None:
            self.out.lines([[(" " * self._columns, ""), (self._axis.ticks(), "rule")]])
        for row in rows:
            self.out.lines([self._line(row)], self._label)
            if self.options.attributes:
                margin: Piece = (row.below + (self._branches[2] if row.node.children else "   "), "punctuation")
                self.out.lines([[margin, *line] for line in node_details(row.node)], width_of(margin[0]) + 4)
        return self.drawn

    def _rows(self) -> Iterator[_Row]:
        for node, prefix, below in self._walk():
            self.drawn.total += 1
            if self.options.limit and self.drawn.rows >= self.options.limit:
                continue
            self.drawn.rows += 1
            label = [(prefix, "punctuation"), *(self._log(node) if node.is_log else self._span(node))]
            yield _Row(node, label, [] if self.options.attributes else _inline_attributes(node), below)

    def _lay_out(self, longest: int) -> None:
        """Give the names what they need and the bars the rest, but never less than a readable part."""
        width, fixed = self.out.width, _DURATION + 3
        if not self.out.terminal:
            self._label, bars = min(longest, _PLAIN_LABEL), _PLAIN_BARS
        elif width < _NARROWEST:
            self._label, bars = width - _DURATION - 1, 0
        else:
            self._label = min(longest, width - fixed - (24 if width >= 100 else 16))
            bars = min(_MOST_BARS, width - fixed - self._label)
            self._label = width - fixed - bars
        self._columns = self._label + fixed
        self._axis = (
            Axis(self.root.event.time, _last(self.root, self.options.now), bars, self.out.unicode) if bars else None
        )

    def _walk(self) -> Iterator[tuple[Node, str, str]]:
        """Every node that is kept, with what is drawn before it and before what is below it."""
        stack: list[tuple[Node, str, str, int]] = [(self.root, "", "", 0)]
        while stack:
            node, prefix, below, depth = stack.pop()
            yield node, prefix, below
            children = [child for child in node.children if self._kept is None or id(child) in self._kept]
            for index, child in enumerate(reversed(children)):
                if depth >= _DEEPEST:
                    margin = "   " * _DEEPEST + f"{depth + 1} deep: "
                    stack.append((child, margin, margin, depth + 1))
                elif node is self.root:
                    stack.append((child, "", "", 1))
                else:
                    branch, rest = self._branches[1::2] if index == 0 else self._branches[0::2]
                    stack.append((child, below + branch, below + rest, depth + 1))

    def _line(self, row: _Row) -> Line:
        line = clip_line([*row.label, *row.attributes], self._label) if self.out.terminal else [*row.label]
        line.append((" " * max(1, self._label + 1 - line_width(line)), ""))
        line.append((f"{self._duration(row.node):>{_DURATION}}", "value"))
        if self._axis is not None:
            line += [("  ", ""), *self._bar(row.node, self._axis)]
        return line if self.out.terminal else [*line, *row.attributes]

    def _duration(self, node: Node) -> str:
        if node.is_log:
            return ""
        if node.running:
            return format_duration(max(0, self.options.now - node.event.time)) + "…"
        return format_duration(node.event.duration or 0)

    def _bar(self, node: Node, axis: Axis) -> Line:
        event = node.event
        if node.is_log:
            dot = "•" if self.out.unicode else "*"
            return [(axis.mark(event.time), ""), (dot, LEVEL_NAMES.get(event.level, "info"))]
        end = self.options.now if node.running else event.time + (event.duration or 0)
        waited = 0
        if node.run is not None:
            begun = [child.event.time for child in node.children if not child.is_log]
            waited = max(0, min(node.run.started or end, *begun, end) - node.run.created)
        margin, waiting, bar = axis.bar(event.time, end, waited=waited)
        if node.running:  # its tip has the axis's last column
            bar = bar[: max(0, axis.width - 1 - len(margin) - len(waiting))] + ("▸" if self.out.unicode else ">")
        style = "bar" if node.running else _BAR_STYLES.get(event.status or "", "bar")
        return [(margin, ""), (waiting, "bar waiting"), (bar, style)]

    def _span(self, node: Node) -> Line:
        event = node.event
        if node.run is not None:
            glyph, style = state(node.run)
            names: Line = [(visible_line(event.name), "task")]
            if node is not self.root:
                names = [("→ " if self.out.unicode else "> ", "punctuation"), *names, (f" {short(node)}", "source")]
            return [*names, (f"  {glyph} {visible_line(node.run.status)}", style)]
        line: Line = [(clipped(visible_line(event.name), 200), "message")]
        extra = event.extra or {}
        if node.running:
            line.append(("  ▶ running", "neutral"))
        elif event.status == "error":
            exception = extra.get("exception")
            line.insert(0, ("✗ ", "bad"))
            if isinstance(exception, dict):
                line.append(("  " + visible_line(clipped(error_title(exception), 500)), "bad"))
            elif not _has_failing_span(node):  # else it is said there
                line.append(("  " + visible_line(clipped(str(extra.get("status_message") or ""), 500)), "bad"))
        elif event.status in ("canceled", "unfinished"):
            words = f"{event.status}: {extra['status_message']}" if extra.get("status_message") else event.status
            line.append((f"  ⊘ {visible_line(clipped(words, 500))}", "attention"))
        if node.orphan:
            line.append(("  (its parent is not in the log)", "note"))
        return line

    def _log(self, node: Node) -> Line:
        event = node.event
        name = LEVEL_NAMES.get(event.level, "info")
        first, *rest = safe_lines(clipped(render_message(str(event.message), event.attributes), 2000))
        line: Line = [(f"{name.upper():<5} ", name)]
        if event.name != "logger":
            line.append((f"[{visible_line(event.name.removeprefix('logging:'))}] ", "source"))
        line.append((first, _LOG_STYLES.get(event.level, "message")))
        if rest:
            line.append((f" …(+{len(rest)} lines)", "note"))
        exception = (event.extra or {}).get("exception")
        if isinstance(exception, dict):
            line.append(("  " + visible_line(clipped(error_title(exception), 500)), "exception"))
        return line


def _has_failing_span(node: Node) -> bool:
    return any(not child.is_log and child.event.status == "error" for child in node.children)


def _inline_attributes(node: Node) -> Line:
    """`key=value` for a row's end, without what runlog itself notes on its own spans."""
    line: Line = []
    own = node.event.name.startswith("Attempt ") and not node.is_log
    shown = {
        key: value
        for key, value in node.event.attributes.items()
        if not key.startswith(_WHERE) and not (own and (key == "attempt" or key.startswith(_MEASURED)))
    }
    for number, pair in enumerate(format_attributes(shown)):
        line += [("  " if number == 0 else " ", ""), *pair]
    return line


def short(node: Node) -> str:
    """A child run's id, which every command takes."""
    return visible_line(node.run.run_id) if node.run is not None else ""


def clip_line(line: Line, width: int) -> Line:
    """Cut a line to a number of columns, with an ellipsis where something is missing."""
    if line_width(line) <= width:
        return line
    kept: Line = []
    room = width - 1
    for text, style in line:
        if width_of(text) > room:
            return [*kept, (fit(text + " ", room + 1), style)]
        kept.append((text, style))
        room -= width_of(text)
    return kept


def _last(root: Node, now: int) -> int:
    """The end of the time axis: nothing in the tree is after it."""
    latest, stack = root.end, [root]
    while stack:
        node = stack.pop()
        latest = max(latest, now if node.running else node.end)
        stack.extend(node.children)
    return max(latest, root.event.time + 1)


def _kept(root: Node, level: int) -> set[int]:
    """The nodes worth showing at a level, with everything that they are in."""
    kept = {id(root)}
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        if node.event.level >= level:
            above: Node | None = node
            while above is not None and id(above) not in kept:
                kept.add(id(above))
                above = above.parent
    return kept
