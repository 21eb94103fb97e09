"""The logger: structured messages into the run log."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from runlog.recording import RANK_ALWAYS, RANK_DEBUG, RANK_INFO, RANK_SPAN, Recorder, get_recorder
from runlog.recording.clean import clean_attributes, clean_text, clean_value, copy_plain
from runlog.recording.exceptions import describe_exception
from runlog.stores.base import DEBUG, ERROR, INFO, WARN
from runlog.system.signals import raised_by_signal
from runlog.tracing.scope import current_place

if TYPE_CHECKING:
    from runlog.tracing.trace import trace as _trace

Place = tuple[str | None, bytes | None, bytes | None]
"""Run id, trace id and span id that a record belongs to; each None where there is none."""

_PLAIN = frozenset((str, int, float, bool, type(None), dict, list))
_RANKS = {DEBUG: RANK_DEBUG, INFO: RANK_INFO, WARN: RANK_SPAN, ERROR: RANK_ALWAYS}


class Logger:
    """Writes messages with attributes into the run log, each under the run and the span that it is made in.

    Every level takes a message, and attributes as a mapping, as keywords, or both; where both have a key, the keyword
    counts. A message may name attributes, `"user {name}"`: it is stored as it is and filled when it is shown. Outside a
    run a message is stored under "no run". Nothing here raises or waits, whatever it is given; it may be called from
    any thread, event loop and signal handler, before the project is open, and while the interpreter exits.

    An exception as the message, in the mapping's place, or as the value of an attribute is recorded with its traceback,
    and so is the one being handled with `exc_info=True`. What the setting `log.level` (`RUNLOG_LOG_LEVEL`) leaves out
    costs next to nothing.
    """

    if TYPE_CHECKING:

        def __init__(self) -> None:
            self.trace = _trace  # in this way type checkers see its overloads

    else:
        __slots__ = ()

        @property
        def trace(self):
            from runlog.tracing.trace import trace

            type(self).trace = staticmethod(trace)  # loaded at the first use, plain from then on
            return trace

    def debug(
        self, message: object, mapping: Mapping[str, Any] | BaseException | None = None, /, **attributes: Any
    ) -> None:
        """Record a message of interest only when looking for a fault. Left out by default."""
        recorder = get_recorder()
        if recorder.level <= DEBUG:
            _log(recorder, DEBUG, message, mapping, attributes)

    def info(
        self, message: object, mapping: Mapping[str, Any] | BaseException | None = None, /, **attributes: Any
    ) -> None:
        """Record a message about the normal course of things."""
        recorder = get_recorder()
        if recorder.level <= INFO:
            _log(recorder, INFO, message, mapping, attributes)

    log = info

    def warn(
        self, message: object, mapping: Mapping[str, Any] | BaseException | None = None, /, **attributes: Any
    ) -> None:
        """Record a message about something that should not be so and did no harm."""
        recorder = get_recorder()
        if recorder.level <= WARN:
            _log(recorder, WARN, message, mapping, attributes)

    warning = warn

    def error(
        self, message: object, mapping: Mapping[str, Any] | BaseException | None = None, /, **attributes: Any
    ) -> None:
        """Record a message about something that failed."""
        _log(get_recorder(), ERROR, message, mapping, attributes)

    def exception(
        self, message: object, mapping: Mapping[str, Any] | BaseException | None = None, /, **attributes: Any
    ) -> None:
        """Record an error together with the exception being handled."""
        attributes.setdefault("exc_info", True)
        _log(get_recorder(), ERROR, message, mapping, attributes)

    def __repr__(self) -> str:
        return "<runlog.logger>"


def write_log(
    recorder: Recorder,
    level: int,
    source: str,
    message: Any,
    attributes: dict[str, Any],
    extra: dict[str, Any] | None,
    place: Place,
    at: int | None = None,
) -> bool:
    """Put one log on the road; False if it was refused (and counted).

    `message` and `attributes` are clean (see `recording.clean`), `source` is an event's name, `at` is in ns.
    """
    run_id, trace_id, span_id = place
    now = time.time_ns() if at is None else at
    # An Event in its wire form: a tuple costs a fifth of the object.
    return recorder.emit(
        (1, recorder.next_sequence(), "log", run_id, trace_id, None, span_id, now, None, level, None, source, message,
         attributes, extra),
        _RANKS[level],
        run_id,
    )  # fmt: skip


def _log(recorder: Recorder, level: int, message: object, mapping: Any, attributes: dict[str, Any]) -> None:
    try:
        if mapping is not None:
            attributes = _merged(recorder, mapping, attributes)
        limits = recorder.limits
        exception: BaseException | None = None
        cleaned, dropped = copy_plain(attributes, limits) if attributes else {}, 0
        if cleaned is None or "exc_info" in attributes:
            exception = _exception(attributes)
            cleaned, dropped = clean_attributes(attributes, limits)
        if type(message) is not str and issubclass(type(message), BaseException):
            exception = exception or cast("BaseException", message)
        extra: dict[str, Any] | None = None
        if exception is not None:
            extra = {"exception": describe_exception(exception, limits)}
        if dropped:
            extra = {**(extra or {}), "dropped": {"attributes": dropped}}
        write_log(recorder, level, "logger", clean_text(message, limits), cleaned, extra, current_place())
    except Exception as error:  # a log never raises into the program
        if raised_by_signal(error):
            raise
        _log_failure(recorder, level, message, error)


def _merged(recorder: Recorder, mapping: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    try:
        if type(mapping) is dict:
            return {**mapping, **attributes}
        if isinstance(mapping, BaseException):
            return {"exc_info": mapping, **attributes}
        if isinstance(mapping, Mapping):
            return {**mapping, **attributes}
    except Exception as error:  # noqa: BLE001 - a mapping that cannot be read
        return {"runlog.unreadable": f"<mapping: {type(error).__name__}>", **attributes}
    value = clean_value(mapping, recorder.limits)  # a dataclass or a model gives its fields
    return {**value, **attributes} if type(value) is dict else {"value": value, **attributes}


def _exception(attributes: dict[str, Any]) -> BaseException | None:
    """Return the exception to record, and take `exc_info` out of the attributes where it says which."""
    if "exc_info" in attributes:
        given = attributes["exc_info"]
        if given is None or isinstance(given, bool | tuple | BaseException):
            del attributes["exc_info"]
            if given is True:
                return sys.exception()
            found = given[1] if isinstance(given, tuple) and len(given) == 3 else given
            return found if isinstance(found, BaseException) else None
    for value in attributes.values():
        if type(value) not in _PLAIN and issubclass(type(value), BaseException):
            return cast("BaseException", value)
    return None


def _log_failure(recorder: Recorder, level: int, message: object, error: Exception) -> None:
    text = message if type(message) is str else f"<{type(message).__name__}>"
    with suppress(Exception):
        attributes = {"runlog.unreadable": f"<attributes: {type(error).__name__}>"}
        write_log(recorder, level, "logger", clean_text(text, recorder.limits), attributes, None, current_place())


logger = Logger()
"""The logger; there is one."""
