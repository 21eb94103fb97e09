"""Which run a record belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from opentelemetry.context import Context, create_key
from opentelemetry.trace import Span as ApiSpan

from runlog.tracing.attach import SPAN_KEY, get_context

if TYPE_CHECKING:
    from runlog.tracing.span import Span

RUN_KEY = create_key("runlog-run")
"""The key in OpenTelemetry's Context under which the `RunScope` is."""


class RunScope:
    """One attempt of a run, as its records see it.

    Put it in a Context with `opentelemetry.context.set_value(RUN_KEY, scope, context)`: every span and log made under
    that context belongs to the run, whatever trace it is in.
    """

    __slots__ = ("__weakref__", "attempt", "closed", "closers", "open_spans", "run_id", "task")

    def __init__(self, run_id: str, task: str = "", attempt: int = 1) -> None:
        self.run_id, self.task, self.attempt = run_id, task, attempt
        self.open_spans: dict[bytes, Span] = {}
        """Span id → each span of the run that has started and not ended."""
        self.closed = False
        """The attempt has ended: a span that is just starting has to end itself."""
        self.closers: list[Callable[[], None]] = []
        """Called once as the attempt ends, before its open spans: they record what still waited for more to come."""

    def close_open_spans(self, *, keep: Span | None = None) -> int:
        """End what is still open, but `keep`, as "unfinished", the newest first; return how many that were."""
        closed = 0
        while self.closers:
            self.closers.pop()()
        self.closed = True
        for span in reversed(list(self.open_spans.values())):
            if span is not keep and span.end_unfinished():
                closed += 1
        return closed

    def __repr__(self) -> str:
        return f"RunScope({self.run_id!r}, {self.task!r}, attempt={self.attempt})"


def scope_of(context: Context) -> RunScope | None:
    """Return the run that a context is in: its own scope, else that of its current span."""
    scope = context.get(RUN_KEY)
    if scope is None:
        scope = getattr(context.get(SPAN_KEY), "scope", None)
    return scope if isinstance(scope, RunScope) else None


def current_scope() -> RunScope | None:
    """Return the run that the caller is in, or None outside every run."""
    return scope_of(get_context())


def current_place() -> tuple[str | None, bytes | None, bytes | None]:
    """Return (run id, trace id, span id) for a record about to be made here; each None where there is none.

    What was set on the open span since its last record is recorded before.
    """
    context = get_context()
    span, scope = context.get(SPAN_KEY), context.get(RUN_KEY)
    if span is None and scope is None:
        return None, None, None
    if scope is None:
        scope = getattr(span, "scope", None)
    run_id = scope.run_id if isinstance(scope, RunScope) else None
    trace_id = getattr(span, "trace_bytes", None)
    if type(trace_id) is bytes:
        own = cast("Span", span)
        if own.has_changed and own.is_recording():
            own.record_change()
        return run_id, trace_id, own.span_bytes
    if isinstance(span, ApiSpan):
        foreign = span.get_span_context()
        if foreign.is_valid:
            return run_id, foreign.trace_id.to_bytes(16), foreign.span_id.to_bytes(8)
    return run_id, None, None
