"""SDK processors behind our provider."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from runlog.tracing.span import Span
from runlog.tracing.trace import trace
from tests.tracing.conftest import Log, within
from tests.tracing.test_tracer import Deciding, remote, under


class Recording(SpanProcessor):
    def __init__(self, name: str = "", calls: list[Any] | None = None) -> None:
        self.name = name
        self.calls: list[Any] = [] if calls is None else calls
        self.ended: list[ReadableSpan] = []
        self.threads: set[int] = set()
        self.shutdowns = self.flushes = 0

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        assert isinstance(span, Span)
        assert span.is_recording()
        self.calls.append((self.name, "start", span.name, threading.get_ident(), parent_context))
        span.set_attribute(f"{self.name}started", 1)

    def _on_ending(self, span: Any) -> None:
        assert span.end_time is not None
        self.calls.append((self.name, "ending", span.name, threading.get_ident(), None))
        span.set_attribute(f"{self.name}ending", 1)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)
        self.threads.add(threading.get_ident())

    def shutdown(self) -> None:
        self.shutdowns += 1

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.flushes += 1
        return True


class Raising(SpanProcessor):
    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        raise ValueError("start")

    def _on_ending(self, span: Any) -> None:
        raise ValueError("ending")

    def on_end(self, span: ReadableSpan) -> None:
        raise ValueError("end")

    def shutdown(self) -> None:
        raise ValueError("shutdown")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        raise ValueError("flush")


def test_hooks_see_the_live_span_in_order(log: Log) -> None:
    calls: list[Any] = []
    first, second = Recording("a.", calls), Recording("b.", calls)
    log.provider.add_span_processor(first)
    log.provider.add_span_processor(second)
    context = Context()
    span = log.tracer.start_span("work", context=context)
    span.end()
    here = threading.get_ident()
    assert calls == [
        ("a.", "start", "work", here, context),
        ("b.", "start", "work", here, context),
        ("a.", "ending", "work", here, None),
        ("b.", "ending", "work", here, None),
    ]
    expected = {"a.started": 1, "b.started": 1, "a.ending": 1, "b.ending": 1}
    assert log.span().attributes == expected
    assert log.provider.force_flush()
    assert dict(first.ended[0].attributes or {}) == expected
    assert here not in first.threads


def test_what_processors_raise_is_counted(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    after = Recording()
    log.provider.add_span_processor(Raising())
    log.provider.add_span_processor(after)
    for _ in range(3):
        with trace("work"):
            pass
    assert not log.provider.force_flush()
    assert len(after.ended) == 3
    assert log.provider.hooks.failures == {"Raising": 6}
    raising, _ = log.provider.bridge.statistics()
    assert (raising.exported, raising.failed, raising.last_error) == (0, 3, "ValueError: flush")
    assert len(caplog.records) == 2  # once for the hooks, once for what is exported


def test_the_stored_span_is_whole(log: Log) -> None:
    processor = Recording()
    log.provider.add_span_processor(processor)
    tracer = log.provider.get_tracer("lib", "2.0", "https://schema", {"scope": "attribute"})
    parent = remote(flags=3, state=TraceState([("v", "1")]))
    target = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("l", "1")]))
    with pytest.raises(ValueError):
        with tracer.start_as_current_span(
            "work",
            context=under(parent),
            kind=SpanKind.SERVER,
            attributes={"list": ["a", "b"], "nested": {"deep": [1, {"x": 2}]}, "none": None, "n": 1},
            links=[Link(target, {"why": "test"})],
            start_time=1_000_000,
        ) as live:
            live.add_event("event", {"k": ["v"]}, timestamp=2_000_000)
            raise ValueError("broken")
    assert log.provider.force_flush()
    (span,) = processor.ended
    assert isinstance(live, Span)
    assert type(span) is not Span
    assert span.name == "work"
    assert span.context == span.get_span_context() == live.get_span_context()
    assert span.parent == parent
    assert span.kind is SpanKind.SERVER
    assert span.start_time == 1_000_000
    assert span.end_time == live.end_time
    assert span.attributes is not None
    assert span.attributes["list"] == ("a", "b")
    assert span.attributes["n"] == 1
    assert "none" not in span.attributes
    assert span.resource is log.provider.resource
    hash(span.resource)
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == ("lib", "2.0", "https://schema")
    assert scope.attributes == {"scope": "attribute"}
    (link,) = span.links
    assert link.context == target
    assert dict(link.attributes or {}) == {"why": "test"}
    event, exception = span.events
    assert (event.name, event.timestamp, dict(event.attributes or {})) == ("event", 2_000_000, {"k": ("v",)})
    assert exception.name == "exception"
    assert exception.attributes is not None
    assert exception.attributes["exception.type"] == "ValueError"
    assert exception.attributes["exception.message"] == "broken"
    assert exception.attributes["exception.escaped"] == "True"
    text = str(exception.attributes["exception.stacktrace"])
    assert text.startswith("Traceback (most recent call last):")
    assert 'raise ValueError("broken")' in text
    assert text.endswith("ValueError: broken")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: broken"
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (0, 0, 0)
    assert '"name": "work"' in span.to_json()


def test_what_is_dropped_is_told(log: Log) -> None:
    from opentelemetry.sdk.trace import SpanLimits

    log.use(span_limits=SpanLimits(max_span_attributes=1, max_events=1, max_links=1, max_event_attributes=1))
    processor = Recording("x.")
    log.provider.add_span_processor(processor)
    with log.tracer.start_as_current_span("work") as span:
        for number in range(3):
            span.add_event("event", {"a": 1, "b": 2})
            span.add_link(span.get_span_context())
            span.set_attribute(f"k{number}", number)
    assert log.provider.force_flush()
    (ended,) = processor.ended
    assert (ended.dropped_attributes, ended.dropped_events, ended.dropped_links) == (4, 2, 2)
    assert ended.events[0].dropped_attributes == 1


def test_secrets_do_not_reach_processors(log: Log) -> None:
    processor = Recording()
    log.provider.add_span_processor(processor)
    secret = "sk_live_abcdefghijklmnopqrstuvwx"
    with pytest.raises(ValueError), trace("work", password="hunter22", header=f"Bearer {secret}"):
        raise ValueError(f"token={secret}")
    assert log.provider.force_flush()
    shown = processor.ended[0].to_json()
    assert "hunter22" not in shown
    assert secret not in shown


def test_record_only_reaches_processors_and_no_exporter(log: Log) -> None:
    tracer = log.use(sampler=Deciding(SamplingResult(Decision.RECORD_ONLY)))
    processor, exporter = Recording(), InMemorySpanExporter()
    log.provider.add_span_processor(processor)
    log.provider.bridge.add_exporter(exporter)
    log.provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracer.start_as_current_span("work") as span:
        assert span.is_recording()
        assert not span.get_span_context().trace_flags.sampled
    assert log.provider.force_flush()
    assert [span.name for span in processor.ended] == ["work"]
    assert exporter.get_finished_spans() == ()
    assert log.span().name == "work"


def test_what_the_sampler_drops_is_in_the_run_and_nowhere_else(log: Log) -> None:
    tracer = log.use(sampler=ALWAYS_OFF)
    processor = Recording()
    log.provider.add_span_processor(processor)
    with within(), tracer.start_as_current_span("work"):
        pass
    assert log.provider.force_flush()
    assert (processor.calls, processor.ended) == ([], [])
    assert log.span().name == "work"


def test_the_sdks_own_processors(log: Log) -> None:
    simple, batch = InMemorySpanExporter(), InMemorySpanExporter()
    log.provider.add_span_processor(SimpleSpanProcessor(simple))
    log.provider.add_span_processor(BatchSpanProcessor(batch))
    assert log.provider.hooks.starting == ()  # they do nothing at a start
    with trace("outer"), trace("inner"):
        pass
    assert log.provider.force_flush()
    for exporter in (simple, batch):
        inner, outer = exporter.get_finished_spans()
        assert (inner.name, outer.name) == ("inner", "outer")
        assert inner.parent == outer.context


def test_unfinished_and_canceled_spans_are_exported_too(log: Log) -> None:
    processor = Recording()
    log.provider.add_span_processor(processor)
    with within() as scope:
        log.tracer.start_span("left open")
        scope.close_open_spans()
    assert log.provider.force_flush()
    (span,) = processor.ended
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {})["runlog.outcome"] == "unfinished"


def test_flush_and_shutdown_are_bounded_and_idempotent(log: Log) -> None:
    class Stuck(Recording):
        release = threading.Event()

        def on_end(self, span: ReadableSpan) -> None:
            self.release.wait(60)

        def shutdown(self) -> None:
            self.release.wait(60)

    stuck, healthy = Stuck(), Recording()
    log.provider.add_span_processor(stuck)
    log.provider.add_span_processor(healthy)
    with trace("work"), trace("inner"):
        pass
    start = time.monotonic()
    assert not log.provider.force_flush(200)
    log.provider.bridge.shutdown(1.0)
    log.provider.shutdown()
    log.provider.shutdown()
    assert time.monotonic() - start < 20
    assert len(healthy.ended) == 2
    assert healthy.shutdowns == 1
    assert log.provider.force_flush()
    with trace("after"):
        pass
    assert "after" in log.spans()
    assert len(healthy.ended) == 2
    stuck.release.set()


def test_work_of_processors_is_not_traced(log: Log) -> None:
    class Tracing(Recording):
        def on_end(self, span: ReadableSpan) -> None:
            with trace("about the export"):
                super().on_end(span)

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            with trace("about the flush"):
                return otel.get_value("suppress_instrumentation") is None

    processor = Tracing()
    log.provider.add_span_processor(processor)
    with trace("work"):
        pass
    assert log.provider.force_flush()
    assert list(log.spans()) == ["work"]
