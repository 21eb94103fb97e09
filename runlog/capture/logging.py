"""Records of the standard library's `logging`.

They are taken where a logger hands a record to its handlers, not by a handler on the root logger: that would make a
program's own `logging.basicConfig()` do nothing, would be removed by `dictConfig()`, and would miss what does not
propagate.
"""

from __future__ import annotations

import logging
from typing import Any

from runlog.capture.guard import guard
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
_INTERNAL = frozenset(("runlog", "opentelemetry"))
_KNOWN_LEVELS = frozenset((logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR))
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_installed = 0


class CapturedRecord(logging.LogRecord):
    """A record that knows where it was made, also when another thread handles it. The rest of it is as ever."""

    __slots__ = ("_captured", "_place")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._captured = False
        self._place = current_place()


class _LastResort(logging.Handler):
    """Stands in for `logging.lastResort`: leaves to the console what the console shows."""

    def __init__(self, original: logging.Handler) -> None:
        super().__init__(original.level)
        self._original = original

    def emit(self, record: logging.LogRecord) -> None:
        if not (guard.record is record and is_attached()):
            self._original.handle(record)


def install(patch: Patch) -> None:
    """Capture what any logger hands to its handlers, until `patch.undo()`."""
    global _installed
    _installed += 1
    patch.defer(_uninstall)
    if _installed > 1:
        return
    patch.wrap(logging.Logger, "callHandlers", _call_handlers)
    if logging.getLogRecordFactory() is logging.LogRecord:
        patch.replace(logging, "_logRecordFactory", CapturedRecord)  # what setLogRecordFactory() sets
    if logging.lastResort is not None:
        patch.replace(logging, "lastResort", _LastResort(logging.lastResort))


def _uninstall() -> None:
    global _installed
    _installed -= 1


def _call_handlers(wrapped: Any, _logger: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    record = args[0] if args else kwargs.get("record")
    is_known = _capture(record)
    if is_known is None:
        return wrapped(*args, **kwargs)
    outer, guard.record = guard.record, record if is_known else None
    guard.shown += 1
    try:
        return wrapped(*args, **kwargs)
    finally:
        guard.shown -= 1
        guard.record = outer


def _capture(record: Any) -> bool | None:
    """Record a LogRecord; say whether the run log has it. None: it should, and failed to."""
    guard.depth += 1
    try:
        return _take(record)
    except Exception:  # noqa: BLE001 - a record that cannot be read still goes to its handlers
        return None
    finally:
        guard.depth -= 1


def _take(record: Any) -> bool:
    known = type(record) is CapturedRecord
    if known and record._captured:
        return True  # handled a second time, by a queue's listener
    if record.name.partition(".")[0] in _INTERNAL or (guard.shown and record.name == "py.warnings"):
        return False
    place = record._place if known else current_place()
    if place[0] is None and is_suppressed(get_context()):
        return False
    _write(get_recorder(), record, place)
    if known:
        record._captured = True
    return True


def _write(recorder: Recorder, record: logging.LogRecord, place: Place) -> None:
    attributes: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    if guard.depth > 1:  # logged while an argument of a record was turned into text: no foreign code again
        message: Any = record.msg if type(record.msg) is str else f"<{type(record.msg).__name__}>"
    else:
        message = _message(recorder, record)
        attributes = {key: value for key, value in record.__dict__.items() if key not in _OWN_FIELDS}
        if record.stack_info:
            attributes["stack_info"] = record.stack_info
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            extra["exception"] = describe_exception(record.exc_info[1], recorder.limits)
    if record.levelno not in _KNOWN_LEVELS:
        attributes["logging.level"] = record.levelname
    if attributes:
        attributes, dropped = clean_attributes(attributes, recorder.limits)
        if dropped:
            extra["dropped"] = {"attributes": dropped}
    write_log(
        recorder, _level(record.levelno), f"logging:{record.name}", clean_text(message, recorder.limits), attributes,
        extra or None, place, int(record.created * 1e9),
    )  # fmt: skip


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
