"""What is printed: `sys.stdout` and `sys.stderr`, by line."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Self

import msgspec

from runlog.capture.guard import current_guard
from runlog.logger import Place, write_log
from runlog.recording import get_recorder
from runlog.recording.clean import clean_attributes, clean_text
from runlog.stores.base import DEBUG, ERROR, INFO, LEVEL_NAMES, WARN
from runlog.system.patch import Patch
from runlog.tracing.attach import get_context
from runlog.tracing.scope import RunScope, current_place, scope_of

_NESTED = 3
_LONGEST_KEY = 16_384
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_COLORS = re.compile(r"\x1b\[[0-9;:]*m")
_MESSAGE_KEYS = ("message", "msg", "body", "error")
_LEVEL_KEYS = ("level", "severity", "levelname")
_LEVELS = {
    "trace": DEBUG,
    "debug": DEBUG,
    "info": INFO,
    "notice": INFO,
    "warn": WARN,
    "warning": WARN,
    "error": ERROR,
    "critical": ERROR,
    "fatal": ERROR,
}


def install(patch: Patch, name: str) -> None:
    """Capture `sys.stdout` or `sys.stderr` (by `name`) until `patch.undo()`."""
    stream = getattr(sys, name)
    if stream is None or (type(stream) is CapturedStream and stream._lines.active):
        return
    lines = _Lines(name)
    patch.defer(lines.stop)
    patch.replace(sys, name, CapturedStream(stream, lines))


def line_recorder(name: str) -> Callable[[str], None]:
    """Return what records the lines of a text in the current run, as if they were printed to the stream `name`."""
    lines = _Lines(name)

    def record(text: str) -> None:
        if (scope := scope_of(get_context())) is not None:
            lines.take(scope, text)

    return record


class CapturedStream:
    """A text stream that passes everything on to another and records lines written inside a run.

    It has the other's attributes and class, so it is one for every purpose but `type()`. What is written to its
    `buffer` or its descriptor is passed on unseen.
    """

    __slots__ = ("_lines", "_stream")

    _lines: _Lines
    _stream: Any

    def __init__(self, stream: Any, lines: _Lines) -> None:
        object.__setattr__(self, "_stream", stream)
        object.__setattr__(self, "_lines", lines)

    def write(self, text: str, /) -> int:
        written: int = self._stream.write(text)
        lines = self._lines
        if lines.active and (scope := scope_of(get_context())) is not None:
            lines.take(scope, text)
        return written

    def writelines(self, lines: Iterable[str], /) -> None:
        for line in lines:
            self.write(line)

    @property
    def __class__(self) -> Any:
        return self._stream.__class__

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a captured stream is that of the stream below it")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._stream, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def __next__(self) -> str:
        line: str = next(self._stream)
        return line

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._stream.__exit__(*error)

    def __repr__(self) -> str:
        return f"<captured {self._stream!r}>"


class _Partial:
    """A line that has begun."""

    __slots__ = ("_overwritten", "_pieces", "at", "place", "size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._overwritten = 0
        self.size = 0
        self.place: Place = (None, None, None)
        self.at = 0

    def append(self, text: str) -> None:
        self._pieces.append(text)
        self.size += len(text)
        if "\r" in text:  # a progress bar: keep the frame that shows, or an hour of them would be one line
            kept, overwritten = _last_frame("".join(self._pieces))
            self._pieces, self.size = [kept], len(kept)
            self._overwritten += overwritten

    def line(self, rest: str = "") -> tuple[str, int]:
        """Return the line with its `rest`, and how many texts it replaced."""
        return "".join(self._pieces) + rest, self._overwritten


class _Lines:
    """The lines of one stream. A line that has begun waits for its end apart for each run, task and thread."""

    def __init__(self, name: str) -> None:
        self.active = True
        self._name = name
        self._begun: dict[RunScope, dict[object, _Partial]] = {}

    def stop(self) -> None:
        """Record what has begun, and no more."""
        self.active = False
        for scope in list(self._begun):
            self.finish(scope)

    def take(self, scope: RunScope, text: str) -> None:
        """Record the lines of a text that was written inside a run."""
        guard = current_guard()
        if guard.shown or guard.depth >= _NESTED:
            return
        guard.depth += 1
        try:
            self._split(scope, text)
        except Exception:  # noqa: BLE001, S110 - it was printed, which is what was asked for
            pass
        finally:
            guard.depth -= 1

    def finish(self, scope: RunScope) -> None:
        """Record the lines that were begun in a run and not ended."""
        for partial in self._begun.pop(scope, {}).values():
            with suppress(Exception):
                self._record(*partial.line(), partial.place, partial.at)

    def _split(self, scope: RunScope, text: str) -> None:
        begun, key = self._begun.get(scope), _current_task()
        first, *rest = text.split("\n")
        if rest:
            place, now = current_place(), time.time_ns()
            partial = begun.pop(key, None) if begun else None
            line, overwritten = partial.line(first) if partial else (first, 0)
            for following in rest:
                if "PRIVATE KEY" in line and _is_within_key(line):
                    line = line.rstrip("\r") + "\n" + following
                else:
                    self._record(line, overwritten, place, now)
                    line, overwritten = following, 0
            first = line
        if first:
            self._begin(scope, key, first)

    def _begin(self, scope: RunScope, key: object, text: str) -> None:
        begun = self._begun.get(scope)
        if begun is None:
            begun = self._begun[scope] = {}
            scope.closers.append(lambda: self.finish(scope))
        partial = begun.get(key)
        if partial is not None and partial.size + len(text) > get_recorder().limits.value_length:
            self._record(*partial.line(), partial.place, partial.at)  # a line has to end somewhere
            partial = None
        if partial is None:
            partial = begun[key] = _Partial()
        partial.append(text)
        partial.place, partial.at = current_place(), time.time_ns()

    def _record(self, line: str, overwritten: int, place: Place, at: int) -> None:
        if "\r" in line:
            line, more = _last_frame(line)
            line, overwritten = line.rstrip("\r"), overwritten + more
        if not line or line.isspace():
            return
        recorder = get_recorder()
        dropped: dict[str, int] = {"overwritten lines": overwritten} if overwritten else {}
        level, message = INFO, line
        attributes: dict[str, Any] = {}
        if "{" in line[:32] and "}" in line[-32:] and len(line) <= recorder.limits.value_length:
            level, message, attributes = _structured(line)
        if attributes:
            attributes, lost = clean_attributes(attributes, recorder.limits)
            if lost:
                dropped["attributes"] = lost
        if "\x1b[" in message:
            message = _COLORS.sub("", message)
        text = clean_text(message, recorder.limits)
        write_log(recorder, level, self._name, text, attributes, {"dropped": dropped} if dropped else None, place, at)


def _is_within_key(text: str) -> bool:
    """Whether a private key has begun and not ended: its lines are one record, since none of them alone shows what
    it is."""
    begin = text.rfind("-----BEGIN")
    return begin >= 0 and text.find("-----END", begin) < 0 and len(text) < _LONGEST_KEY


def _last_frame(text: str) -> tuple[str, int]:
    """Return what a terminal shows of a line after its carriage returns, and how many texts that replaced."""
    shown = text.rstrip("\r")
    frames = [frame for frame in shown.split("\r") if frame]
    return (frames[-1] if frames else "") + text[len(shown) :], max(len(frames) - 1, 0)


def _structured(line: str) -> tuple[int, str, dict[str, Any]]:
    """Return level, message and attributes of a line; a JSON object has them inside."""
    try:
        fields = _decode(line)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return INFO, line, {}
    named = next((fields[key].lower() for key in _LEVEL_KEYS if isinstance(fields.get(key), str)), "info")
    level = _LEVELS.get(named, INFO)
    key = next((key for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), None)
    return level, LEVEL_NAMES[level].upper() if key is None else fields.pop(key), fields


def _current_task() -> object:
    """Return what tells one writer in a run from another: its task, or else its thread."""
    for library in ("asyncio", "trio.lowlevel"):
        module = sys.modules.get(library)
        if module is not None:
            try:
                task = module.current_task()
            except RuntimeError:  # not in this library's loop
                continue
            if task is not None:
                return task
    return threading.get_ident()
