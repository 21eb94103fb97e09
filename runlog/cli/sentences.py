"""Runs in words: what state one is in, and first of all where and why it failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runlog.console.format import state_of
from runlog.console.message import format_duration
from runlog.console.pieces import Line, clipped
from runlog.stores.base import Run
from runlog.stores.tree import Node, failure, walk
from runlog.system.text import visible_line

_VERBS = {
    "PENDING_VERSION": "is waiting for a worker that knows its task",
    "DELAYED": "is waiting for its time",
    "QUEUED": "is queued",
    "EXECUTING": "is running",
    "WAITING": "is waiting",
}
_ATTEMPT = "Attempt "


def state(run: Run) -> tuple[str, str]:
    """The glyph of a run's state and its style."""
    return state_of(run.status)


def error_title(error: dict[str, Any] | None) -> str:
    """`Type: message` on one line, not yet made safe; empty if there is no error."""
    if not error:
        return ""
    kind, message = str(error.get("type") or "error"), str(error.get("message") or "")
    return f"{kind}: {message}" if message else kind


def headline(run: Run, root: Node, now: int) -> Line:
    """One sentence: which run, how it ended or stands, on which attempt, after how long, and where and why."""
    glyph, style = state(run)
    line: Line = [
        (f"{glyph} ", style),
        (visible_line(run.run_id), "source"),
        (" ", ""),
        (visible_line(run.task), "task"),
        (" ", ""),
        (visible_line(run.status), style),
    ]
    if not run.is_terminal:
        return [*line, (f" {_standing(run, root, now)}", "")]
    words = _attempts(run, root)
    if run.started is not None and run.ended is not None:
        words += f" after {format_duration(max(0, run.ended - run.started))}"
    line.append((words, ""))
    if run.status == "COMPLETED":
        return line
    reason = _reason(run, root)
    return [*line, (f": {reason}", "message")] if reason else line


def _attempts(run: Run, root: Node) -> str:
    if run.attempt <= 1 and run.status == "COMPLETED":
        return ""
    most = max_attempts(root)
    if not run.attempt:
        return " before its first attempt"
    return f" on attempt {run.attempt}" + (f" of {most}" if most else "")


def max_attempts(root: Node) -> int | None:
    """How many attempts the run had, as its last attempt's span says."""
    found = None
    for child in root.children:
        value = child.event.attributes.get("runlog.max_attempts")
        if child.event.name.startswith(_ATTEMPT) and isinstance(value, int):
            found = value
    return found


def _standing(run: Run, root: Node, now: int) -> str:
    words = _VERBS.get(run.status, "")
    if run.status == "DELAYED" and run.available is not None:
        words = "starts" if not run.attempt else f"tries again (attempt {run.attempt} failed)"
        left = run.available - now
        words += f" in {format_duration(left)}" if left > 0 else " now"
    elif run.started is not None:
        words += f" for {format_duration(max(0, now - run.started))}"
        if run.attempt > 1:
            words += f", on attempt {run.attempt}"
    else:
        words += f" for {format_duration(max(0, now - run.created))}"
    if run.reason:
        words += f": {visible_line(clipped(run.reason, 300))}"
    inside = deepest(root, ("open",)) if run.status in ("EXECUTING", "WAITING") else None
    return words + (f", in {_name(inside)}" if inside is not None else "")


def _reason(run: Run, root: Node) -> str:
    """`ConnectError in HTTP POST /charge`, or what else the run says about its end."""
    if run.status in ("CANCELED", "EXPIRED"):
        node = deepest(root, ("canceled", "unfinished"))
        words = run.reason or ""
    else:
        node = failure(root) or deepest(root, ("unfinished", "canceled"))
        words = _kind(run) or run.reason or ""
    where = f" in {_name(node)}" if node is not None and not node.event.name.startswith(_ATTEMPT) else ""
    return visible_line(clipped(words, 300)) + where


def _kind(run: Run) -> str:
    if run.status == "FAILED" and run.error:
        return str(run.error.get("type") or "")
    if run.error and run.status != "TIMED_OUT":
        return error_title(run.error)
    return run.reason or error_title(run.error)


def _name(node: Node) -> str:
    return visible_line(clipped(node.event.name, 120))


def deepest(root: Node, statuses: Iterable[str]) -> Node | None:
    """The deepest span on the way down through spans of these statuses (`open`: that run), the last on each level."""
    wanted = frozenset(statuses)
    found: Node | None = None
    node: Node | None = root
    while node is not None:
        inside = [
            child
            for child in node.children
            if not child.is_log and (("open" in wanted) if child.running else child.event.status in wanted)
        ]
        node = inside[-1] if inside else None
        found = node or found
    return found


def failing_exception(root: Node, run: Run) -> dict[str, Any] | None:
    """The exception that ended the run, from where it was raised."""
    node = failure(root)
    if node is not None:
        for candidate in (node, *_above(node)):
            found = (candidate.event.extra or {}).get("exception")
            if isinstance(found, dict):
                return found
    stored = (run.error or {}).get("exception")
    return stored if isinstance(stored, dict) else None


def _above(node: Node) -> Iterable[Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def count_spans_with(root: Node, status: str) -> int:
    """How many spans have a status."""
    return sum(1 for _, node in walk(root) if not node.is_log and node.event.status == status)
