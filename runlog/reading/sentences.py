"""Runs in words: what state one is in, and first of all where and why it failed."""

from __future__ import annotations

import re
from typing import Any

from runlog.console.exceptions import exception_title
from runlog.console.format import state_of
from runlog.console.message import format_duration
from runlog.console.pieces import Line, clipped
from runlog.reading.clock import clock
from runlog.stores.base import Run
from runlog.stores.tree import Node, failure, running, stopped
from runlog.system.text import visible_line

_ATTEMPT = "Attempt "
_OF_ALL = re.compile(r"\(attempt \d+ of (\d+)\)$")
"""How the executor ends the reason of a run that has used up its attempts."""
_NEXT = "; the next one "
"""What it puts between why an attempt failed and when the next one is."""


def state(run: Run) -> tuple[str, str]:
    """The glyph of a run's state and its style."""
    return state_of(run.status)


def error_title(error: dict[str, Any] | None) -> str:
    """`Type: message`, not yet made safe; empty if there is no error."""
    return exception_title(error) if error else ""


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
        return [*line, (_standing(run, root, now), "")]
    words = _attempts(run)
    if run.started is not None and run.ended is not None:
        words += f" after {format_duration(max(0, run.ended - run.started))}"
    return [*line, (words, ""), (_ending(run, root), "message")]


def _attempts(run: Run) -> str:
    if run.attempt <= 1 and run.status == "COMPLETED":
        return ""
    most = _OF_ALL.search(run.reason or "")
    if not run.attempt:
        return " before its first attempt"
    return f" on attempt {run.attempt}" + (f" of {most[1]}" if most else "")


def _standing(run: Run, root: Node, now: int) -> str:
    """How a run that has not ended stands."""
    code = (run.cause or {}).get("code")
    reason = run.reason or ("no worker knows its task" if run.status == "PENDING_VERSION" else "")
    if run.status == "DELAYED" and run.available is not None:
        left = run.available - now
        words = f", {'tries again' if run.attempt else 'starts'} "
        words += f"in {format_duration(left)}, at {clock(run.available)}" if left > 0 else "as soon as a worker is free"
        words += f" (attempt {run.attempt} failed)" if run.attempt and code != "retry" else ""
        if code == "delayed":
            reason = ""
        elif code == "retry":  # which attempt failed, and when the next one is
            reason = failed_attempt(reason)
    else:
        since = run.started if run.started is not None else run.created
        words = f" for {format_duration(max(0, now - (run.changed if run.status == 'WAITING' else since)))}"
        words += f", on attempt {run.attempt}" if run.attempt > 1 else ""
    inside = running(root) if run.status in ("EXECUTING", "WAITING") and code != "several" else None
    words += f", in {_name(inside)}" if inside is not None else ""
    return words + (f": {visible_line(clipped(reason, 300))}" if reason else "")


def failed_attempt(reason: str) -> str:
    """Which attempt failed and why, of the reason of a run that is tried again."""
    return reason.rpartition(_NEXT)[0] or reason


def _ending(run: Run, root: Node) -> str:
    """`: ConnectError in HTTP POST /charge`, or what else the run says about its end."""
    if run.status == "COMPLETED":
        return ""
    node = culprit(run, root)
    if run.status == "FAILED":
        words = str((run.error or {}).get("type") or "").rpartition(".")[2] or run.reason or ""
    else:
        words = run.reason or error_title(run.error)
    words = "" if words == "canceled" else visible_line(clipped(_OF_ALL.sub("", words).strip(), 300))  # it is said
    where = f"in {_name(node)}" if node is not None and not node.event.name.startswith(_ATTEMPT) else ""
    if run.status == "FAILED":
        return f": {' '.join(filter(None, (words, where)))}" if words or where else ""
    return (f", {where}" if where else "") + (f": {words}" if words else "")


def culprit(run: Run, root: Node) -> Node | None:
    """Where a run failed, was stopped, or failed last while it is still tried again."""
    if run.status == "COMPLETED":
        return None
    if run.status == "FAILED" or not run.is_terminal:
        return failure(root)
    return stopped(root)


def _name(node: Node) -> str:
    return visible_line(clipped(node.event.name, 120))


def failing_exception(root: Node, run: Run) -> dict[str, Any] | None:
    """The exception that ended the run: as it left the function, or else as it was where it was raised."""
    stored = (run.error or {}).get("exception")
    if isinstance(stored, dict):
        return stored
    node = failure(root)
    while node is not None:
        found = (node.event.extra or {}).get("exception")
        if isinstance(found, dict):
            return found
        node = node.parent
    return None
