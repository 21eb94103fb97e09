"""The bridge to exporters: complete, off the user's thread, bounded, and its failures visible."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.test._otlp_test_server import OtlpProtoTestServer
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, set_span_in_context

from runlog.errors import ConfigError
from runlog.recording import RANK_ALWAYS
from runlog.stores.base import INFO, WARN, Run
from runlog.tracing import export
from runlog.tracing.feed import ExporterFeed, FeedStatistics
from runlog.tracing.loading import load_exporter, load_processor
from runlog.tracing.trace import trace
from tests.helpers import wait_until
from tests.tracing.conftest import Log, in_run, within


class Exporter(SpanExporter):
    """Keeps what it gets; its first batch waits until it is released."""

    def __init__(self, *, blocked: bool = False) -> None:
        self.released = threading.Event()
        if not blocked:
            self.released.set()
        self.names: list[str] = []
        self.batches: list[int] = []
        self.threads: set[int] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.released.wait(60)
        self.names.extend(span.name for span in spans)
        self.batches.append(len(spans))
        self.threads.add(threading.get_ident())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.released.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Refusing(Exporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        logging.getLogger(__name__).warning("the server said no")
        return SpanExportResult.FAILURE


class Raising(Exporter):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise self._error


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def ended_run(run_id: str, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "run_id": run_id,
        "version": 3,
        "task": "sync-user",
        "status": "COMPLETED",
        "queue": "default",
        "created": 1_000,
        "changed": 5_000,
        "ended": 5_000,
        "attempt": 1,
        "trace_id": (0xAB).to_bytes(16),
        "span_id": (0xCD).to_bytes(8),
        **changes,
    }
    return Run(**values)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpProtoTestServer]:
    with OtlpProtoTestServer() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.port}")
        yield server


def with_exporters(*names: str) -> Log:
    log = Log(export={"exporters": list(names)})
    export.from_settings(log.settings, log.provider)
    return log


def test_otlp_reaches_a_real_receiver(
    project: Path, server: OtlpProtoTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    log = with_exporters("otlp")
    try:
        with pytest.raises(ValueError), log.tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
            outer.add_event("event", {"k": "v"})
            with trace("inner", user="u1", ids=[1, 2], password="hunter22"):
                raise ValueError("broken")
        assert log.provider.force_flush()
        received = {item.span.name: item for item in server.get_spans(2)}
        (statistics,) = log.provider.bridge.statistics()
        assert (statistics.name, statistics.exported, statistics.failed, statistics.dropped) == ("otlp", 2, 0, 0)
    finally:
        log.close()
    inner, outer_received = received["inner"].span, received["outer"].span
    assert inner.trace_id == outer_received.trace_id == outer.get_span_context().trace_id.to_bytes(16)
    assert inner.parent_span_id == outer_received.span_id
    assert outer_received.kind == 2  # SPAN_KIND_SERVER
    attributes = {item.key: item.value for item in inner.attributes}
    assert attributes["user"].string_value == "u1"
    assert [value.int_value for value in attributes["ids"].array_value.values] == [1, 2]
    assert "hunter22" not in attributes["password"].string_value
    assert inner.events[0].name == "exception"
    assert inner.status.code == 2
    assert inner.status.message == "ValueError: broken"
    assert [event.name for event in outer_received.events] == ["event"]
    resource = {item.key: item.value.string_value for item in received["outer"].resource.attributes}
    assert resource["service.name"] == "shop"
    assert (received["outer"].scope.name, received["outer"].scope.version) == ("test", "1.2")
    assert received["inner"].scope.name == "runlog"


def test_a_dead_receiver_harms_nobody_and_is_seen(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        log = with_exporters("otlp")
        try:
            for number in range(10):
                with trace(f"work {number}"):
                    pass
            log.provider.force_flush()
            wait_until(lambda: log.provider.bridge.statistics()[0].failed == 10)
            (statistics,) = log.provider.bridge.statistics()
            assert statistics.exported == 0
            assert statistics.last_error
            assert "Exporting to otlp fails" in caplog.text
            assert len(log.spans()) == 10
        finally:
            start = time.monotonic()
            log.close()
        assert time.monotonic() - start < 20


def test_a_slow_receiver_delays_nobody(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        log = with_exporters("otlp")
        try:
            with trace("work"):
                pass
            assert log.span().name == "work"
            assert not log.provider.force_flush(300)
            log.provider.bridge.shutdown(0.5)
            (statistics,) = log.provider.bridge.statistics()
            assert statistics.exported == 0
        finally:
            log.close()


def test_a_missing_exporter_names_the_line_to_type(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    log = Log()
    try:
        with pytest.raises(ConfigError) as caught:
            load_exporter("otlp")
        assert caught.value.fix == "pip install 'runlog-tasks[otlp]'"
    finally:
        log.close()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nonsense", "not understood"),
        ("no_such_module:Class", "could not be loaded"),
        ("json:Missing", "could not be loaded"),
        ("json:JSONDecoder", "is no span"),
    ],
)
def test_what_cannot_be_loaded_is_named(name: str, says: str) -> None:
    for load in (load_exporter, load_processor):
        with pytest.raises(ConfigError, match=says) as caught:
            load(name)
        assert name in str(caught.value)
        assert caught.value.fix


def test_exporters_and_processors_by_import_string(project: Path) -> None:
    exporter = "opentelemetry.sdk.trace.export.in_memory_span_exporter:InMemorySpanExporter"
    log = Log(export={"exporters": [exporter], "processors": ["tests.tracing.test_processors:Recording"]})
    try:
        bridge = export.from_settings(log.settings, log.provider)
        with trace("work"):
            pass
        assert log.provider.force_flush()
        assert [(item.name, item.exported) for item in bridge.statistics()] == [
            ("tests.tracing.test_processors:Recording", 1),
            (exporter, 1),
        ]
        assert log.span().attributes == {"started": 1, "ending": 1}
    finally:
        log.close()


def test_the_sdk_disabled_switches_exporters_off_and_nothing_else(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    log = with_exporters("otlp")
    try:
        with trace("work"):
            pass
        assert log.provider.bridge.disabled
        assert log.provider.bridge.statistics() == []
        assert log.provider.force_flush()
        assert log.span().name == "work"
    finally:
        log.close()


def test_a_full_queue_drops_and_counts_and_loses_nothing_of_the_log(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1000")
    log = Log()
    try:
        exporter = Exporter(blocked=True)
        log.provider.bridge.add_exporter(exporter)
        caller = threading.get_ident()
        for _ in range(5000):
            log.tracer.start_span("work").end()
        assert len([event for event in log.events() if event.kind == "span"]) == 5000
        exporter.released.set()
        assert log.provider.force_flush()
        (statistics,) = log.provider.bridge.statistics()
        assert statistics.exported == len(exporter.names)
        assert statistics.dropped > 0
        assert statistics.exported + statistics.dropped == 5000
        assert max(exporter.batches) <= 512
        assert caller not in exporter.threads
        assert statistics.last_error == "its queue was full"
        assert "its queue was full" in caplog.text
    finally:
        log.close()


@pytest.mark.parametrize(
    ("exporter", "says"),
    [
        (Refusing(), "the server said no"),
        (Raising(ConnectionError("no route")), "no route"),
        (Raising(SystemExit("it wants to leave")), "it wants to leave"),
        (Raising(Unspeakable()), "Unspeakable"),
    ],
)
def test_a_failing_exporter_is_seen(log: Log, exporter: Exporter, says: str, caplog: pytest.LogCaptureFixture) -> None:
    healthy = Exporter()
    log.provider.bridge.add_exporter(exporter)
    log.provider.bridge.add_exporter(healthy)
    for _ in range(3):
        with trace("work"):
            pass
        assert log.provider.force_flush()
    failing, well = log.provider.bridge.statistics()
    assert (failing.exported, failing.failed, well.exported) == (0, 3, 3)
    assert says in (failing.last_error or "")
    complaints = [record for record in caplog.records if record.name == "runlog.export"]
    assert len(complaints) == 1  # and then once a minute
    assert says in complaints[0].getMessage()


def test_a_flush_without_exporters_waits_for_the_store(log: Log) -> None:
    for number in range(500):
        with trace(f"work {number}"):
            pass
    assert log.provider.force_flush()
    assert log.recorder.statistics().waiting == 0


def test_a_child_run_that_was_waited_for_is_under_the_span_that_waited(log: Log) -> None:
    exporter = InMemorySpanExporter()
    log.provider.bridge.add_exporter(exporter)
    run = ended_run("run_1", parent_run_id="run_0", parent_span_id=(0xEF).to_bytes(8))
    log.recorder.emit(run, RANK_ALWAYS, run.run_id)
    assert log.provider.force_flush()
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id, span.parent.is_remote) == (0xAB, 0xEF, False)


def test_what_is_queued_is_exported_at_the_end(project: Path) -> None:
    log = Log()
    exporter = Exporter()
    log.provider.bridge.add_exporter(exporter)
    with trace("work"):
        pass
    log.recorder.close(5)
    assert exporter.names == ["work"]
    log.close()


def test_what_is_left_at_the_end_is_counted(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    exporter = Exporter(blocked=True)
    log.provider.bridge.add_exporter(exporter)
    for _ in range(1000):
        log.tracer.start_span("work").end()
    log.events()
    log.provider.bridge.shutdown(0.5)
    wait_until(lambda: log.provider.bridge.statistics()[0].exported > 0)
    (statistics,) = log.provider.bridge.statistics()
    assert statistics.exported + statistics.dropped == 1000
    assert statistics.waiting == 0


def test_an_ended_run_is_exported_as_its_root_span_once(log: Log) -> None:
    exporter = InMemorySpanExporter()
    log.provider.bridge.add_exporter(exporter)
    error = {"type": "ValueError", "message": "broken", "exception": {"type": "ValueError", "message": "broken"}}
    runs = [
        ended_run("run_1", tags=("a",)),
        ended_run("run_1", version=4),
        ended_run("run_2", status="FAILED", error=error),
        ended_run("run_3", status="CANCELED", reason="by hand"),
        ended_run("run_4", status="CRASHED", reason="its worker died"),
        ended_run("run_5", status="EXECUTING", ended=None),
    ]
    for run in runs:
        log.recorder.emit(run, RANK_ALWAYS, run.run_id)
        assert log.provider.force_flush()
    completed, failed, canceled, crashed = exporter.get_finished_spans()
    assert completed.context.trace_id == 0xAB
    assert completed.context.span_id == 0xCD
    assert (completed.name, completed.start_time, completed.end_time) == ("sync-user", 1_000, 5_000)
    assert completed.status.status_code is StatusCode.OK
    assert completed.attributes is not None
    assert completed.attributes["runlog.run.id"] == "run_1"
    assert completed.attributes["runlog.tags"] == ("a",)
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "ValueError: broken")
    assert failed.events[0].name == "exception"
    assert canceled.status.status_code is StatusCode.UNSET
    assert crashed.status.description == "its worker died"


def test_a_run_whose_spans_are_not_sampled_is_not_exported(log: Log) -> None:
    log.use(sampler=ALWAYS_OFF)
    exporter = InMemorySpanExporter()
    log.provider.bridge.add_exporter(exporter)
    _, context = in_run("run_1")
    run = ended_run("run_1")
    assert run.trace_id is not None
    assert run.span_id is not None
    root = SpanContext(int.from_bytes(run.trace_id), int.from_bytes(run.span_id), is_remote=True)
    attempt = set_span_in_context(NonRecordingSpan(root), context)
    with log.tracer.start_as_current_span("Attempt 1", context=attempt, kind=SpanKind.CONSUMER):
        pass
    log.recorder.emit(run, RANK_ALWAYS, run.run_id)
    assert log.provider.force_flush()
    assert exporter.get_finished_spans() == ()
    assert log.span().name == "Attempt 1"


def test_a_forked_child_exports_its_own_spans_only(log: Log, tmp_path: Path) -> None:
    class ToFile(Exporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            with (tmp_path / "exported").open("a") as file:
                file.writelines(f"{os.getpid()} {span.name}\n" for span in spans)
            return SpanExportResult.SUCCESS

    log.provider.bridge.add_exporter(ToFile())
    with trace("before"):
        pass
    log.events()  # it waits in the exporter's queue now, of which the child has a copy
    pid = os.fork()
    if pid == 0:
        try:
            with trace("child"):
                pass
            log.provider.force_flush()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    with trace("after"):
        pass
    assert log.provider.force_flush()
    lines = sorted((tmp_path / "exported").read_text().splitlines())
    assert lines == sorted([f"{os.getpid()} before", f"{pid} child", f"{os.getpid()} after"])


CRASHING = """
import os, signal, sys
from opentelemetry import context as otel
from runlog.config import Settings
from runlog.recording import open_recorder
from runlog.tracing.scope import RUN_KEY, RunScope
from runlog.tracing.trace import trace
open_recorder(Settings.load())
otel.attach(otel.set_value(RUN_KEY, RunScope("run_1")))
with trace("outer", step=1):
    with trace("inner"):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_spans_of_a_killed_process_are_exported_once(project: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", CRASHING], check=False)
    assert killed.returncode == -signal.SIGKILL
    log = Log()
    try:
        exporter = InMemorySpanExporter()
        log.provider.bridge.add_exporter(exporter)
        wait_until(lambda: log.provider.force_flush() and len(exporter.get_finished_spans()) >= 2, timeout=30)
        spans = {span.name: span for span in exporter.get_finished_spans()}
        assert len(exporter.get_finished_spans()) == 2
        outer = spans["outer"]
        assert spans["inner"].parent == outer.context
        assert dict(outer.attributes or {}) == {"step": 1, "runlog.outcome": "unfinished"}
    finally:
        log.close()


ENDING = """
from runlog.config import Settings
from runlog.recording import open_recorder
from runlog.tracing.export import from_settings
from runlog.tracing.provider import get_provider
from runlog.tracing.trace import trace
settings = Settings.load(arguments={"export": {"exporters": ["file_exporter:FileExporter"]}})
open_recorder(settings)
from_settings(settings, get_provider())
with trace("work"):
    pass
"""
FILE_EXPORTER = """
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
class FileExporter(SpanExporter):
    def export(self, spans):
        with open("exported", "a") as file:
            file.writelines(f"{span.name}\\n" for span in spans)
        return SpanExportResult.SUCCESS
    def force_flush(self, timeout_millis=30000):
        return True
    def shutdown(self):
        with open("exported", "a") as file:
            file.write("shutdown\\n")
"""


def test_a_process_that_ends_exports_before(project: Path) -> None:
    (project / "file_exporter.py").write_text(FILE_EXPORTER)
    subprocess.run([sys.executable, "-c", ENDING], check=True, env={**os.environ, "PYTHONPATH": str(project)})
    assert (project / "exported").read_text().splitlines() == ["work", "shutdown"]


def test_the_exporters_thread_starts_with_the_first_span(log: Log) -> None:
    log.provider.bridge.add_exporter(Exporter())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("runlog-export")]
    with within(), trace("work"):
        pass
    assert log.provider.force_flush()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("runlog-export")]


def test_a_record_that_cannot_be_read_is_counted(log: Log) -> None:
    exporter = Exporter()
    said: list[FeedStatistics] = []
    feed = ExporterFeed(exporter, "test", lambda item: 1 / 0, said.append)  # type: ignore[arg-type, return-value]
    feed.put((ended_run("run_1"), 3))
    assert feed.flush(10)
    statistics = feed.statistics()
    assert (statistics.exported, statistics.failed) == (0, 1)
    assert "ZeroDivisionError" in (statistics.last_error or "")
    assert said == [statistics]
    assert statistics.failing
    feed.stop(1)


class Wavering(Exporter):
    """Refuses while it is told to."""

    refuses = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE if self.refuses else SpanExportResult.SUCCESS


def test_a_failure_is_in_the_run_log_once_and_so_is_its_end(log: Log) -> None:
    exporter = Wavering()
    log.provider.bridge.add_exporter(exporter, "shop.traces:Exporter")
    for refuses in (True, True, False, False, True, False):  # of failures that come and go, a few are said
        exporter.refuses = refuses
        with trace("work"):
            pass
        assert log.provider.force_flush()
    said = [event for event in log.stored() if event.name == "runlog.export"]
    assert [(event.level, event.attributes["failed"]) for event in said] == [(WARN, 1), (INFO, 2), (WARN, 3)]
    assert {event.attributes["exporter"] for event in said} == {"shop.traces:Exporter"}
    assert "did not say why" in said[0].attributes["error"]
    assert said[1].attributes["exported"] == 1
    assert log.provider.bridge.statistics()[0].failing  # until it has worked for long enough


class RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "runlog.export":
            raise RuntimeError("its socket is closed")


def test_a_log_handler_that_raises_does_not_end_the_exporters_thread(log: Log) -> None:
    exporter, handler = Wavering(), RaisingHandler()
    log.provider.bridge.add_exporter(exporter)
    logging.getLogger().addHandler(handler)
    try:
        for refuses in (True, False):
            exporter.refuses = refuses
            with trace("work"):
                pass
            assert log.provider.force_flush()
    finally:
        logging.getLogger().removeHandler(handler)
    (statistics,) = log.provider.bridge.statistics()
    assert (statistics.failed, statistics.exported) == (1, 1)
    assert "its socket is closed" in (statistics.last_error or "")
    assert [event.level for event in log.stored() if event.name == "runlog.export"] == [WARN, INFO]
