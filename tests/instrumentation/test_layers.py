"""One query is one span; nothing is traced where tracing is suppressed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

from runlog.instrumentation import Instrumentation, InstrumentationPatch, Options
from runlog.testing import Telemetry


class Upper(Instrumentation[Options]):
    name = "upper"
    covers = frozenset({"Low_er"})

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        def dumps(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            with patch.tracer.start_as_current_span("upper"):
                return wrapped(*args, **kwargs)

        patch.wrap(json, "dumps", dumps)


class Lower(Instrumentation[Options]):
    name = "low-er"

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        def encode(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            with patch.tracer.start_as_current_span("lower") as span:
                span.set_attribute("key", "value")
                return wrapped(*args, **kwargs)

        patch.wrap(json.JSONEncoder, "encode", encode)


class Lowest(Instrumentation[Options]):
    """Below the lower one, with spans that it does not make current."""

    name = "lowest"

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        def iterencode(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            patch.tracer.start_span("lowest").end()
            return wrapped(*args, **kwargs)

        patch.wrap(json.JSONEncoder, "iterencode", iterencode)


@pytest.mark.parametrize("order", [(Upper, Lower), (Lower, Upper)])
def test_a_covered_layer_is_silent_within_the_covering_one(telemetry: Telemetry, order: Any) -> None:
    for kind in order:
        telemetry.install(kind)
    json.dumps([1])
    assert telemetry.tree() == "upper"
    json.JSONEncoder().encode([1])
    assert telemetry.tree() == "upper\nlower"


def test_it_speaks_again_when_the_covering_one_is_gone(telemetry: Telemetry) -> None:
    telemetry.install(Lower)
    upper = telemetry.instrumentations
    telemetry.instrumentations = type(upper)(telemetry.provider)
    both = telemetry.instrumentations
    both.install_class(Lower)
    upper.uninstall()
    state = both.install_class(Upper)
    assert state.state == "active"
    json.dumps([1])
    both.uninstall()
    both.install_class(Lower)
    json.dumps([1])
    assert telemetry.tree() == "upper\nlower"


def test_a_layer_that_is_not_covered_hangs_under_the_covering_span(telemetry: Telemetry) -> None:
    for kind in (Upper, Lower, Lowest):
        telemetry.install(kind)
    json.dumps([1])
    assert telemetry.tree() == "upper\n  lowest"


def test_a_silent_span_stands_for_the_current_one(telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("outer") as outer, suppress_instrumentation():
        tracer = telemetry.instrumentations._layers.provider(telemetry.provider, "x").get_tracer("x")
        with tracer.start_as_current_span("silent") as span:
            assert not span.is_recording()
            assert span.get_span_context().span_id == outer.get_span_context().span_id
            assert trace.get_current_span() is outer
    assert telemetry.tree() == "outer"


def test_suppressed_calls_and_those_of_runlogs_threads_are_not_traced(telemetry: Telemetry) -> None:
    telemetry.install(Upper)
    with suppress_instrumentation():
        json.dumps(1)
    for name in ("runlog-writer", "runlog-task-1", "mine"):
        thread = threading.Thread(target=json.dumps, args=(1,), name=name)
        thread.start()
        thread.join()
    assert telemetry.tree() == "upper\nupper"
