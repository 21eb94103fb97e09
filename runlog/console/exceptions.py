"""Exceptions, compactly: the chain, groups, notes, and frames with their source line."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlog.console.pieces import Line, Piece, clipped, padded, safe_lines, width_of
from runlog.system.text import visible_line

_FIRST_FRAMES, _LAST_FRAMES = 4, 12
_MESSAGE_LENGTH = 2000
_MESSAGE_LINES = 20
_DEEPEST = 20
_OURS = f"{Path(__file__).parents[1]}/"
_STDLIB = f"{sysconfig.get_path('stdlib')}/"
_PACKAGES = re.compile(r".*/(?:site|dist)-packages/")
_ANY_STDLIB = re.compile(r".*/(?:lib(?:64)?/(?:python|pypy)3[.\d]*t?|python3\d+\.zip)/")


def exception_title(error: dict[str, Any]) -> str:
    """Return `Type: message` of an exception or a run's error, not yet made safe. The type is without its module."""
    kind, message = str(error.get("type") or "Exception").rpartition(".")[2], str(error.get("message") or "")
    return f"{kind}: {message}" if message else kind


def exception_lines(error: dict[str, Any], indent: int = 0, *, brief: bool = False) -> list[Line]:
    """Return a described exception (see `recording.exceptions`) as lines that start at column `indent`.

    Frames are in the order of the calls, the one that raised last. Long tracebacks are shortened, visibly; `brief`
    leaves out the frames of libraries where there are any others.
    """
    return list(_described(error, indent, 0, brief=brief))


def _described(
    error: dict[str, Any], indent: int, depth: int, relation: str = "", *, brief: bool = False
) -> Iterator[Line]:
    margin: Piece = (" " * indent, "")
    yield from _title(error, margin, relation)
    for note in _list(error, "notes"):
        for text in safe_lines(clipped(str(note), _MESSAGE_LENGTH))[:_MESSAGE_LINES]:
            yield [margin, ("  " + text, "note")]
    yield from _frames(error, margin, brief=brief)
    if depth >= _DEEPEST:
        return
    for number, leaf in enumerate(_list(error, "group"), 1):
        if isinstance(leaf, dict):
            yield [margin, (f"  ─ {number} ─", "punctuation")]
            yield from _described(leaf, indent + 2, depth + 1, brief=brief)
    yield from _dropped(error, margin)
    for key, words in (("cause", "caused by"), ("context", "while handling")):
        below = error.get(key)
        if isinstance(below, dict):
            yield from _described(below, indent, depth + 1, f"{words} ", brief=brief)


def _title(error: dict[str, Any], margin: Piece, relation: str) -> Iterator[Line]:
    first, *rest = safe_lines(clipped(exception_title(error), _MESSAGE_LENGTH))
    yield [margin, (relation, "note"), (first, "exception")]
    for text in rest[:_MESSAGE_LINES]:
        yield [margin, ("  " + text, "exception")]
    if len(rest) > _MESSAGE_LINES:
        yield [margin, (f"  …(+{len(rest) - _MESSAGE_LINES} lines)", "note")]


def _frames(error: dict[str, Any], margin: Piece, *, brief: bool) -> Iterator[Line]:
    frames = [frame for frame in _list(error, "frames") if isinstance(frame, dict)]
    left_out = foreign = 0
    if brief:
        own_frames = [frame for frame in frames if frame_place(frame)[1]] or frames[-1:]
        frames, foreign = own_frames, len(frames) - len(own_frames)
    if len(frames) > _FIRST_FRAMES + _LAST_FRAMES + 1:
        left_out = len(frames) - _FIRST_FRAMES - _LAST_FRAMES
        frames = frames[:_FIRST_FRAMES] + frames[-_LAST_FRAMES:]
    places = [frame_place(frame) for frame in frames]
    column = min(max((width_of(place) for place, _ in places), default=0), 48)
    for number, (frame, (place, own)) in enumerate(zip(frames, places, strict=True)):
        if left_out and number == _FIRST_FRAMES:
            yield [margin, (f"  … {left_out} more frames …", "note")]
        source = clipped(visible_line(str(frame.get("source") or "").strip()), 120)
        style = "frame" if own else "foreign frame"
        yield [
            margin,
            ("  " + (padded(place, column) if source else place), style),
            ("  " + source if source else "", "code"),
        ]
    if foreign:
        yield [margin, (f"  … {foreign} more frames, of libraries …", "note")]


def frame_lines(frames: list[dict[str, Any]], indent: int = 0, *, brief: bool = False) -> list[Line]:
    """Return frames, the innermost last, as `exception_lines` shows those of an exception."""
    return list(_frames({"frames": frames}, (" " * indent, ""), brief=brief))


def frame_place(frame: dict[str, Any]) -> tuple[str, bool]:
    """Return `file:line in function`, and whether the file is the project's own."""
    short, library = file_home(str(frame.get("file") or "?"))
    return visible_line(f"{short}:{frame.get('line')} in {frame.get('function')}"), library is None


def file_home(path: str) -> tuple[str, str | None]:
    """Return a file's path as it is understood within its home, and whose it is: a library by the name of its package,
    `python` for the standard library, None for the project's own code. It may be a file of another environment."""
    if found := _PACKAGES.match(path):
        short = path[found.end() :]
        package = short.split("/", 1)[0].removesuffix(".py")
        return short, "runlog" if package.startswith("runlog_instrumentation_") else package
    if path.startswith("<"):
        return path, "python"
    if path.startswith(_OURS) or "/runlog_instrumentation_" in path:
        return path, "runlog"
    for folder in (_STDLIB, f"{Path.cwd()}/"):
        if path.startswith(folder):
            return path[len(folder) :], "python" if folder == _STDLIB else None
    found = _ANY_STDLIB.match(path)
    return (path[found.end() :], "python") if found else (path, None)


def _dropped(error: dict[str, Any], margin: Piece) -> Iterator[Line]:
    dropped = error.get("dropped")
    if isinstance(dropped, dict) and dropped:
        text = ", ".join(f"{number} more {what}" for what, number in dropped.items())
        yield [margin, (visible_line(f"  … {text} not recorded"), "note")]


def _list(error: dict[str, Any], key: str) -> list[Any]:
    value = error.get(key)
    return value if isinstance(value, list) else []
