"""An exception as plain data: texts, notes, frames, causes, groups. Never its locals."""

from __future__ import annotations

import linecache
from collections import deque
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any

from runlog.recording import foreign, kinds
from runlog.recording.clean import Limits, cut_text, escape_text

MAX_FRAMES = 100
"""Of one exception: the outermost 50 and the innermost 50."""
MAX_CHAIN = 16
MAX_LEAVES = 100
MAX_NOTES = 100

DESCRIBED = "__runlog_described__"
"""Where an exception has the description to use, in its own dict: frames do not come over from another process."""

_ALL_FRAMES = 1000  # of an exception, its chain and its group together
_FEW_FRAMES = 4
_MAX_SOURCE = 400
_MAX_NAME = 1024

_own_dict = BaseException.__dict__["__dict__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_suppressed = BaseException.__dict__["__suppress_context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_members = BaseExceptionGroup.__dict__["exceptions"].__get__
_group_message = BaseExceptionGroup.__dict__["message"].__get__


@dataclass(slots=True)
class _Budget:
    frames: int = _ALL_FRAMES
    leaves: int = MAX_LEAVES
    groups: int = MAX_LEAVES


Work = deque[tuple[BaseException, int, dict[str, Any]]]
"""Exceptions to describe, how deep in chains and groups each is, and the place for its description."""


def describe_exception(error: BaseException, limits: Limits) -> dict[str, Any]:
    """Return `{"type", "module", "message", "notes", "frames", "cause", "context", "group", "dropped"}`.

    `notes`, `cause`, `context`, `group` and `dropped` are there only where there is something. A frame is
    `{"file", "line", "function", "source"}`. `cause` and `context` are of the same form; the context is left out
    where Python would not show it. `dropped` counts the frames, chained exceptions, members of a group and notes
    that were over the limits, and exceptions that stand elsewhere in the same tree. One that was described before has
    that description (`DESCRIBED`). Never raises an Exception.
    """
    try:
        return _describe_tree(error, limits)
    except Exception as problem:  # noqa: BLE001 - nothing is raised into user code
        name = foreign.type_name(type(error))
        return {"type": name, "module": "", "message": f"<undescribable: {type(problem).__name__}>", "frames": []}


def _describe_tree(root: BaseException, limits: Limits) -> dict[str, Any]:
    budget = _Budget()
    seen = {id(root)}
    described: dict[str, Any] = {}
    work: Work = deque([(root, 0, described)])
    while work:
        error, depth, node = work.popleft()
        if (known := _described_before(error)) is not None:
            node.update(known)
            continue
        _describe_one(error, limits, budget, node)
        _describe_chain(error, depth, node, seen, work)
        if isinstance(error, BaseExceptionGroup):
            _describe_group(error, depth, node, seen, work, budget)
    return described


def _described_before(error: BaseException) -> dict[str, Any] | None:
    known = _own_dict(error).get(DESCRIBED)
    return known if type(known) is dict else None


def _describe_chain(error: BaseException, depth: int, node: dict[str, Any], seen: set[int], work: Work) -> None:
    cause = _cause(error)
    context = None if cause is not None or _suppressed(error) else _context(error)
    key, below = ("context", context) if cause is None else ("cause", cause)
    if below is None:
        return
    if id(below) in seen:
        _drop(node, "repeated", 1)
    elif depth + 1 >= MAX_CHAIN:
        _drop(node, "chain", _chain_length(below))
    else:
        seen.add(id(below))
        node[key] = {}
        work.append((below, depth + 1, node[key]))


def _describe_group(
    error: BaseExceptionGroup[Any], depth: int, node: dict[str, Any], seen: set[int], work: Work, budget: _Budget
) -> None:
    group: list[dict[str, Any]] = []
    node["group"] = group
    for member in _members(error):
        is_group = isinstance(member, BaseExceptionGroup)
        if id(member) in seen:
            _drop(node, "repeated", 1)
        elif depth + 1 >= MAX_CHAIN or (budget.groups if is_group else budget.leaves) <= 0:
            _drop(node, "group", 1)
        else:
            budget.groups -= is_group
            budget.leaves -= not is_group
            seen.add(id(member))
            group.append({})
            work.append((member, depth + 1, group[-1]))


def _chain_length(error: BaseException) -> int:
    seen: set[int] = set()
    below: BaseException | None = error
    while below is not None and id(below) not in seen and len(seen) < 100_000:
        seen.add(id(below))
        cause = _cause(below)
        below = cause if cause is not None else None if _suppressed(below) else _context(below)
    return len(seen)


def _describe_one(error: BaseException, limits: Limits, budget: _Budget, node: dict[str, Any]) -> None:
    module, name = foreign.type_names(type(error))
    node["type"], node["module"] = _name(name), _name(module)
    node["message"] = cut_text(_message(error), limits.value_length)
    notes, dropped = _notes(error, limits)
    if notes:
        node["notes"] = notes
    _drop(node, "notes", dropped)
    frames, dropped = _frames(_traceback(error), max(min(MAX_FRAMES, budget.frames), _FEW_FRAMES))
    budget.frames -= len(frames)
    node["frames"] = frames
    _drop(node, "frames", dropped)


def _message(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup) and foreign.class_attribute(type(error), "__str__") is _GROUP_STR:
        return f"{foreign.exact_text(_group_message(error))} ({len(_members(error))} sub-exceptions)"
    return kinds.exception_text(error)


_GROUP_STR = BaseExceptionGroup.__str__


def _notes(error: BaseException, limits: Limits) -> tuple[list[Any], int]:
    try:
        notes = object.__getattribute__(error, "__dict__").get("__notes__")
    except AttributeError:
        return [], 0
    if not isinstance(notes, list | tuple):
        return ([], 0) if notes is None else ([f"<notes: {foreign.type_name(type(notes))}>"], 0)
    texts = [note if isinstance(note, str) else foreign.text_of(note, repr) for note in notes[:MAX_NOTES]]
    return [cut_text(text, limits.value_length) for text in texts], len(notes) - len(texts)


def _frames(traceback: TracebackType | None, most: int) -> tuple[list[dict[str, Any]], int]:
    first: list[TracebackType] = []
    last: deque[TracebackType] = deque(maxlen=most - most // 2)
    count = 0
    while traceback is not None:
        if len(first) < most // 2:
            first.append(traceback)
        else:
            last.append(traceback)
        count += 1
        traceback = traceback.tb_next
    kept = [*first, *last]
    return [_frame(entry) for entry in kept], count - len(kept)


def _frame(entry: TracebackType) -> dict[str, Any]:
    return describe_frame(entry.tb_frame.f_code, entry.tb_lineno or 0, entry.tb_frame.f_globals)


def describe_frame(code: CodeType, line: int, module: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return `{"file", "line", "function", "source"}`; `module` are the globals of code that is in no file."""
    try:
        source = linecache.getline(code.co_filename, line, module).strip()
    except Exception:  # noqa: BLE001 - a foreign module loader
        source = ""
    if len(source) > _MAX_SOURCE:
        source = f"{source[:_MAX_SOURCE]}…"
    return {
        "file": _name(code.co_filename),
        "line": line,
        "function": _name(code.co_qualname),
        "source": escape_text(source),
    }


def _name(text: str) -> str:
    text = foreign.exact_text(text)
    return escape_text(text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…")


def _drop(node: dict[str, Any], what: str, count: int) -> None:
    if count > 0:
        dropped = node.setdefault("dropped", {})
        dropped[what] = dropped.get(what, 0) + count
