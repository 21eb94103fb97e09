"""The span as instrumentors and processors see it, and as it is recorded."""

from __future__ import annotations

import gc
import logging
import threading
import time
import tracemalloc
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from runlog.recording.batches import SPAN_START_TAG
from runlog.stores.base import Event
from runlog.tracing.scope import current_place
from runlog.tracing.span import Span
from tests.tracing.conftest import Log, within


def started(log: Log, name: str = "work", **arguments: Any) -> Span:
    span = log.tracer.start_span(name, **arguments)
    assert isinstance(span, Span)
    return span


def test_the_types_are_opentelemetrys(log: Log) -> None:
    assert isinstance(log.provider, api.TracerProvider)
    assert isinstance(log.provider.get_tracer("a", "1", "https://schema", {"k": "v"}), api.Tracer)
    span = started(log)
    assert isinstance(span, api.Span)
    assert isinstance(span, ReadableSpan)
    span.end()


def test_a_live_span_can_be_read(log: Log) -> None:
    with log.tracer.start_as_current_span("parent") as parent:
        span = started(log, kind=SpanKind.CLIENT, attributes={"peer": "db", "ports": [1, 2]})
    assert span.kind is SpanKind.CLIENT
    assert span.name == "work"
    assert span.attributes.get("peer") == "db"
    assert span.attributes["ports"] == (1, 2)
    assert span.parent == parent.get_span_context()
    assert span.context is span.get_span_context()
    assert span.context.is_valid
    assert span.context.trace_id == parent.get_span_context().trace_id
    assert span.resource is log.provider.resource
    assert span.instrumentation_scope.name == "test"
    assert span.instrumentation_scope.version == "1.2"
    assert span.start_time <= time.time_ns()
    assert span.end_time is None
    assert '"peer": "db"' in span.to_json()
    span.end()
    assert span.end_time is not None
    assert span.end_time >= span.start_time


def test_start_and_end_are_recorded(log: Log) -> None:
    span = started(log, attributes={"a": 1})
    opened = log.wait_for(lambda event: event.kind == "open")
    assert (opened.name, opened.attributes, opened.status, opened.duration) == ("work", {"a": 1}, None, None)
    span.set_attribute("b", "two")
    span.end()
    ended = log.span()
    assert ended.span_id == opened.span_id == span.context.span_id.to_bytes(8)
    assert ended.trace_id == span.context.trace_id.to_bytes(16)
    assert ended.attributes == {"a": 1, "b": "two"}
    assert ended.status == "unset"
    assert ended.sequence > opened.sequence
    assert ended.duration is not None
    assert ended.duration >= 0
    assert ended.extra == {"scope": "test", "scope_version": "1.2"}


def test_what_the_store_has_is_what_was_recorded(log: Log) -> None:
    with within("run_9"), log.tracer.start_as_current_span("work", attributes={"a": {"b": [1, "x"]}}):
        pass
    (stored,) = [event for event in log.stored("run_9") if event.kind == "span"]
    assert stored.run_id == "run_9"
    assert stored.name == "work"
    assert stored.attributes == {"a.b": [1, "x"]}


def test_what_was_set_goes_before_the_next_record_under_it(log: Log) -> None:
    def opened() -> list[dict[str, Any]]:
        return [event.attributes for event in log.events() if event.kind == "open" and event.name == "work"]

    with log.tracer.start_as_current_span("work") as span:
        log.wait_for(lambda event: event.kind == "open")
        span.set_attribute("a", 1)
        assert opened() == [{}]
        current_place()
        assert opened() == [{}, {"a": 1}]
        current_place()
        span.set_attribute("b", 2)
        log.tracer.start_span("child").end()
        assert opened() == [{}, {"a": 1}, {"a": 1, "b": 2}]
        for number in range(1000):
            span.set_attribute("b", number)
            current_place()
        assert len(opened()) < 100
    assert log.spans()["work"].attributes == {"a": 1, "b": 999}


def test_given_times_are_kept(log: Log) -> None:
    span = started(log, start_time=1_000)
    span.add_event("then", timestamp=1_500)
    span.end(3_000)
    ended = log.span()
    assert (ended.time, ended.duration) == (1_000, 2_000)
    assert ended.extra is not None
    assert ended.extra["events"] == [{"name": "then", "time": 1_500}]
    assert (span.start_time, span.end_time) == (1_000, 3_000)


def test_a_duration_does_not_follow_the_wall_clock(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    span = started(log)
    monkeypatch.setattr("runlog.tracing.span.time_ns", lambda: 0)
    span.end()
    duration = log.span().duration
    assert duration is not None
    assert 0 <= duration < 60_000_000_000


def test_status_rules(log: Log) -> None:
    ok = started(log, "ok")
    ok.set_status(StatusCode.ERROR, "not yet")
    ok.set_status(Status(StatusCode.OK))
    ok.set_status(StatusCode.ERROR, "too late")
    failed = started(log, "failed")
    failed.set_status(StatusCode.ERROR, "broken")
    failed.set_status(StatusCode.UNSET)
    assert ok.status.status_code is StatusCode.OK
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "broken"
    for span in (ok, failed):
        span.end()
    spans = log.spans()
    assert (spans["ok"].status, spans["ok"].level) == ("ok", 9)
    assert (spans["failed"].status, spans["failed"].level) == ("error", 17)
    assert spans["failed"].extra is not None
    assert spans["failed"].extra["status_message"] == "broken"


def test_after_the_end_nothing_changes_and_one_warning_is_given(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    span = started(log)
    span.end()
    assert not span.is_recording()
    with caplog.at_level(logging.WARNING):
        span.end()
        span.set_attribute("late", 1)
        span.set_attributes({"late": 1})
        span.add_event("late")
        span.add_link(span.context)
        span.update_name("late")
        span.set_status(StatusCode.ERROR)
        span.record_exception(ValueError())
        span.record_result(1)
    assert [record.message for record in caplog.records] == ["Calling end() on an ended span: work"]
    assert log.span().attributes == {}
    assert log.span().name == "work"
    assert log.span().status == "unset"


def test_of_two_threads_that_end_a_span_one_does(log: Log) -> None:
    for number in range(100):
        span = started(log, f"work {number}")
        barrier = threading.Barrier(2)

        def end(span: Span = span, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            span.end()

        threads = [threading.Thread(target=end) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(log.spans()) == 100


def test_attributes_from_other_threads(log: Log) -> None:
    span = started(log)

    def fill(thread: int) -> None:
        for number in range(100):
            span.set_attribute(f"{thread}.{number}", number)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span.end()
    assert len(log.span().attributes) == 800


def test_an_attribute_set_again_moves_to_the_end(log: Log) -> None:
    span = started(log, attributes={"a": 1, "b": 2})
    span.set_attribute("a", 3)
    assert list(span.attributes.items()) == [("b", 2), ("a", 3)]
    span.end()


def test_an_empty_key_is_no_attribute(log: Log) -> None:
    span = started(log, attributes={"": 1, "a": 1})
    span.set_attribute("", 2)
    assert dict(span.attributes) == {"a": 1}
    span.end()


def test_later_changes_of_a_value_are_not_seen(log: Log) -> None:
    ports = [1, 2]
    given = {"ports": ports}
    span = started(log, attributes=given)
    ports.append(3)
    given["more"] = [4]
    assert dict(span.attributes) == {"ports": (1, 2)}
    span.end()
    assert log.span().attributes == {"ports": [1, 2]}


def test_the_oldest_attributes_give_way_and_are_counted(log: Log) -> None:
    tracer = log.use(span_limits=SpanLimits(max_span_attributes=3))
    span = tracer.start_span("work", attributes={"a": 1, "b": 2, "c": 3, "d": 4})
    assert isinstance(span, Span)
    assert dict(span.attributes) == {"b": 2, "c": 3, "d": 4}
    span.set_attributes({"e": 5})
    assert dict(span.attributes) == {"c": 3, "d": 4, "e": 5}
    assert span.dropped_attributes == 2
    span.end()
    ended = log.span()
    assert ended.attributes == {"c": 3, "d": 4, "e": 5}
    assert ended.extra is not None
    assert ended.extra["dropped"] == {"attributes": 2}


def test_events_and_links_have_limits(log: Log) -> None:
    tracer = log.use(span_limits=SpanLimits(max_events=2, max_links=1, max_event_attributes=1, max_link_attributes=1))
    other = started(log, "other").get_span_context()
    span = tracer.start_span("work", links=[Link(other, {"n": 0, "m": 0}), Link(other, {"n": 1})])
    assert isinstance(span, Span)
    for number in range(3):
        span.add_event(f"event {number}", {"n": number, "m": number})
    assert [event.name for event in span.events] == ["event 1", "event 2"]
    assert span.events[0].dropped_attributes == 1
    assert [dict(link.attributes or {}) for link in span.links] == [{"n": 1}]
    assert (span.dropped_events, span.dropped_links) == (1, 1)
    span.end()
    ended = log.spans()["work"]
    assert ended.extra is not None
    assert ended.extra["dropped"] == {"events": 1, "links": 1}
    assert [event["name"] for event in ended.extra["events"]] == ["event 1", "event 2"]


def test_limits_of_the_environment_win(project: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1000")
    log = Log()
    try:
        span = started(log, attributes={"a": 1, "b": 2, "c": "x" * 5000})
        for name in ("one", "two"):
            span.add_event(name, {"a": 1, "b": 2})
            span.add_link(span.context)
        span.end()
        ended = log.span()
        assert list(ended.attributes) == ["b", "c"]
        assert len(ended.attributes["c"]) < 1200
        assert ended.extra is not None
        assert ended.extra["truncated"] == {"c": 5000}
        assert [len(event["attributes"]) for event in ended.extra["events"]] == [1]
        assert len(ended.extra["links"]) == 1
    finally:
        log.close()


def test_links(log: Log) -> None:
    target = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("k", "v")]))
    nowhere = api.INVALID_SPAN_CONTEXT
    span = started(log, links=[Link(target, {"why": "because"}), Link(nowhere)])
    span.add_link(nowhere, {"but": "says something"})
    span.add_link(nowhere)
    started(log, "without", links=None).end()
    assert [link.context for link in span.links] == [target, nowhere]
    span.end()
    ended = log.spans()["work"]
    assert ended.extra is not None
    assert ended.extra["links"] == [
        {
            "trace_id": f"{1:032x}",
            "span_id": f"{2:016x}",
            "flags": 1,
            "trace_state": "k=v",
            "remote": True,
            "attributes": {"why": "because"},
        },
        {"trace_id": "0" * 32, "span_id": "0" * 16, "flags": 0, "attributes": {"but": "says something"}},
    ]


def test_names(log: Log) -> None:
    span = started(log, "before")
    span.update_name("after")
    assert span.name == "after"
    span.end()
    assert log.span().name == "after"


def test_a_long_name_is_cut_at_a_space(log: Log) -> None:
    started(log, "word " * 1000).end()
    started(log, "x" * 5000).end()
    cut, gone = log.spans()
    assert cut.startswith("word word")
    assert cut.endswith("characters cut]…")
    assert len(cut) < 1100
    assert "5,000 characters cut" in gone
    assert "xx" not in gone


def test_an_open_span_is_small(log: Log) -> None:
    with within():
        started(log, "warm").end()
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        spans = [started(log, "open", attributes={"a": 1, "b": "two", "c": 3.0, "d": True}) for _ in range(1000)]
        size = (tracemalloc.get_traced_memory()[0] - before) / 1000
        tracemalloc.stop()
        for span in spans:
            span.end()
    assert size <= 2048


def test_records_are_laid_out_like_the_class(log: Log) -> None:
    """A record is a tuple on the road; a field that moves in the class must fail here."""
    assert Event.__struct_config__.tag == 1
    with within("run_7"), log.tracer.start_as_current_span("parent") as parent:
        with log.tracer.start_as_current_span("child", kind=SpanKind.CLIENT, attributes={"k": "v"}) as child:
            pass
    span = log.spans()["child"]
    assert isinstance(child, Span)
    assert span == Event(
        sequence=span.sequence,
        kind="span",
        run_id="run_7",
        trace_id=child.context.trace_id.to_bytes(16),
        span_id=child.context.span_id.to_bytes(8),
        parent_id=parent.get_span_context().span_id.to_bytes(8),
        time=child.start_time,
        duration=span.duration,
        level=9,
        status="unset",
        name="child",
        message="",
        attributes={"k": "v"},
        extra={"scope": "test", "scope_version": "1.2", "kind": "CLIENT"},
        id=span.id,
    )


def test_an_ended_span_is_not_opened_again(log: Log) -> None:
    span = started(log)
    span.set_attribute("a", 1)
    span.end()
    log.events()
    log.tracer.start_span("child", context=api.set_span_in_context(span)).end()
    assert [event.kind for event in log.events() if event.name == "work"][-1] == "span"


def test_an_end_inside_the_record_of_a_change_comes_after_it(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a signal handler ends the span that the interrupted code is recording."""
    span = started(log)
    span.set_attribute("a", 1)
    records: list[Any] = []

    def emit(record: Any, rank: int, run_id: str | None = None) -> bool:
        kind = "open" if record[0] == SPAN_START_TAG else record[2]
        if kind == "open":
            span.end()
        records.append(kind)
        return True

    monkeypatch.setattr(log.recorder, "emit", emit)
    span.record_change()
    assert records == ["open", "span"]
    assert not span.is_recording()


def test_a_change_and_the_end_at_once(log: Log) -> None:
    """Whatever thread is first: the span ends once, and no record says afterwards that it is open."""
    spans = [started(log, f"work {number}") for number in range(300)]
    barrier = threading.Barrier(2)

    def change() -> None:
        for span in spans:
            barrier.wait()
            span.set_attribute("changed", 1)
            span.record_change()

    thread = threading.Thread(target=change)
    thread.start()
    for span in spans:
        barrier.wait()
        span.end()
    thread.join()
    events = sorted(log.events(), key=lambda event: event.sequence)
    last = {event.name: event.kind for event in events}
    assert set(last.values()) == {"span"}
    assert len([event for event in events if event.kind == "span"]) == 300
