"""Exceptions, cancellation and interrupts: once, where they were raised, and the same object goes on."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from opentelemetry import trace as api
from opentelemetry.trace import StatusCode

from runlog.recording import Recorder
from runlog.stores.base import Event
from runlog.tracing.span import Span
from runlog.tracing.trace import trace
from tests.tracing.conftest import Log, within


class OwnInterrupt(BaseException):
    pass


def extra_of(event: Event) -> dict[str, Any]:
    assert event.extra is not None
    return event.extra


def test_an_exception_is_recorded_where_it_was_raised(log: Log) -> None:
    error = ValueError("bad amount")
    with pytest.raises(ValueError, match="bad amount") as caught:
        with trace("outer"), trace("middle"), trace("inner"):
            raise error
    assert caught.value is error
    assert error.__context__ is None
    spans = log.spans()
    for name in ("outer", "middle", "inner"):
        assert (spans[name].status, spans[name].level) == ("error", 17 if name == "inner" else 9)
        assert extra_of(spans[name])["status_message"] == "ValueError: bad amount"
    assert [name for name, span in spans.items() if "exception" in extra_of(span)] == ["inner"]
    described = extra_of(spans["inner"])["exception"]
    assert (described["type"], described["message"]) == ("ValueError", "bad amount")
    assert described["frames"][-1]["source"] == "raise error"
    (event,) = extra_of(spans["inner"])["events"]
    assert (event["name"], event["exception"], event["escaped"]) == ("exception", True, True)


@pytest.mark.parametrize("use", ["start_as_current_span", "use_span", "with span", "instrumentor"])
def test_ancestors_of_every_kind_do_not_record_it_again(log: Log, use: str) -> None:
    def run(name: str, body: Callable[[], None]) -> None:
        if use == "start_as_current_span":
            with log.tracer.start_as_current_span(name):
                body()
        elif use == "use_span":
            with api.use_span(log.tracer.start_span(name), end_on_exit=True):
                body()
        elif use == "with span":
            with log.tracer.start_span(name) as span, api.use_span(span, record_exception=False):
                body()
        else:
            with log.tracer.start_as_current_span(name) as span:
                try:
                    body()
                except Exception as error:
                    span.record_exception(error)
                    span.set_status(StatusCode.ERROR, "said by the instrumentor")
                    raise

    def fail() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        run("outer", lambda: run("middle", lambda: run("inner", fail)))
    spans = log.spans()
    assert [name for name, span in spans.items() if "exception" in extra_of(span)] == ["inner"]
    assert len(extra_of(spans["inner"])["events"]) == 1
    assert {span.status for span in spans.values()} == {"error"}


def test_a_kept_exception_is_recorded_again_elsewhere(log: Log) -> None:
    """One object raised in each attempt: every attempt shows it."""
    error = OSError("same")
    for name in ("first", "second"):
        with pytest.raises(OSError, match="same"), trace(name), trace(f"{name} inner"):
            raise error
    with pytest.raises(OSError, match="same"), trace("third"):
        raise pickle.loads(pickle.dumps(error))
    recorded = [name for name, span in log.spans().items() if "exception" in extra_of(span)]
    assert sorted(recorded) == ["first inner", "second inner", "third"]


def test_a_caught_exception_leaves_the_ancestors_alone(log: Log) -> None:
    with trace("outer"):
        try:
            with trace("inner"):
                raise ValueError
        except ValueError:
            pass
    assert {name: span.status for name, span in log.spans().items()} == {"outer": "unset", "inner": "error"}


def test_an_exception_recorded_by_hand(log: Log) -> None:
    with trace("work") as span:
        for number in range(2):
            try:
                raise ValueError(number)
            except ValueError as error:
                span.record_exception(error, timestamp=number)
                span.record_exception(error)
                span.record_exception(error, attributes={"try": number})
    ended = log.span()
    assert ended.status == "unset"
    events = extra_of(ended)["events"]
    assert [event.get("attributes") for event in events] == [None, {"try": 0}, None, {"try": 1}]
    assert [event["exception"] for event in events[:3]] == [
        {**event["exception"], "message": message} for event, message in zip(events[:3], "001", strict=True)
    ]
    assert events[3]["exception"] is True
    assert extra_of(ended)["exception"]["message"] == "1"


def test_causes_notes_and_groups(log: Log) -> None:
    with pytest.raises(ExceptionGroup), trace("work"):
        try:
            raise KeyError("inner")
        except KeyError as error:
            group = ExceptionGroup("many", [ValueError("a"), TypeError("b")])
            group.add_note("while syncing")
            raise group from error
    described = extra_of(log.span())["exception"]
    assert described["notes"] == ["while syncing"]
    assert described["cause"]["type"] == "KeyError"
    assert [member["type"] for member in described["group"]] == ["ValueError", "TypeError"]


def test_what_with_span_does_can_be_switched_off(log: Log) -> None:
    for record in (True, False):
        with pytest.raises(ValueError):
            with log.tracer.start_as_current_span(
                f"current {record}", record_exception=record, set_status_on_exception=not record
            ):
                raise ValueError
        with pytest.raises(ValueError):
            with log.tracer.start_span(f"plain {record}", record_exception=record, set_status_on_exception=not record):
                raise ValueError
    spans = log.spans()
    for kind in ("current", "plain"):
        assert "exception" in extra_of(spans[f"{kind} True"])
        assert spans[f"{kind} True"].status == "unset"
        assert "exception" not in extra_of(spans[f"{kind} False"])
        assert spans[f"{kind} False"].status == "error"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, OwnInterrupt, GeneratorExit])
def test_interrupts_go_through_unchanged(log: Log, kind: type[BaseException]) -> None:
    error = kind("stop")
    with pytest.raises(kind) as caught, trace("outer"), log.tracer.start_as_current_span("current"):
        raise error
    assert caught.value is error
    assert error.__context__ is None
    spans = log.spans()
    current, outer = spans["current"], spans["outer"]
    # OpenTelemetry's use_span counts only an Exception as an error.
    assert current.status == "unset"
    assert "exception" not in extra_of(current)
    if kind is GeneratorExit:
        assert (current.attributes, outer.status) == ({}, "unset")
    else:
        assert current.attributes == {"runlog.outcome": "interrupted"}
        assert extra_of(current)["status_message"] == f"{kind.__name__}: stop"
    assert (outer.status == "error") == (kind is OwnInterrupt)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, OwnInterrupt])
def test_with_span_records_every_base_exception(log: Log, kind: type[BaseException]) -> None:
    with pytest.raises(kind), log.tracer.start_span("work"):
        raise kind("stop")
    assert log.span().status == "error"
    assert extra_of(log.span())["exception"]["type"].endswith(kind.__name__)


@pytest.mark.anyio
async def test_cancelled_work_says_so(log: Log) -> None:
    caught: list[BaseException] = []
    live: list[Span] = []

    async def work() -> None:
        with trace("outer") as span:
            assert isinstance(span, Span)
            live.append(span)
            try:
                async with log.tracer.start_as_current_span("inner"):
                    await anyio.sleep_forever()
            except BaseException as error:
                caught.append(error)
                raise

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert isinstance(caught[0], anyio.get_cancelled_exc_class())
    for span in log.spans().values():
        assert (span.status, span.level) == ("canceled", 9)
        assert span.attributes == {"runlog.outcome": "cancelled"}
        assert "exception" not in extra_of(span) if span.extra else True
    assert live[0].status.status_code is StatusCode.UNSET


@pytest.mark.anyio
async def test_a_cancelled_task_group_inside_a_span(log: Log) -> None:
    with anyio.move_on_after(0.01):
        async with trace("work"), anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(anyio.sleep_forever)
    assert log.span().status == "canceled"


@pytest.mark.anyio
async def test_a_timeout_is_cancelled_inside_and_an_error_outside(log: Log) -> None:
    with pytest.raises(TimeoutError), trace("outside"):
        with anyio.fail_after(0.01), trace("inside"):
            await anyio.sleep_forever()
    assert {name: span.status for name, span in log.spans().items()} == {"inside": "canceled", "outside": "error"}


def test_cancel_counts_stay_right(log: Log) -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError), trace("work"):
            await asyncio.sleep(10)
        assert task.uncancel() == 0

    asyncio.run(main())
    assert log.span().status == "canceled"


def test_an_error_beside_cancellations_is_an_error(log: Log) -> None:
    group = BaseExceptionGroup("both", [asyncio.CancelledError(), ValueError("real")])
    with pytest.raises(BaseExceptionGroup), log.tracer.start_as_current_span("work"):
        raise group
    assert log.span().status == "error"


def test_a_closed_scope_leaves_nothing_open(log: Log) -> None:
    with within() as scope:
        attempt = log.tracer.start_span("attempt")
        with api.use_span(attempt):
            parent = log.tracer.start_span("parent")
            child = log.tracer.start_span("child", context=api.set_span_in_context(parent))
        done = log.tracer.start_span("done")
        done.end()
    assert isinstance(attempt, Span)
    assert set(scope.open_spans.values()) == {attempt, parent, child}
    assert scope.close_open_spans(keep=attempt) == 2
    assert list(scope.open_spans.values()) == [attempt]
    attempt.end()
    assert scope.close_open_spans() == 0
    spans = log.spans()
    assert [(name, span.status, span.level) for name, span in spans.items()] == [
        ("done", "unset", 9),
        ("child", "unfinished", 13),
        ("parent", "unfinished", 13),
        ("attempt", "unset", 9),
    ]
    assert not child.is_recording()


def test_the_owner_of_an_unfinished_span_is_not_scolded(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    with within() as scope:
        span = log.tracer.start_span("work")
        scope.close_open_spans()
        span.set_attribute("late", 1)
        span.end()
    assert caplog.records == []
    assert [event.name for event in log.events() if event.kind == "span"] == ["work"]


def test_a_span_that_starts_while_its_attempt_ends_is_ended_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Span._record

    def end_first(span: Span, recorder: Recorder, kind: str, *values: Any) -> None:
        if kind == "open":  # as if the attempt's thread came in between
            scope.close_open_spans()
            assert log.recorder.flush(20)
        record(span, recorder, kind, *values)

    monkeypatch.setattr(Span, "_record", end_first)
    with within() as scope, trace("late"):
        pass
    assert [event.status for event in log.events() if event.kind == "span"] == ["unfinished"]
    assert log.events()[-1].kind == "span"
    assert scope.open_spans == {}
