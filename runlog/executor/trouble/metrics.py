"""What the process used while an attempt ran in it. The numbers are the process's, not the attempt's alone."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterable
from typing import Any

from opentelemetry.util.types import AttributeValue

from runlog.executor.attempt import Attempt
from runlog.executor.trouble.beat import Lag
from runlog.executor.trouble.records import place_of
from runlog.logger import write_log
from runlog.recording import Recorder
from runlog.stores.base import DEBUG

METRICS = "metrics"
"""The source of logs that hold metrics."""

LEAST = 0.1
"""Seconds below which an attempt has no metrics: they would say nothing, and cost more than it."""

_SAMPLE_EVERY = 1.0
_LOG_EVERY = 10.0


class Collections:
    """Counts the garbage collections of the process and their seconds, once it is in `gc.callbacks`."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self._began = 0.0

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.count += 1
            self.seconds += time.perf_counter() - self._began


collections = Collections()


class Usage:
    """What was used since one attempt began."""

    __slots__ = ("_began", "_cpu", "_gc", "_gc_seconds", "_lag", "_lags", "_runs", "attempt", "is_overdue", "lag_max",
                 "logged", "memory", "memory_peak", "threads")  # fmt: skip

    def __init__(self, attempt: Attempt, lag: Lag, runs: int) -> None:
        """`runs` is how many attempts were over."""
        self.attempt = attempt
        self.is_overdue = False
        self._began = self.logged = time.monotonic()
        self._cpu = time.process_time()
        self._gc, self._gc_seconds = collections.count, collections.seconds
        self._lags, self._lag = lag.answers, lag.total
        self._runs = runs
        self.lag_max = 0.0
        self.memory = self.memory_peak = self.threads = 0

    @property
    def lasted(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def attributes(self, lag: Lag, runs: int) -> dict[str, AttributeValue]:
        """Nothing for a short attempt. `runs` counts all attempts that began."""
        if self.lasted < LEAST:
            return {}
        answers = lag.answers - self._lags
        told: dict[str, AttributeValue] = {
            "process.cpu.time": round(time.process_time() - self._cpu, 6),
            "process.runs": runs - self._runs,
            "cpython.gc.collections": collections.count - self._gc,
            "cpython.gc.time": round(collections.seconds - self._gc_seconds, 6),
        }
        if self.memory:
            told["process.memory.usage"] = self.memory
            told["process.memory.peak"] = self.memory_peak
            told["process.thread.count"] = self.threads
        if answers:
            told["event_loop.lag.max"] = round(self.lag_max, 6)
            told["event_loop.lag.mean"] = round((lag.total - self._lag) / answers, 6)
        return told


class Sampler:
    """Samples what is too slow to ask for at the end of each attempt. For the watchdog's thread."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pid = 0
        self._sampled = 0.0
        self._memory = self._threads = 0

    def look(self, usages: Iterable[Usage], lag: Lag, runs: int, recorder: Recorder) -> None:
        now = time.monotonic()
        fresh = now - self._sampled >= _SAMPLE_EVERY
        if fresh:
            self._sampled = now
            self._sample()
        for usage in usages:
            if fresh or not usage.memory:
                usage.memory, usage.threads = self._memory, self._threads
                usage.memory_peak = max(usage.memory_peak, self._memory)
            if now - usage.logged >= _LOG_EVERY:
                usage.logged = now
                _log(recorder, usage, lag, runs)

    def _sample(self) -> None:
        if self._pid != os.getpid():
            import psutil

            self._pid = os.getpid()
            self._process = psutil.Process()
        self._memory = self._process.memory_info().rss
        self._threads = self._process.num_threads()


def count_collections() -> None:
    """Have the garbage collections of this process counted from now on."""
    if collections not in gc.callbacks:
        gc.callbacks.append(collections)


def _log(recorder: Recorder, usage: Usage, lag: Lag, runs: int) -> None:
    if recorder.level > DEBUG:
        return
    told: dict[str, Any] = usage.attributes(lag, runs)
    message = f"the process has used {told['process.cpu.time']:.1f} s of CPU and has {usage.memory:,} bytes"
    write_log(recorder, DEBUG, METRICS, message, told, None, place_of(None, usage.attempt.delivery.run))
