"""What the user's code must never notice: bad values, bad handlers, bad processors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from runlog.tracing.span import Span
from runlog.tracing.trace import trace
from tests.helpers import wait_until
from tests.tracing.conftest import Log


class Hostile:
    def __str__(self) -> str:
        raise ValueError("no text for you")

    __repr__ = __str__

    def __len__(self) -> int:
        raise ValueError("no length for you")


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class HostileMapping(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise ValueError

    def __iter__(self) -> Iterator[str]:
        raise ValueError

    def __len__(self) -> int:
        raise ValueError


def cycle() -> list[Any]:
    values: list[Any] = []
    values.append(values)
    return values


def deep() -> list[Any]:
    values: list[Any] = []
    for _ in range(10_000):
        values = [values]
    return values


HOSTILE: dict[str, Any] = {
    "str raises": Hostile(),
    "cycle": cycle(),
    "deep": deep(),
    "long": "x" * 200_000_000,
    "surrogate": "a\ud800b",
    "nul": "a\0b",
    "huge": 10**5000,
    "nan": float("nan"),
    "bytes": b"\xff\xfe",
    "object": object(),
    "generator": (number for number in range(3)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_value_raises_or_is_lost(log: Log, name: str) -> None:
    value = HOSTILE[name]
    with trace("work", value=value, record_result=True) as span:
        assert isinstance(span, Span)
        span.set_attribute("later", value)
        span.set_attributes({"many": value})
        span.add_event("event", {"value": value})
        span.record_result(value)
        span.set_status(StatusCode.ERROR, value)
        assert dict(span.attributes)
        assert span.status.status_code is StatusCode.ERROR
        assert span.to_json()
    ended = log.span()
    assert {"value", "later", "many"} <= set(ended.attributes)
    assert ended.extra is not None
    assert ended.extra["events"][0]["attributes"]
    assert len(str(ended.attributes)) < 1_000_000


def test_a_cut_text_says_how_long_it_was(log: Log) -> None:
    with trace("work", text="x" * 300_000):
        pass
    ended = log.span()
    assert ended.extra is not None
    assert ended.extra["truncated"] == {"text": 300_000}
    assert "characters cut]" in ended.attributes["text"]


def test_a_surrogate_does_not_lose_its_neighbours(log: Log) -> None:
    with trace("na\ud800me", good=1, bad="a\ud800b"):
        pass
    assert log.span().attributes == {"good": 1, "bad": "a\\ud800b"}
    assert log.span().name == "na\\ud800me"


def test_arguments_of_the_wrong_kind_do_no_harm(log: Log) -> None:
    tracer: Any = log.tracer
    for name in (None, 1, Hostile(), b"bytes", ""):
        span = tracer.start_span(name, kind="client", attributes=Hostile(), links=[None, 3], start_time="now")
        span.set_attribute(None, 1)
        span.set_attribute(Hostile(), 1)
        span.set_attributes(HostileMapping())
        span.set_attributes(None)
        span.set_attributes(7)
        span.add_event(Hostile(), 5, "then")
        span.add_link("nothing")
        span.add_link(None, HostileMapping())
        span.set_status("broken", Hostile())
        span.update_name(Hostile())
        span.record_exception("no exception")
        span.end("later")
    assert len([event for event in log.events() if event.kind == "span"]) == 5


def test_attributes_that_cannot_be_read(log: Log) -> None:
    with trace("work", HostileMapping(), {"a": 1}, b=2):
        pass
    assert log.span().attributes["b"] == 2


def test_an_exception_without_text_keeps_its_identity(log: Log) -> None:
    error = HostileError()
    with pytest.raises(HostileError) as caught, trace("outer"), trace("inner"):
        raise error
    assert caught.value is error
    spans = log.spans()
    assert spans["inner"].extra is not None
    assert spans["inner"].extra["exception"]["type"] == "HostileError"
    assert {span.status for span in spans.values()} == {"error"}


def test_an_exception_that_refuses_attributes(log: Log) -> None:
    class Frozen(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(Frozen), trace("outer"), trace("inner"):
        raise Frozen
    recorded = [name for name, span in log.spans().items() if "exception" in (span.extra or {})]
    assert recorded == ["inner"]


def test_a_log_handler_may_touch_the_current_span(log: Log) -> None:
    """Each warning about a span is a log, whose handler sets something on that span."""

    class Touching(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from opentelemetry import trace as api

            span = api.get_current_span()
            span.set_attribute("logged", record.getMessage())
            span.add_event("log")
            span.end()

    handler = Touching()
    logging.getLogger().addHandler(handler)
    done = threading.Event()

    def work() -> None:
        with trace("work") as span:
            span.set_attribute("bad", Hostile())  # type: ignore[arg-type]
            span.end()
            span.end()
            span.set_attribute("late", 1)
        done.set()

    try:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        wait_until(done.is_set)
    finally:
        logging.getLogger().removeHandler(handler)
    assert log.span().name == "work"


def test_interrupts_of_a_value_are_not_swallowed(log: Log) -> None:
    class Interrupting(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), trace("work"):
        raise Interrupting
