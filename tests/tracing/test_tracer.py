"""Parents, sampling, suppression, ids: which span a tracer makes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.test.globals_test import reset_trace_globals
from opentelemetry.test.samplertestutil import CapturingSampler
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState

from runlog.config import Settings
from runlog.recording import open_recorder
from runlog.tracing.propagation import extract, inject
from runlog.tracing.provider import TracerProvider, get_provider
from runlog.tracing.span import Span
from runlog.tracing.trace import trace
from tests.tracing.conftest import Log, in_run, within


def remote(flags: int = 1, state: TraceState | None = None) -> SpanContext:
    return SpanContext(
        0x1234 << 96 | 5, 6, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state or TraceState()
    )


def under(context: SpanContext) -> Context:
    return api.set_span_in_context(NonRecordingSpan(context))


def test_the_current_span_is_the_parent(log: Log) -> None:
    with log.tracer.start_as_current_span("parent") as parent:
        assert api.get_current_span() is parent
        with log.tracer.start_as_current_span("child") as child:
            assert api.get_current_span() is child
        assert api.get_current_span() is parent
    assert api.get_current_span() is api.INVALID_SPAN
    spans = log.spans()
    assert spans["child"].parent_id == spans["parent"].span_id
    assert spans["child"].trace_id == spans["parent"].trace_id
    assert spans["parent"].parent_id is None


def test_the_context_argument_names_the_parent(log: Log) -> None:
    with log.tracer.start_as_current_span("parent") as parent:
        context = otel.get_current()
    with log.tracer.start_as_current_span("other"):
        log.tracer.start_span("child", context=context).end()
        log.tracer.start_span("root", context=Context()).end()
    spans = log.spans()
    assert spans["child"].parent_id == parent.get_span_context().span_id.to_bytes(8)
    assert spans["root"].parent_id is None
    assert spans["root"].trace_id not in (spans["other"].trace_id, spans["parent"].trace_id)


def test_an_invalid_parent_makes_a_root(log: Log) -> None:
    log.tracer.start_span("root", context=under(api.INVALID_SPAN_CONTEXT)).end()
    assert log.span().parent_id is None


def test_an_ended_parent_is_still_the_parent(log: Log) -> None:
    with log.tracer.start_as_current_span("parent") as parent:
        parent.end()
        log.tracer.start_span("child").end()
    spans = log.spans()
    assert spans["child"].parent_id == spans["parent"].span_id


def test_a_remote_parent_keeps_what_it_is(log: Log) -> None:
    parent = remote(flags=3, state=TraceState([("vendor", "x")]))
    span = log.tracer.start_span("child", context=under(parent))
    assert isinstance(span, Span)
    assert span.parent is not None
    assert span.parent.is_remote
    assert span.parent == parent
    assert not span.context.is_remote
    assert span.context.trace_flags == 3
    assert span.context.trace_state == {"vendor": "x"}
    grandchild = log.tracer.start_span("grandchild", context=api.set_span_in_context(span))
    assert grandchild.get_span_context().trace_state == {"vendor": "x"}
    grandchild.end()
    span.end()
    extra = log.spans()["child"].extra
    assert extra is not None
    assert (extra["remote_parent"], extra["trace_state"]) == (True, "vendor=x")


def test_the_random_flag_is_that_of_the_trace(log: Log) -> None:
    root = log.tracer.start_span("root")
    not_random = log.tracer.start_span("child", context=under(remote(flags=1)))
    assert root.get_span_context().trace_flags == 3
    assert not_random.get_span_context().trace_flags == 1
    root.end()
    not_random.end()


def test_ids_do_not_depend_on_the_users_seed(log: Log) -> None:
    ids = set()
    for _ in range(3):
        random.seed(1)
        span = log.tracer.start_span("work")
        ids.add((span.get_span_context().trace_id, span.get_span_context().span_id))
        span.end()
    assert len(ids) == 3


def test_ids_differ_in_a_forked_child(log: Log) -> None:
    log.tracer.start_span("before").end()
    log.recorder.flush()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, log.tracer.start_span("child").get_span_context().span_id.to_bytes(8))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    with log.tracer.start_span("parent") as span:
        assert os.read(reader, 8) != span.get_span_context().span_id.to_bytes(8)
    os.close(reader)
    os.close(writer)


class Count(IdGenerator):
    def __init__(self) -> None:
        self.last = 0

    def generate_span_id(self) -> int:
        self.last += 1
        return self.last

    def generate_trace_id(self) -> int:
        return 0xABC


def test_a_custom_id_generator(log: Log) -> None:
    tracer = log.use(id_generator=Count())
    with tracer.start_as_current_span("parent") as parent:
        child = tracer.start_span("child")
        child.end()
    assert parent.get_span_context().trace_id == 0xABC
    assert (parent.get_span_context().span_id, child.get_span_context().span_id) == (1, 2)
    assert parent.get_span_context().trace_flags == TraceFlags.SAMPLED
    assert log.provider.id_generator.last == 2  # type: ignore[attr-defined]


def test_an_id_generator_that_fails_is_done_without(log: Log) -> None:
    class Broken(Count):
        def generate_span_id(self) -> int:
            raise OSError("no entropy")

    log.use(id_generator=Broken()).start_span("work").end()
    assert log.span().name == "work"
    assert log.provider.sampling.failures == 1


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(ALWAYS_OFF), TraceIdRatioBased(0.0)])
def test_outside_a_run_what_is_not_sampled_is_not_recorded(log: Log, sampler: Sampler) -> None:
    tracer = log.use(sampler=sampler)
    with tracer.start_as_current_span("parent") as parent:
        assert not parent.is_recording()
        context = parent.get_span_context()
        assert context.is_valid
        assert not context.trace_flags.sampled
        with tracer.start_as_current_span("child") as child:
            assert not child.is_recording()
            assert child.get_span_context().trace_id == context.trace_id
        assert inject()["traceparent"].endswith("-02")
    assert log.events() == []


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(ALWAYS_OFF)])
def test_inside_a_run_everything_is_recorded(log: Log, sampler: Sampler) -> None:
    tracer = log.use(sampler=sampler)
    with within(), tracer.start_as_current_span("parent", attributes={"k": 1}) as parent:
        assert parent.is_recording()
        with tracer.start_as_current_span("child"):
            assert inject()["traceparent"].endswith("-02")
    spans = log.spans()
    assert spans["parent"].attributes == {"k": 1}
    assert spans["child"].parent_id == spans["parent"].span_id
    for span in spans.values():
        assert span.extra is not None
        assert span.extra["flags"] == 2


def test_the_remote_sampled_flag_decides_outside_a_run_only(log: Log) -> None:
    context = under(remote(flags=0))
    assert not log.tracer.start_span("outside", context=context).is_recording()
    with within():
        log.tracer.start_span("inside", context=context).end()
    assert list(log.spans()) == ["inside"]


class Deciding(Sampler):
    def __init__(self, result: SamplingResult) -> None:
        self.result = result

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        return self.result

    def get_description(self) -> str:
        return "Deciding"


def test_a_sampler_adds_attributes_and_state(log: Log) -> None:
    result = SamplingResult(Decision.RECORD_AND_SAMPLE, {"sampler.rate": 0.5}, TraceState([("r", "1")]))
    tracer = log.use(sampler=Deciding(result))
    with tracer.start_as_current_span("work", attributes={"own": 1}) as span:
        assert span.get_span_context().trace_state == {"r": "1"}
    assert log.span().attributes == {"own": 1, "sampler.rate": 0.5}


def test_a_sampler_sees_what_is_known_at_the_start(log: Log) -> None:
    sampler = CapturingSampler()
    log.use(sampler=sampler).start_span("work", kind=SpanKind.SERVER, attributes={"path": "/"}).end()
    assert (sampler.name, sampler.kind, sampler.attributes) == ("work", SpanKind.SERVER, {"path": "/"})


def test_a_sampler_that_raises_loses_nothing(log: Log) -> None:
    class Broken(Deciding):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            raise RuntimeError("broken")

    tracer = log.use(sampler=Broken(SamplingResult(Decision.DROP)))
    tracer.start_span("one").end()
    tracer.start_span("two").end()
    assert list(log.spans()) == ["one", "two"]
    assert log.provider.sampling.failures == 2


def test_the_sampler_of_the_environment(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    assert not log.use().start_span("work").is_recording()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
    span = log.use().start_span("work")
    assert span.get_span_context().trace_flags.sampled
    span.end()


def test_the_resource_of_the_environment(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    log.use()
    assert log.provider.resource.attributes["service.name"] == "shop"
    assert log.provider.resource.attributes["deployment.environment"] == "test"
    log.use(resource=Resource({"service.name": "given"}))
    assert log.provider.resource.attributes["service.name"] == "given"


def test_suppressed_work_is_not_recorded(log: Log) -> None:
    with log.tracer.start_as_current_span("parent") as parent:
        with suppress_instrumentation():
            with log.tracer.start_as_current_span("hidden") as span:
                assert not span.is_recording()
                assert span.get_span_context() == parent.get_span_context()
            with trace("hidden too") as span:
                assert not span.is_recording()
        log.tracer.start_span("seen").end()
    spans = log.spans()
    assert sorted(spans) == ["parent", "seen"]
    assert spans["seen"].parent_id == spans["parent"].span_id


def test_baggage_stays_beside_the_span(log: Log) -> None:
    token = otel.attach(baggage.set_baggage("tenant", "t1"))
    with log.tracer.start_as_current_span("work"):
        assert baggage.get_baggage("tenant") == "t1"
        assert inject()["baggage"] == "tenant=t1"
    otel.detach(token)


def test_start_as_current_span_decorates(log: Log) -> None:
    @log.tracer.start_as_current_span("work", attributes={"k": 1})
    def double(number: int) -> int:
        assert api.get_current_span().is_recording()
        return 2 * number

    assert [double(1), double(2)] == [2, 4]
    spans = [event for event in log.events() if event.kind == "span"]
    assert [span.attributes for span in spans] == [{"k": 1}, {"k": 1}]
    assert len({span.span_id for span in spans}) == 2


@pytest.mark.anyio
async def test_start_as_current_span_decorates_coroutine_functions(log: Log) -> None:
    @log.tracer.start_as_current_span("work")
    async def double(number: int) -> int:
        assert api.get_current_span().is_recording()
        return 2 * number

    assert await double(2) == 4
    assert log.span().name == "work"


def test_end_on_exit_can_be_left_to_the_caller(log: Log) -> None:
    with log.tracer.start_as_current_span("work", end_on_exit=False) as span:
        pass
    assert span.is_recording()
    span.end()
    assert log.span().name == "work"


def test_tracers_from_before_the_provider_work_after(log: Log) -> None:
    reset_trace_globals()
    try:
        early = api.get_tracer("early")
        assert not early.start_span("lost").is_recording()
        api.set_tracer_provider(log.provider)
        with early.start_as_current_span("kept"):
            early.start_span("child").end()
    finally:
        reset_trace_globals()
    spans = log.spans()
    assert sorted(spans) == ["child", "kept"]
    assert spans["child"].parent_id == spans["kept"].span_id


def test_foreign_spans_and_ours_agree(log: Log) -> None:
    """A third party's use_span makes ours current, and one of theirs can be our parent."""
    span = log.tracer.start_span("ours")
    with api.use_span(span, end_on_exit=True):
        with trace("inner"):
            pass
    foreign = remote(flags=3)
    with api.use_span(NonRecordingSpan(foreign)), trace("below foreign"):
        pass
    spans = log.spans()
    assert spans["inner"].parent_id == spans["ours"].span_id
    assert spans["below foreign"].parent_id == foreign.span_id.to_bytes(8)


def test_trace_context_in_and_out(log: Log) -> None:
    incoming = {"traceparent": f"00-{0xAB:032x}-{0xCD:016x}-01", "tracestate": "v=1", "baggage": "user=u"}
    context = extract(incoming)
    with log.tracer.start_as_current_span("server", context=context) as span:
        assert span.get_span_context().trace_id == 0xAB
        outgoing = inject(context=otel.get_current())
    span_id = format(span.get_span_context().span_id, "016x")
    assert outgoing["traceparent"] == f"00-{0xAB:032x}-{span_id}-01"
    assert outgoing["tracestate"] == "v=1"
    assert baggage.get_baggage("user", context) == "u"
    with trace("adopted", parent=context):
        pass
    assert log.spans()["adopted"].parent_id == (0xCD).to_bytes(8)


def test_the_propagators_of_the_environment(project: Path) -> None:
    code = """
from runlog.tracing.propagation import inject
from runlog.tracing.trace import trace
with trace("work"):
    assert inject() == {}, inject()
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "OTEL_PROPAGATORS": "baggage"})


def test_the_run_of_a_span(log: Log) -> None:
    """The current context's run comes first, then that of the context given, then the parent's."""
    _, a = in_run("run_a")
    _, b = in_run("run_b")
    token = otel.attach(a)
    log.tracer.start_span("current wins", context=b).end()
    with log.tracer.start_as_current_span("of a") as parent:
        pass
    otel.detach(token)
    log.tracer.start_span("given", context=b).end()
    log.tracer.start_span("parent's", context=api.set_span_in_context(parent, Context())).end()
    log.tracer.start_span("none").end()
    assert {name: span.run_id for name, span in log.spans().items()} == {
        "current wins": "run_a",
        "of a": "run_a",
        "given": "run_b",
        "parent's": "run_a",
        "none": None,
    }


def test_a_span_with_a_run_takes_its_block_into_it(log: Log) -> None:
    _, context = in_run("run_a")
    with log.tracer.start_as_current_span("attempt", context=context):
        with trace("detached", parent=None):
            pass
    spans = log.spans()
    assert spans["detached"].run_id == "run_a"
    assert spans["detached"].trace_id != spans["attempt"].trace_id


def test_the_process_has_one_provider(log: Log) -> None:
    assert get_provider() is log.provider
    assert isinstance(get_provider(), TracerProvider)


def test_limits_follow_the_settings(log: Log, project: Path) -> None:
    """The process's provider may be older than the project's settings."""
    provider = TracerProvider()
    tracer = provider.get_tracer("test")
    (project / "runlog.toml").write_text("[limits]\nattributes = 2\nevents = 1\n")
    open_recorder(Settings.load())
    with tracer.start_as_current_span("work", attributes={"a": 1, "b": 2, "c": 3}) as span:
        for name in ("one", "two"):
            span.add_event(name)
        assert isinstance(span, Span)
        assert dict(span.attributes) == {"b": 2, "c": 3}
        assert [event.name for event in span.events] == ["two"]
