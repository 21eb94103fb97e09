"""SDK span processors that want to see live spans: called on the caller's thread, and never let to harm it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

if TYPE_CHECKING:
    from runlog.tracing.span import Span

_logger = logging.getLogger("runlog.tracing")
# What does nothing: calling it for each span would cost, and tell nobody anything.
_IDLE = frozenset(
    getattr(kind, name)
    for kind in (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)
    for name in ("on_start", "_on_ending")
    if hasattr(kind, name)
)


class Hooks:
    """The processors that have something to do when a span starts, or while it ends."""

    def __init__(self) -> None:
        self.starting: tuple[SpanProcessor, ...] = ()
        self.ending: tuple[SpanProcessor, ...] = ()
        self.failures: Counter[str] = Counter()
        """Processor's class name → how often it raised."""

    def add(self, processor: SpanProcessor) -> None:
        if _does_something(processor, "on_start"):
            self.starting += (processor,)
        if _does_something(processor, "_on_ending"):
            self.ending += (processor,)

    def clear(self) -> None:
        self.starting = self.ending = ()

    def on_start(self, span: Span, context: Context | None) -> None:
        for processor in self.starting:
            try:
                processor.on_start(span, parent_context=context)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001
                self._failed(processor, "on_start", error)

    def on_ending(self, span: Span) -> None:
        for processor in self.ending:
            try:
                processor._on_ending(span)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001
                self._failed(processor, "_on_ending", error)

    def _failed(self, processor: SpanProcessor, method: str, error: Exception) -> None:
        name = type(processor).__name__
        self.failures[name] += 1
        if self.failures[name] == 1:  # said once, counted always
            _logger.warning("%s.%s raised %s", name, method, type(error).__name__, exc_info=error)


def _does_something(processor: SpanProcessor, method: str) -> bool:
    function = getattr(type(processor), method, None)
    return function is not None and function not in _IDLE
