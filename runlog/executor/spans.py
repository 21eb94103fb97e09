"""The spans that runlog itself makes round an attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from runlog.engines.base import Delivery, NewRun, Outcome
from runlog.tracing import span as own
from runlog.tracing.attach import attach, detach, with_span, with_value
from runlog.tracing.details import PLAIN_FLAGS
from runlog.tracing.outcome import OUTCOME_KEY
from runlog.tracing.scope import RUN_KEY, RunScope
from runlog.tracing.tracer import Tracer

WORKER = "worker"
"""The attribute that names the worker of an attempt: a run knows only its last one."""
DEADLINE = "deadline"
"""The attribute that says when `max_duration` will end the attempt, as of its start or the end of its last wait."""


class AttemptSpans:
    """`Retry #N delay`, `Attempt N`, `middleware()` and `run()` or `process`, under the run's root span."""

    def __init__(self, tracer: Tracer, delivery: Delivery) -> None:
        self._tracer, self._delivery = tracer, delivery
        run = delivery.run
        self._scope = RunScope(run.run_id, run.task, delivery.attempt)
        self._span: Span | None = None
        self._above: Span | None = None  # where the next inner span goes
        self._raised = False

    @property
    def scope(self) -> RunScope:
        """What the records of the attempt belong to."""
        return self._scope

    def begin(self, allowance: float | None = None) -> None:
        """Start the attempt's span and make it current, for the rest of this task of the event loop. It is told when
        its `allowance` (seconds) will be over."""
        delivery, tracer, scope = self._delivery, self._tracer, self._scope
        number = delivery.attempt
        above = _root_context(tracer, delivery.run)
        root = with_span(with_value(Context(), RUN_KEY, scope), NonRecordingSpan(above))
        attach(root)
        if delivery.retry_from is not None:
            tracer.start(f"Retry #{number - 1} delay", root, start_time=delivery.retry_from).end()
        links = [Link(span_context(*ids)) for ids in delivery.run.links]
        attributes: dict[str, AttributeValue] = {"attempt": number}
        if delivery.worker is not None:
            attributes[WORKER] = delivery.worker
        if allowance is not None:
            attributes[DEADLINE] = _after(allowance)
        span = tracer.start_attempt(f"Attempt {number}", root, scope, above, attributes, links)
        self._span = self._above = span
        attach(with_span(root, span))

    def put_off(self, allowance: float) -> None:
        """It has waited, and its time goes on: so many seconds are left."""
        span = self._span
        if isinstance(span, own.Span) and span.is_recording():
            span.set_attribute(DEADLINE, _after(allowance))
            span.record_change()  # that is of interest while it runs

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """A span under the attempt's, or under the one that is open in this way: `middleware()`, and `run()` for the
        function itself. An exception is recorded there, whatever it is."""
        above = self._above
        assert above is not None
        root = with_span(with_value(Context(), RUN_KEY, self._scope), above)
        self._above = span = self._tracer.start(name, root)
        token = attach(with_span(root, span))
        try:
            with span:
                yield
        except Exception:
            self._raised = True
            raise
        finally:
            detach(token)
            self._above = above

    def record_exception(self, error: BaseException) -> None:
        assert self._span is not None
        self._span.record_exception(error)

    def end(self, outcome: Outcome, *, canceled: bool, attributes: Mapping[str, AttributeValue] | None = None) -> None:
        """Close what is still open under the attempt, then the attempt. Does nothing the second time."""
        span = self._span
        if span is None or not span.is_recording():  # it could not begin, or was left behind
            self._scope.close_open_spans()
            return
        if attributes:
            span.set_attributes(attributes)
        if outcome.cause is not None and "peak" in outcome.cause:  # of its own process, which has died
            span.set_attribute("process.memory.peak", outcome.cause["peak"])
        mine = span if isinstance(span, own.Span) else None
        if canceled:
            if mine is not None:
                mine.details.outcome, mine.details.reason = "canceled", outcome.reason
                mine.set_attribute(OUTCOME_KEY, "cancelled")
        elif outcome.error is not None or outcome.crashed:
            span.set_status(StatusCode.ERROR, outcome.reason)
            if mine is not None:
                mine.details.passed_on = self._raised
        self._scope.close_open_spans(keep=mine)
        span.end()


def _after(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat(timespec="milliseconds")


_PLAIN = TraceFlags(PLAIN_FLAGS)


def span_context(trace_id: bytes, span_id: bytes, flags: int = PLAIN_FLAGS) -> SpanContext:
    own = _PLAIN if flags == PLAIN_FLAGS else TraceFlags(flags & 0xFF)
    return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), is_remote=False, trace_flags=own)


def _root_context(tracer: Tracer, run: NewRun) -> SpanContext:
    """The run's root span, sampled as the sampler says for its trace. The run log records it in any case."""
    flags = PLAIN_FLAGS
    sampling = tracer.provider.sampling
    if not sampling.samples_roots:
        with suppress(Exception):  # a sampler that raises decides nothing
            trace_id = int.from_bytes(run.trace_id)
            choice = sampling.sampler.should_sample(None, trace_id, run.task, SpanKind.CONSUMER, None, ())
            if choice.decision is not Decision.RECORD_AND_SAMPLE:
                flags &= ~TraceFlags.SAMPLED
    return span_context(run.trace_id, run.span_id, flags)
