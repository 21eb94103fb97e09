"""Records of the standard library's `logging`.

They are taken where a logger hands a record to its handlers, not by a handler on the root logger: that would make a
program's own `logging.basicConfig()` do nothing, would be removed by `dictConfig()`, and would miss what does not
propagate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from runlog.capture.guard import Guard, current_guard
from runlog.console import is_attached
from runlog.logger import Place, write_log
from runlog.recording import Recorder, get_recorder
from runlog.recording.clean import clean_attributes, clean_text, clean_value
from runlog.recording.exceptions import describe_exception
from runlog.stores.base import DEBUG, ERROR, INFO, WARN
from runlog.system.patch import Patch
from runlog.tracing.attach import get_context, is_suppressed
from runlog.tracing.scope import current_place

# runlog's exporters and recorder speak through these; what they say is no part of a run.
_INTERNAL_LOGGERS = frozenset(("runlog", "opentelemetry"))
_INTERNAL = "internal"
_LEVELS = {logging.DEBUG: DEBUG, logging.INFO: INFO, logging.WARNING: WARN, logging.ERROR: ERROR}
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIELD_COUNT = len(vars(logging.makeLogRecord({})))
_MOST_SOURCES = 10_000
_sources: dict[str, str] = {}
"""Logger name → the name of its events, or `_INTERNAL`."""
_installed = 0
_init = logging.LogRecord.__init__


class CapturedRecord(logging.LogRecord):
    """A record that knows where it was made, also when another thread handles it. The rest of it is as ever."""

    __slots__ = ("_place",)
    _place: Place | None
    """None once it is captured."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _init(self, *args, **kwargs)
        try:
            self._place = current_place()
        except Exception:  # noqa: BLE001 - the program's own logging goes on whatever happens here
            self._place = (None, None, None)


class _LastResort(logging.Handler):
    """Stands in for `logging.lastResort`: leaves to the console what the console shows."""

    def __init__(self, original: logging.Handler) -> None:
        super().__init__(original.level)
        self._original = original

    def emit(self, record: logging.LogRecord) -> None:
        if not (current_guard().record is record and is_attached()):
            self._original.handle(record)


def install(patch: Patch) -> None:
    """Capture what any logger hands to its handlers, until `patch.undo()`."""
    global _installed
    _installed += 1
    patch.defer(_uninstall)
    if _installed > 1:
        return
    patch.replace(logging.Logger, "callHandlers", _make_call_handlers(logging.Logger.callHandlers))
    if logging.getLogRecordFactory() is logging.LogRecord:
        patch.replace(logging, "_logRecordFactory", CapturedRecord)  # what setLogRecordFactory() sets
    if logging.lastResort is not None:
        patch.replace(logging, "lastResort", _LastResort(logging.lastResort))


def _uninstall() -> None:
    global _installed
    _installed -= 1


def _make_call_handlers(original: Callable[[logging.Logger, logging.LogRecord], None]) -> Callable[..., None]:
    @wraps(original)  # made by hand: this is on the way of every record, and Patch.wrap() costs half a microsecond
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        guard = current_guard()
        is_known = _capture(record, guard) if _installed else None
        if is_known is None:
            original(self, record)
            return
        outer, guard.record = guard.record, record if is_known else None
        guard.shown += 1
        try:
            original(self, record)
        finally:
            guard.shown -= 1
            guard.record = outer

    return call_handlers


def _capture(record: Any, guard: Guard) -> bool | None:
    """Record a LogRecord; say whether the run log has it. None: it should, and failed to."""
    guard.depth += 1
    try:
        return _take(record, guard)
    except Exception:  # noqa: BLE001 - a record that cannot be read still goes to its handlers
        return None
    finally:
        guard.depth -= 1


def _take(record: Any, guard: Guard) -> bool:
    known = type(record) is CapturedRecord
    place = record._place if known else current_place()
    if place is None:
        return True  # handled a second time, by a queue's listener
    name = record.name
    source = _sources.get(name) or _source(name)
    if source is _INTERNAL or (guard.shown and name == "py.warnings"):
        return False
    if place[0] is None and (context := get_context()) and is_suppressed(context):
        return False
    recorder = get_recorder()
    number = record.levelno
    level = _LEVELS.get(number) or _level(number)
    attributes: dict[str, Any] = {}
    extra: dict[str, Any] | None = None
    if guard.depth > 1:  # logged while an argument of a record was turned into text: no foreign code again
        message: Any = record.msg if type(record.msg) is str else f"<{type(record.msg).__name__}>"
    else:
        message = _message(recorder, record)
        if len(record.__dict__) != _FIELD_COUNT or record.exc_info or record.stack_info or number not in _LEVELS:
            attributes, extra = _details(recorder, record)
    if type(message) is not str or len(message) > recorder.limits.short or not message.isprintable():
        message = clean_text(message, recorder.limits)
    write_log(recorder, level, source, message, attributes, extra, place, int(record.created * 1e9))
    if known:
        record._place = None
    return True


def _source(name: str) -> str:
    if len(_sources) > _MOST_SOURCES:
        _sources.clear()
    is_internal = name.partition(".")[0] in _INTERNAL_LOGGERS
    source = _sources[name] = _INTERNAL if is_internal else f"logging:{name}"
    return source


def _details(recorder: Recorder, record: logging.LogRecord) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what a record has beside its message, clean: attributes, and what is shown but not searched."""
    attributes: dict[str, Any] = {key: value for key, value in record.__dict__.items() if key not in _OWN_FIELDS}
    extra: dict[str, Any] = {}
    if record.stack_info:
        attributes["stack_info"] = record.stack_info
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        extra["exception"] = describe_exception(record.exc_info[1], recorder.limits)
    if record.levelno not in _LEVELS:
        attributes["logging.level"] = record.levelname
    if attributes:
        attributes, dropped = clean_attributes(attributes, recorder.limits)
        if dropped:
            extra["dropped"] = {"attributes": dropped}
    return attributes, extra or None


def _message(recorder: Recorder, record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - too few arguments, or one of them cannot be shown
        text = record.msg if type(record.msg) is str else clean_value(record.msg, recorder.limits)
        return f"{text} {clean_value(record.args, recorder.limits)}"


def _level(number: int) -> int:
    if number >= logging.ERROR:
        return ERROR
    if number >= logging.WARNING:
        return WARN
    return INFO if number >= logging.INFO else DEBUG
