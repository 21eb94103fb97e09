"""The bridge from the run log to OpenTelemetry's processors and exporters.

It is a sink: what it passes on has been stored and scrubbed, and includes what was recovered from a dead process.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import TraceFlags

from runlog.console import is_attached
from runlog.recording import RANK_ALWAYS, get_recorder
from runlog.recording.clean import clean_text
from runlog.stores.base import DEBUG, EXPORT_EVENT, INFO, WARN, Batch, Event, Run
from runlog.tracing.feed import ExporterFeed, Feed, FeedStatistics, Item, ProcessorFeed, run_bounded
from runlog.tracing.loading import load_exporter, load_processor
from runlog.tracing.readable import flags_of, read_event, read_run

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from runlog.config import Settings
    from runlog.recording import Recorder
    from runlog.tracing.provider import TracerProvider

_REMEMBERED = 10_000
_logger = logging.getLogger("runlog.export")


class ExportBridge:
    """Feeds processors and exporters, each on a thread of its own with a bounded queue.

    A slow, dead or raising one harms nobody: what it misses is counted in `statistics()`, and is in the run log.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        provider.resource  # noqa: B018 - its detectors use threads, which cannot be had any more at the process's end
        self._feeds: tuple[Feed, ...] = ()
        self._run_flags: OrderedDict[bytes, int] = OrderedDict()
        self._ended_runs: OrderedDict[str, None] = OrderedDict()
        self._stopped = False
        self.disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        """By `OTEL_SDK_DISABLED`: nothing is exported. The run log goes on."""
        reset = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reset()) and method())

    def add_processor(self, processor: SpanProcessor, name: str | None = None) -> None:
        """Feed a processor: its hooks on the caller's thread, `on_end` here."""
        if not self.disabled:
            self._provider.hooks.add(processor)
            self._feeds += (ProcessorFeed(processor, name or type(processor).__name__, self._read, self._say),)

    def add_exporter(self, exporter: SpanExporter, name: str | None = None) -> None:
        """Feed an exporter with batches of sampled spans. `OTEL_BSP_*` set their size, delay and the queue's size."""
        if not self.disabled:
            self._feeds += (ExporterFeed(exporter, name or type(exporter).__name__, self._read, self._say),)

    def statistics(self) -> list[FeedStatistics]:
        """What each processor and exporter got, missed, and last complained about."""
        return [feed.statistics() for feed in self._feeds]

    def force_flush(self, timeout: float) -> bool:
        """Wait until all that was recorded before is exported; False if `timeout` seconds did not suffice."""
        if self._stopped:
            return True
        deadline = time.monotonic() + timeout
        stored = self._recorder.flush(timeout)
        # Each waits on its own thread's work, so the time that one takes is not lost to the next.
        flushed = [feed.flush(max(0.0, deadline - time.monotonic())) for feed in self._feeds]
        return stored and all(flushed)

    def shutdown(self, timeout: float) -> None:
        """Flush and stop within `timeout` seconds, for good."""
        if self._stopped:
            return
        deadline = time.monotonic() + timeout
        self._recorder.flush(timeout / 2)
        self.close(max(0.0, deadline - time.monotonic()))
        self._recorder.remove_sink(self)

    def write(self, batch: Batch) -> None:
        """Queue the spans of a batch. The writer calls it."""
        if not self._feeds or self._stopped:
            return
        for event in batch.events:
            if event.kind == "span" and event.trace_id and event.span_id:
                self._write_event(event)
        for run in batch.runs:
            if run.is_terminal and run.trace_id and run.span_id and self._is_new(run):
                known = self._run_flags.pop(run.span_id, None)
                flags = self._provider.sampling.root_flags(run.trace_id, run.task) if known is None else known
                self._put((run, flags), sampled=bool(flags & TraceFlags.SAMPLED))

    def close(self, timeout: float) -> None:
        """Export what is queued and stop, within `timeout` seconds. The recorder calls it at its end."""
        if self._stopped:
            return
        self._stopped = True
        self._provider.hooks.clear()
        run_bounded([partial(feed.stop, timeout) for feed in self._feeds], time.monotonic() + timeout)

    @property
    def _recorder(self) -> Recorder:
        return self._provider.recorder or get_recorder()

    def _read(self, item: Item) -> ReadableSpan:
        record, flags = item
        if isinstance(record, Event):
            return read_event(record, self._provider)
        return read_run(record, flags, self._provider)

    def _say(self, feed: FeedStatistics) -> None:
        """Put on the road how a feed fares, for `runlog doctor` to read in another process."""
        recorder = self._recorder
        message, level = "exporting to {exporter} works", DEBUG
        attributes: dict[str, Any] = {
            "exporter": feed.name,
            "exported": feed.exported,
            "failed": feed.failed,
            "dropped": feed.dropped,
        }
        if feed.failing:
            message, level = "exporting to {exporter} fails: {error} ({failed} failed, {dropped} dropped)", WARN
            attributes["error"] = clean_text(feed.last_error or "", recorder.limits)
        elif feed.failed or feed.dropped:
            message, level = "exporting to {exporter} works again", INFO
        event = Event(
            sequence=recorder.next_sequence(),
            kind="log",
            run_id=None,
            trace_id=None,
            span_id=None,
            parent_id=None,
            time=time.time_ns(),
            duration=None,
            level=level,
            status=None,
            name=EXPORT_EVENT,
            message=message,
            attributes=attributes,
        )
        recorder.emit(event, RANK_ALWAYS)
        if feed.failing and (_logger.hasHandlers() or not is_attached()):  # else the console says it
            text = "Exporting to %s fails: %s (%d failed, %d dropped)"
            _logger.warning(text, feed.name, feed.last_error, feed.failed, feed.dropped)

    def _write_event(self, event: Event) -> None:
        flags = flags_of(event)
        extra = event.extra or {}
        if event.run_id is not None and event.parent_id is not None and extra.get("kind") == "CONSUMER":
            self._remember_flags(event.parent_id, flags)
        sampled = bool(flags & TraceFlags.SAMPLED)
        if sampled or extra.get("record_only"):
            self._put((event, flags), sampled=sampled)

    def _put(self, item: Item, *, sampled: bool) -> None:
        for feed in self._feeds:
            if sampled or not isinstance(feed, ExporterFeed):
                feed.put(item)

    def _remember_flags(self, root: bytes, flags: int) -> None:
        """An attempt's flags are its run's: keep them until the run ends."""
        self._run_flags[root] = flags
        while len(self._run_flags) > _REMEMBERED:
            self._run_flags.popitem(last=False)

    def _is_new(self, run: Run) -> bool:
        """Say whether this run's end comes for the first time: states are written again where the log lacked them."""
        if run.run_id in self._ended_runs:
            return False
        self._ended_runs[run.run_id] = None
        while len(self._ended_runs) > _REMEMBERED:
            self._ended_runs.popitem(last=False)
        return True

    def _after_fork(self) -> None:
        for feed in self._feeds:
            feed.after_fork()


def from_settings(settings: Settings, provider: TracerProvider) -> ExportBridge:
    """Add the processors and exporters of `[export]` to a provider; return its bridge.

    Raises ConfigError for one that cannot be loaded; those before it are added.
    """
    bridge = provider.bridge
    if not bridge.disabled:
        for name in settings.export.processors:
            bridge.add_processor(load_processor(name), name)
        for name in settings.export.exporters:
            bridge.add_exporter(load_exporter(name), name)
    return bridge
