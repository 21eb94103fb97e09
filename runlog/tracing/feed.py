"""One processor or exporter, on a thread of its own behind a bounded queue."""

from __future__ import annotations

import abc
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.context import get_current
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runlog.stores.base import Event, Run
from runlog.tracing.attach import SUPPRESS_KEY, attach, with_value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

_QUEUE_SIZE = 16_384
_BATCH_SIZE = 512
_DELAY_MILLIS = 5_000
_SAY_EVERY = 60.0

Item = tuple[Event | Run, int]
"""A record and its trace flags."""
Read = Callable[[Item], "ReadableSpan"]
Report = Callable[["FeedStatistics"], None]
"""Told of the first success, when exporting fails and when it works again."""


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """What became of the spans for one processor or exporter."""

    name: str
    exported: int
    """Taken by it without complaint."""
    failed: int
    """Refused by it, or it raised."""
    dropped: int
    """Never shown to it: its queue was full, or it was stopped before their turn."""
    waiting: int
    last_error: str | None
    failing: bool
    """It failed, and did not work since."""


class Feed(abc.ABC):
    """Takes records from the writer, and shows them to its target as spans."""

    def __init__(
        self, name: str, read: Read, report: Report, *, batch_size: int, delay: float, queue_size: int
    ) -> None:
        self.name = name
        self._read, self._report = read, report
        self._batch_size, self._delay, self._queue_size = batch_size, delay, queue_size
        self.exported = self.failed = self.dropped = 0
        self.last_error: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._queue: deque[Item] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._flushes_asked = self._flushes_done = 0
        self._flushed = True
        self._flush_deadline = 0.0
        self._delivering = 0
        self._stopped = self._overflowed = False
        self._is_failing = False  # as was last said
        self._complained = self._praised = -math.inf

    def after_fork(self) -> None:
        """In a forked child: the parent exports what it has; the child starts anew."""
        self._reset()
        self.exported = self.failed = self.dropped = 0

    @abc.abstractmethod
    def deliver(self, spans: Sequence[ReadableSpan]) -> None:
        """Show spans to the target, and count them."""

    @abc.abstractmethod
    def flush_target(self, timeout: float) -> bool:
        """Have the target flush what it holds."""

    @abc.abstractmethod
    def stop_target(self) -> None:
        """Shut the target down."""

    def put(self, item: Item) -> None:
        """Queue one record. Never waits."""
        with self._changed:
            if self._stopped or len(self._queue) >= self._queue_size or not self._has_thread():
                self.dropped += 1
                self.last_error = "it was stopped" if self._stopped else "its queue was full"
                self._overflowed = True
                return
            self._queue.append(item)
            size = len(self._queue)
            if size == 1 or size >= self._batch_size:
                self._changed.notify_all()

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=f"runlog-export-{self.name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending
                return False
            self._thread = thread
        return True

    def statistics(self) -> FeedStatistics:
        counts = self.exported, self.failed, self.dropped, len(self._queue)
        return FeedStatistics(self.name, *counts, self.last_error, self._is_failing)

    def flush(self, timeout: float) -> bool:
        """Wait until the queue is empty and the target has flushed; False if `timeout` seconds did not suffice."""
        deadline = time.monotonic() + timeout
        with self._changed:
            if self._thread is None:
                return not self._queue
            self._flushes_asked += 1
            mine = self._flushes_asked
            self._flush_deadline = deadline
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._flushes_done >= mine, timeout)
            return done and self._flushed

    def stop(self, timeout: float) -> None:
        """Flush, then shut the target down, within `timeout` seconds. What is left then is counted as dropped."""
        deadline = time.monotonic() + timeout
        with self._changed:
            if self._stopped:
                return
        self.flush(timeout * 0.8)
        with self._changed:
            self._stopped = True
            left, self._queue = len(self._queue), deque()
            self._changed.notify_all()
        self.dropped += left
        run_bounded([self._stop_target], deadline)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))  # what it says of its last batch comes first
        if unsure := left + self._delivering:
            self.complain(f"{unsure:,} spans were not exported before the end")

    def complain(self, error: str) -> None:
        """Remember what went wrong; say it when it begins, and then once a minute."""
        self.last_error = error
        now = time.monotonic()
        if not self._is_failing or now - self._complained >= _SAY_EVERY:
            self._is_failing, self._complained = True, now
            self._say()

    def succeeded(self, count: int) -> None:
        """Count spans that the target took. Say so of the first, and after failures, there at most once a minute."""
        is_first = not self.exported
        self.exported += count
        now = time.monotonic()
        if self._is_failing:
            if now - self._praised < _SAY_EVERY:
                return
            self._is_failing, self._praised = False, now
        elif not is_first:
            return
        self._say()

    def _say(self) -> None:
        try:
            self._report(self.statistics())
        except BaseException as error:
            if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
                raise  # Ctrl-C while it is stopped
            # A log handler raised: the thread is ours, it must live.
            self.last_error = f"{self.last_error} (and its report failed: {_described(error)})"

    def _stop_target(self) -> None:
        _suppress()
        try:
            self.stop_target()
        except BaseException as error:  # noqa: BLE001 - the thread is ours: it must live
            self.complain(_described(error))

    def _run(self) -> None:
        _suppress()
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                self._changed.wait_for(self._is_due, self._delay)
                if self._stopped:
                    return
                count = min(len(self._queue), self._batch_size)
                items = [self._queue.popleft() for _ in range(count)]
                self._delivering = count
                flush = 0 if self._queue else self._flushes_asked
            if items:
                self._deliver(items)
                self._delivering = 0
            if self._overflowed:  # said here: a log handler must not hold the writer up
                self._overflowed = False
                self.complain("its queue was full")
            if flush > self._flushes_done:
                self._answer(flush)

    def _has_work(self) -> bool:
        return bool(self._queue) or self._is_due()

    def _is_due(self) -> bool:
        return self._stopped or len(self._queue) >= self._batch_size or self._flushes_asked > self._flushes_done

    def _answer(self, flush: int) -> None:
        try:
            flushed = self.flush_target(max(0.0, self._flush_deadline - time.monotonic()))
        except BaseException as error:  # noqa: BLE001 - the thread is ours: it must live
            self.complain(_described(error))
            flushed = False
        with self._changed:
            self._flushed = flushed
            self._flushes_done = flush
            self._changed.notify_all()

    def _deliver(self, items: Sequence[Item]) -> None:
        spans = []
        for item in items:
            try:
                spans.append(self._read(item))
            except Exception as error:  # noqa: BLE001 - a record of another version, or a damaged one
                self.failed += 1
                self.complain(f"a record could not be read as a span: {_described(error)}")
        if spans:
            self.deliver(spans)


class ProcessorFeed(Feed):
    """Calls a processor's `on_end`, span by span, as soon as they are stored."""

    def __init__(self, processor: SpanProcessor, name: str, read: Read, report: Report) -> None:
        size = _number("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE_SIZE)
        super().__init__(name, read, report, batch_size=1, delay=0.0, queue_size=size)
        self.processor = processor

    def deliver(self, spans: Sequence[ReadableSpan]) -> None:
        for span in spans:
            try:
                self.processor.on_end(span)
            except BaseException as error:  # noqa: BLE001 - the thread is ours: it must live
                self.failed += 1
                self.complain(_described(error))
            else:
                self.succeeded(1)

    def flush_target(self, timeout: float) -> bool:
        return self.processor.force_flush(int(timeout * 1000)) is not False

    def stop_target(self) -> None:
        self.processor.shutdown()


class ExporterFeed(Feed):
    """Calls an exporter with batches.

    It does what the SDK's BatchSpanProcessor does, and beyond it counts what was lost and ends in time.
    """

    def __init__(self, exporter: SpanExporter, name: str, read: Read, report: Report) -> None:
        super().__init__(
            name,
            read,
            report,
            batch_size=_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _BATCH_SIZE),
            delay=_number("OTEL_BSP_SCHEDULE_DELAY", _DELAY_MILLIS) / 1000,
            queue_size=_number("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE_SIZE),
        )
        self.exporter = exporter
        self._said = _Said(type(exporter).__module__)

    def deliver(self, spans: Sequence[ReadableSpan]) -> None:
        with self._said:
            try:
                result = self.exporter.export(spans)
            except BaseException as error:  # noqa: BLE001 - the thread is ours: it must live
                self.failed += len(spans)
                self.complain(_described(error))
                return
        if result is SpanExportResult.SUCCESS:
            self.succeeded(len(spans))
        else:
            self.failed += len(spans)
            self.complain(self._said.first or "the exporter refused the spans and did not say why")

    def flush_target(self, timeout: float) -> bool:
        return self.exporter.force_flush(int(timeout * 1000)) is not False

    def stop_target(self) -> None:
        self.exporter.shutdown()


class _Said(logging.Handler):
    """What an exporter logs first while it exports: the only place where it says why it failed."""

    def __init__(self, logger_name: str) -> None:
        super().__init__(logging.WARNING)
        self._target = logging.getLogger(logger_name)
        self._thread = 0
        self.first = ""

    def __enter__(self) -> None:
        self.first, self._thread = "", threading.get_ident()
        self._target.addHandler(self)

    def __exit__(self, *_: object) -> None:
        self._target.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and not self.first:
            with suppress(Exception):  # what it logs cannot be shown
                self.first = record.getMessage()


def run_bounded(calls: Sequence[Callable[[], object]], deadline: float) -> None:
    """Make calls that may hang, side by side, and wait for them until `deadline` (monotonic)."""
    threads = []
    for call in calls:
        thread = threading.Thread(target=call, name="runlog-export-stop", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, and starts none any more
            call()
        else:
            threads.append(thread)
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its __str__
        return type(error).__name__


def _suppress() -> None:
    """Nothing that this thread does is traced: exporting a span would make spans without end."""
    attach(with_value(get_current(), SUPPRESS_KEY, value=True))


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else default
