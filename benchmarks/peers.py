"""What is measured: one function a case. Each does its own set-up and returns what it measured."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, float]
ATTRIBUTES: dict[str, Any] = {"user.id": 42, "plan": "pro", "amount": 99.5, "cached": True}


def _measure(operation: Callable[[], object], count: int, finish: Callable[[], object]) -> Result:
    """Time `count` operations: the caller's CPU, then the CPU of all threads until `finish` has returned."""
    for _ in range(min(count, 2000)):
        operation()
    finish()
    gc.collect()
    gc.disable()
    everything, caller, wall = time.process_time(), time.thread_time(), time.perf_counter()
    for _ in range(count):
        operation()
    caller_used, wall_used = time.thread_time() - caller, time.perf_counter() - wall
    finish()
    all_used = time.process_time() - everything
    used = {"caller_us": caller_used, "wall_us": wall_used, "all_us": all_used}
    return {name: seconds / count * 1e6 for name, seconds in used.items()}


def _runlog(folder: Path) -> Any:
    os.chdir(folder)
    from runlog.config import Settings
    from runlog.recording import open_recorder

    recorder = open_recorder(Settings.load(folder, {"console": {"enabled": False}, "log": {"rate": 0}}))

    def finish() -> None:
        assert recorder.flush(120), "runlog: not flushed"
        refused = recorder.statistics().refused
        assert not refused, f"runlog: refused {refused}"

    return finish


def span_runlog(folder: Path, count: int) -> Result:
    finish = _runlog(folder)
    from runlog import logger

    def operation() -> None:
        with logger.trace("fetch-user", ATTRIBUTES):
            pass

    return _measure(operation, count, finish)


def _otel(*, exporting: bool) -> tuple[Any, Callable[[], object]]:
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider()
    if exporting:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(endpoint=os.environ["BENCH_OTLP"])
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=1_000_000))
    return provider.get_tracer("bench"), lambda: provider.force_flush(120_000)


def _otel_span(tracer: Any) -> Callable[[], object]:
    def operation() -> None:
        with tracer.start_as_current_span("fetch-user", attributes=ATTRIBUTES):
            pass

    return operation


def span_otel_nothing(_: Path, count: int) -> Result:
    tracer, finish = _otel(exporting=False)
    return _measure(_otel_span(tracer), count, finish)


def span_otel_otlp(_: Path, count: int) -> Result:
    tracer, finish = _otel(exporting=True)
    return _measure(_otel_span(tracer), count, finish)


def _logfire() -> tuple[Any, Callable[[], object]]:
    os.environ["LOGFIRE_IGNORE_NO_CONFIG"] = "1"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["BENCH_OTLP"]
    os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "1000000"
    import logfire

    logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)
    return logfire, lambda: logfire.force_flush(120_000)


def span_logfire(_: Path, count: int) -> Result:
    logfire, finish = _logfire()

    def operation() -> None:
        with logfire.span("fetch-user", **ATTRIBUTES):
            pass

    return _measure(operation, count, finish)


def _eliot(folder: Path) -> Callable[[], object]:
    import eliot

    file = (folder / "eliot.log").open("w")
    eliot.to_file(file)
    return file.flush


def span_eliot(folder: Path, count: int) -> Result:
    import eliot

    finish = _eliot(folder)

    def operation() -> None:
        with eliot.start_action(action_type="fetch-user", **ATTRIBUTES):
            pass

    return _measure(operation, count, finish)


def log_runlog(folder: Path, count: int) -> Result:
    finish = _runlog(folder)
    from runlog import logger

    return _measure(lambda: logger.info("user synced", ATTRIBUTES), count, finish)


def log_runlog_filtered(folder: Path, count: int) -> Result:
    finish = _runlog(folder)
    from runlog import logger

    return _measure(lambda: logger.debug("user synced", ATTRIBUTES), count, finish)


def log_structlog(folder: Path, count: int) -> Result:
    import structlog

    file = (folder / "structlog.log").open("w")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()
    return _measure(lambda: log.info("user synced", **ATTRIBUTES), count, file.flush)


def log_logfire(_: Path, count: int) -> Result:
    logfire, finish = _logfire()
    return _measure(lambda: logfire.info("user synced", **ATTRIBUTES), count, finish)


def log_eliot(folder: Path, count: int) -> Result:
    import eliot

    finish = _eliot(folder)
    return _measure(lambda: eliot.log_message(message_type="user synced", **ATTRIBUTES), count, finish)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_spans(start: Callable[[], object], count: int) -> Result:
    keep = [start() for _ in range(1000)]
    gc.collect()
    before = _resident()
    keep += [start() for _ in range(count)]
    return {"bytes": (_resident() - before) / count}


def memory_runlog(folder: Path, count: int) -> Result:
    """Resident memory of open spans; the mapped spool and the writer's buffers are in it."""
    finish = _runlog(folder)
    from runlog.tracing.provider import get_provider

    tracer = get_provider().get_tracer("bench")
    result = _open_spans(lambda: tracer.start_span("fetch-user", attributes=ATTRIBUTES), count)
    finish()
    return result


def memory_otel(_: Path, count: int) -> Result:
    tracer, _finish = _otel(exporting=False)
    return _open_spans(lambda: tracer.start_span("fetch-user", attributes=ATTRIBUTES), count)


def runs_runlog(folder: Path, count: int) -> Result:
    """Durable no-op runs, triggered first and then drained by one worker in the process, with the full run log."""
    os.chdir(folder)
    import anyio

    import runlog
    from runlog.tasks.submitter import get_submitter

    @runlog.task(id="noop")
    async def noop(number: int) -> int:
        return number

    async def main() -> Result:
        settings = {"console": {"enabled": False}, "worker": {"concurrency": 50}}
        async with runlog.open(arguments=settings, worker=False):
            started = time.perf_counter()
            ids: list[str] = []
            for first in range(0, count, 500):
                ids += (await noop.batch_trigger(range(first, min(first + 500, count)))).ids
            enqueued = time.perf_counter() - started
        async with runlog.open(arguments=settings):
            started = time.perf_counter()
            await get_submitter().wait(ids)
            drained = time.perf_counter() - started
        return {"enqueue_per_s": count / enqueued, "drain_per_s": count / drained}

    return anyio.run(main)


def runs_huey(folder: Path, count: int) -> Result:
    """huey on SQLite with 4 threads, results stored; no log of any kind."""
    import threading

    from huey import SqliteHuey

    huey = SqliteHuey("bench", filename=str(folder / "huey.db"))
    done = threading.Semaphore(0)

    @huey.task()  # type: ignore[untyped-decorator]
    def noop(number: int) -> int:
        done.release()
        return number

    started = time.perf_counter()
    for number in range(count):
        noop(number)
    enqueued = time.perf_counter() - started
    consumer = huey.create_consumer(workers=4, worker_type="thread", initial_delay=0.01, max_delay=0.05)
    started = time.perf_counter()
    consumer.start()
    for _ in range(count):
        done.acquire()
    drained = time.perf_counter() - started
    consumer.stop(graceful=True)
    return {"enqueue_per_s": count / enqueued, "drain_per_s": count / drained}
