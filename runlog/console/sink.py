"""The sink that shows records in the terminal while a program runs."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from runlog.console.exceptions import exception_title
from runlog.console.format import Formatter, run_level
from runlog.console.paint import Painter
from runlog.console.pieces import Line
from runlog.console.tree import Depths
from runlog.stores.base import ERROR, LEVELS, Batch, Event, Run

if TYPE_CHECKING:
    from runlog.config import Settings

_WAITING_LIMIT = 20_000
_KNOWN_RUNS = 10_000
_SHOWN_ALREADY = frozenset(("stdout", "stderr", "warnings", "runlog"))
"""Sources of logs that the terminal has already; runlog's own stand in the line of the run's state."""
_STOP: Final = object()

_open_sinks: set[int] = set()
_attached: list[tuple[ConsoleSink, _TakesSinks]] = []
"""The one of this process, if it was attached to a recorder here."""


class _TakesSinks(Protocol):
    def add_sink(self, sink: ConsoleSink, /) -> None: ...

    def remove_sink(self, sink: ConsoleSink, /) -> None: ...


def is_attached() -> bool:
    """Say whether a `ConsoleSink` shows records in this process."""
    return bool(_open_sinks)


def attach(settings: Settings, recorder: _TakesSinks) -> None:
    """Have the records of this process shown as the settings say, from now on: what an earlier call attached leaves.

    Nothing is attached where a `ConsoleSink` that was made elsewhere shows records.
    """
    earlier = list(_attached)
    _attached.clear()
    for sink, taker in earlier:
        taker.remove_sink(sink)
        _open_sinks.discard(id(sink))
    if settings.console.enabled and not is_attached():
        sink = ConsoleSink(settings)
        recorder.add_sink(sink)
        _attached.append((sink, recorder))
    for sink, _ in earlier:  # not before: it may wait for the terminal
        sink.close()


class ConsoleSink:
    """Shows logs and run states on a stream, by default stderr.

    A thread of its own writes: a terminal that stands still stops neither the program nor its recording. Records over
    the 20,000 that may wait for it are not shown, and counted in a line; they are stored all the same. Captured output
    is not shown again, nor what a handler of `logging` has shown.
    """

    def __init__(self, settings: Settings, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self._level = LEVELS[settings.console.level]
        self._show_spans = settings.console.spans
        self._painter: Painter | None = None
        self._formatter = Formatter()
        self._depths = Depths()
        self._tasks: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._exceptions: OrderedDict[str, str] = OrderedDict()
        self._broken = False
        self._start()
        _open_sinks.add(id(self))

    def _start(self) -> None:
        self._process = os.getpid()
        self._queue: queue.SimpleQueue[Batch | threading.Event | object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._taken = self._shown = self._skipped = self._told = 0  # each counted by one thread only

    def write(self, batch: Batch) -> None:
        """Hand a batch over to the console's thread."""
        if self._process != os.getpid():
            self._start()  # a forked child: the thread is its parent's
        size = len(batch)
        if self._taken - self._shown + size > _WAITING_LIMIT and self._taken > self._shown:
            self._skipped += size
            return
        self._taken += size
        # The lists are the writer's to reuse, and a store gives its events their ids: take what is there now.
        self._queue.put(Batch(list(batch.events), list(batch.runs)))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="runlog-console", daemon=True)
            self._thread.start()

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until all that was written is shown; False after `timeout` seconds."""
        if self._thread is None or self._process != os.getpid():
            return True
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Show what waits, within `timeout` seconds, and end the thread. Does not close the stream."""
        _open_sinks.discard(id(self))
        if self._thread is not None and self._process == os.getpid():
            self._queue.put(_STOP)
            self._thread.join(timeout)
        self._thread = None

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is _STOP:
                return
            if isinstance(item, threading.Event):
                item.set()
            elif isinstance(item, Batch):
                try:
                    self._show(item)
                except Exception as error:  # noqa: BLE001 - the console is a convenience: the records are stored
                    self._report(error)
                self._shown += len(item)

    def _show(self, batch: Batch) -> None:
        painter = self._painter = self._painter or Painter(self.stream)  # on this thread: it may load rich
        self._formatter.width = painter.width
        for run in batch.runs:
            self._learn(run)
        for event in batch.events:
            self._depths.see(event)
        lines: list[Line] = []
        records: list[Event | Run] = [*batch.runs, *batch.events]
        for record in sorted(records, key=_time):
            lines += self._event(record) if isinstance(record, Event) else self._run(record)
        if (skipped := self._skipped) != self._told:
            text = f"… {skipped - self._told:,} records not shown: they came faster than the terminal takes them"
            self._told = skipped
            lines.append([(text, "note")])
        if lines:
            self.stream.write(painter.paint(lines))
            self.stream.flush()

    def _learn(self, run: Run) -> None:
        task, status = self._tasks.pop(run.run_id, ("", ""))
        self._tasks[run.run_id] = (run.task or task, status)
        if len(self._tasks) > _KNOWN_RUNS:
            self._tasks.popitem(last=False)

    def _event(self, event: Event) -> list[Line]:
        if event.level < self._level or event.kind == "open":
            return []
        exception = (event.extra or {}).get("exception")
        if event.kind == "log":
            if event.name in _SHOWN_ALREADY or (event.name.startswith("logging:") and _has_handler(event.name[8:])):
                return []
        elif not self._show_spans and not (event.level >= ERROR and isinstance(exception, dict)):
            return []
        if event.run_id is not None and isinstance(exception, dict):
            self._exceptions[event.run_id] = exception_title(exception)
            if len(self._exceptions) > _KNOWN_RUNS:
                self._exceptions.popitem(last=False)
        task = self._tasks.get(event.run_id, ("", ""))[0] if event.run_id is not None else None
        return self._formatter.event(event, task, self._depths.of(event))

    def _run(self, run: Run) -> list[Line]:
        task, shown = self._tasks.get(run.run_id, (run.task, ""))
        state = "" if run.status == "WAITING" else f"{run.status} {run.attempt}"
        self._tasks[run.run_id] = (task, state or shown)
        if state in ("", shown) or run_level(run) < self._level:
            return []
        exception = (run.error or {}).get("exception")
        known = self._exceptions.pop(run.run_id, None) if run.is_terminal else self._exceptions.get(run.run_id)
        repeated = isinstance(exception, dict) and known == exception_title(exception)
        return self._formatter.run(run, with_exception=not repeated)

    def _report(self, error: Exception) -> None:
        if not self._broken:  # once: the stream may be gone for good
            self._broken = True
            with contextlib.suppress(Exception):
                print(f"runlog: the console stopped: {error!r}", file=sys.__stderr__)


def _time(record: Event | Run) -> int:
    return record.changed if isinstance(record, Run) else record.time + (record.duration or 0)


def _has_handler(name: str) -> bool:
    """Say whether `logging` itself shows records of this logger."""
    known = logging.root.manager.loggerDict.get(name)
    logger: logging.Logger | None = known if isinstance(known, logging.Logger) else logging.root
    while logger is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
