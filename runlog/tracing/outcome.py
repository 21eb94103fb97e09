"""How a span's work ended where it did not simply return: exceptions, cancellation, interrupts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from runlog.recording.clean import clean_attributes, clean_text
from runlog.recording.exceptions import describe_exception
from runlog.tracing.details import EventRecord

if TYPE_CHECKING:
    from runlog.tracing.span import Span

OUTCOME_KEY = "runlog.outcome"
_MARK = "__runlog_recorded__"
_MAX_LEAVES = 10_000


def leave(span: Span, exception: BaseException, *, record: bool, set_status: bool, is_error: bool) -> None:
    """Note on `span` that `exception` goes through it. What goes on propagating is the same object, unchanged.

    `is_error` says what a BaseException that is neither an Exception nor a cancellation counts as here.
    """
    if isinstance(exception, GeneratorExit):  # its consumer has had enough: an end like any other
        return
    leaves = _leaves(exception)
    cancelled = _cancellation_types()
    if all(isinstance(leaf, cancelled) for leaf in leaves):
        span.details.outcome = "canceled"
        span.set_attribute(OUTCOME_KEY, "cancelled")
        return
    if not is_error and not any(isinstance(leaf, Exception) for leaf in leaves):
        span.set_attribute(OUTCOME_KEY, "interrupted")
        span.details.reason = summary(span, exception)
        return
    if record:
        record_exception(span, exception, escaped=True)
    if set_status:
        span.set_status(StatusCode.ERROR, summary(span, exception))


def record_exception(
    span: Span,
    exception: BaseException,
    attributes: Mapping[str, Any] | None = None,
    timestamp: int | None = None,
    *,
    escaped: bool,
) -> None:
    """Add an exception event to `span`, unless it or a span below it recorded this very object already."""
    if _mark(exception, span) and not attributes:
        span.details.passed_on = True
        return
    limits = span.limits
    cleaned, dropped = clean_attributes(attributes, limits.event) if attributes else ({}, 0)
    time = time_ns() if timestamp is None else timestamp
    event = EventRecord("exception", time, cleaned, dropped, escaped=escaped)
    span.details.add_exception(event, describe_exception(exception, limits.span), limits.events)


def summary(span: Span, exception: BaseException) -> Any:
    """`Type: message`, as a status's description. Never raises."""
    try:
        text = str.__str__(str(exception))
    except Exception as error:  # noqa: BLE001
        text = f"<its __str__ raised {type(error).__name__}>"
    return clean_text(f"{type(exception).__name__}: {text}", span.limits.span)


def _mark(exception: BaseException, span: Span) -> bool:
    """Mark an exception as recorded by `span`; say whether it was marked here or by a child before.

    The mark holds the span's id and its parent's, for which it goes up: an exception that was kept and is raised
    again elsewhere is recorded there too. It is plain data in the exception's own dict, so it keeps nothing alive
    and survives pickling.
    """
    try:
        own: dict[str, Any] = object.__getattribute__(exception, "__dict__")
        mark = own.get(_MARK, b"")
        own[_MARK] = span.span_bytes + (span.parent_bytes or b"")
    except Exception:  # noqa: BLE001
        return False
    return isinstance(mark, bytes) and span.span_bytes in (mark[:8], mark[8:])


def _cancellation_types() -> tuple[type[BaseException], ...]:
    """What cancels a task in the event loops that are loaded. (A thread cannot ask anyio: it is in none.)"""
    kinds = []
    for module, name in (("asyncio.exceptions", "CancelledError"), ("trio", "Cancelled")):
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type):
            kinds.append(kind)
    return tuple(kinds)


def _leaves(exception: BaseException) -> list[BaseException]:
    """The exceptions in a group, however nested; else the exception itself."""
    leaves: list[BaseException] = []
    waiting = [exception]
    while waiting and len(leaves) < _MAX_LEAVES:
        current = waiting.pop()
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        else:
            leaves.append(current)
    return leaves
