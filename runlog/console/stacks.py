"""Recorded stacks of tasks and threads as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runlog.console.exceptions import frame_lines
from runlog.console.pieces import Line
from runlog.system.text import visible_line

_TITLES = (("tasks", "task"), ("threads", "thread"))


def stack_lines(stacks: dict[str, Any], indent: int = 0, *, own_only: bool = False) -> Iterator[Line]:
    """Return stacks (see `executor.trouble.stacks`) as lines that start at column `indent`: each with its title and its
    frames, those of libraries folded. `own_only` leaves out what is not the run's."""
    margin = (" " * indent, "")
    left_out = 0
    for title, stack in _in_order(stacks):
        if own_only and not stack.get("run"):
            left_out += _count(stack)
            continue
        yield [margin, *_title(stack, title)]
        if title == "thread" or not stack.get("running"):  # whose frames its thread has
            yield from frame_lines(_dicts(stack.get("frames")), indent + 2, brief=True)
    dropped = stacks.get("dropped")
    if isinstance(dropped, dict):
        for what, number in dropped.items():
            yield [margin, (visible_line(f"… {number} more {what} not recorded"), "note")]
    if left_out:
        yield [margin, (f"… {left_out} stacks that are not the run's are not shown", "note")]


def _in_order(stacks: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What the run does now, then what it waits for, then what is not the run's."""
    found = [(title, stack) for kind, title in _TITLES for stack in _dicts(stacks.get(kind))]
    return sorted(found, key=lambda item: (not item[1].get("run"), item[0] == "task" and bool(item[1].get("run"))))


def _title(stack: dict[str, Any], title: str) -> Line:
    words = []
    if stack.get("run"):
        words.append("of this run")
    if stack.get("running") and title == "task":
        words.append("running")
    if (count := _count(stack)) > 1:
        words.append(f"{count} at this place")
    awaits = stack.get("awaits")
    if awaits and awaits != "a future":
        words.append(f"awaits {awaits}")
    if stack.get("cut"):
        words.append(f"{stack['cut']} frames left out")
    line: Line = [(f"{title} ", "source"), (visible_line(str(stack.get("name"))), "task" if stack.get("run") else "")]
    if words:
        line.append((visible_line("  " + ", ".join(words)), "note"))
    return line


def _count(stack: dict[str, Any]) -> int:
    count = stack.get("count")
    return count if isinstance(count, int) else 1


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
