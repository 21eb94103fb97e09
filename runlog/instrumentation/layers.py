"""Tracers that know their place: silent where tracing is suppressed and where a covering layer traces already.

A query through SQLAlchemy is also a query through its driver. When both are instrumented, the driver's tracer gives
spans that record nothing while the current span is one of SQLAlchemy's, so one query stays one span.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, Tracer, TracerProvider

from runlog.tracing import attach

OWN_THREAD_PREFIX = "runlog-"
"""runlog's own threads (writer, exporters, leases) have names that start so: what they call is not traced."""
TASK_THREAD_PREFIX = "runlog-task"
"""But in these, users' synchronous tasks run."""


def is_suppressed(context: Context | None = None) -> bool:
    """Say whether nothing that happens in `context` (the current one) is to be traced by instrumentations."""
    if attach.is_suppressed(attach.get_context() if context is None else context):
        return True
    name = threading.current_thread().name
    return name.startswith(OWN_THREAD_PREFIX) and not name.startswith(TASK_THREAD_PREFIX)


class Layers:
    """Which instrumentation made a span, and which of them cover which."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._made: dict[str, count[int]] = {}
        self._covered_by: dict[str, set[str]] = {}

    def cover(self, covering: str, covered: Iterable[str]) -> None:
        for name in covered:
            self._covered_by.setdefault(name, set()).add(covering)

    def uncover(self, covering: str) -> None:
        for names in self._covered_by.values():
            names.discard(covering)

    def provider(self, provider: TracerProvider, name: str) -> TracerProvider:
        """Return the provider to give to the instrumentation `name`."""
        return _LayerProvider(provider, name, self)

    def counter(self, name: str) -> count[int]:
        """What is to be asked for the next number with each span of the instrumentation `name`."""
        return self._made.setdefault(name, count())

    def spans(self, name: str) -> int:
        """How many spans the instrumentation `name` has made."""
        made = self._made.get(name)
        return 0 if made is None else int(repr(made)[len("count(") : -1])

    def add_scope(self, scope: str, name: str) -> None:
        self._names[scope] = name

    def is_covered(self, name: str, context: Context | None) -> bool:
        """Say whether the span of `context` is one of an instrumentation that covers `name`."""
        covering = self._covered_by.get(name)
        if not covering:
            return False
        scope = getattr(trace.get_current_span(context), "instrumentation_scope", None)
        return scope is not None and self._names.get(scope.name) in covering


class _SilentSpan(NonRecordingSpan):
    """Stands for the current span. A layer below sees whose span it is."""

    def __init__(self, current: Span) -> None:
        super().__init__(current.get_span_context())
        self.instrumentation_scope = getattr(current, "instrumentation_scope", None)


class _LayerProvider(TracerProvider):
    def __init__(self, provider: TracerProvider, name: str, layers: Layers) -> None:
        self._provider, self._name, self._layers = provider, name, layers

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        self._layers.add_scope(instrumenting_module_name, self._name)
        return _LayerTracer(
            self._provider.get_tracer(instrumenting_module_name, *args, **kwargs), self._name, self._layers
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)  # resource, force_flush: what the real one has


class _LayerTracer(Tracer):
    def __init__(self, tracer: Tracer, name: str, layers: Layers) -> None:
        self._tracer, self._name, self._layers = tracer, name, layers
        self._made = layers.counter(name)

    def _is_silent(self, context: Context | None) -> bool:
        return is_suppressed(context) or self._layers.is_covered(self._name, context)

    def start_span(self, name: str, context: Context | None = None, *args: Any, **kwargs: Any) -> Span:
        if self._is_silent(context):
            return _SilentSpan(trace.get_current_span(context))
        next(self._made)
        return self._tracer.start_span(name, context, *args, **kwargs)

    def start_as_current_span(  # type: ignore[override]  # the API's can also decorate; so can what we pass on
        self, name: str, context: Context | None = None, *args: Any, **kwargs: Any
    ) -> AbstractContextManager[Span]:
        if self._is_silent(context):
            return nullcontext(_SilentSpan(trace.get_current_span(context)))
        next(self._made)
        return self._tracer.start_as_current_span(name, context, *args, **kwargs)
