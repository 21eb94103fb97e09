"""Worker processes under one that starts them, watches them, and ends them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from runlog.system.process import describe_exit

SUPERVISED = "RUNLOG_SUPERVISOR"
"""The environment variable with the descriptor whose end of file tells a worker process to end."""

_EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED, _SIGNALED, _CANNOT_START = 130, 128, 2
_FIRST_DELAY, _LAST_DELAY = 1.0, 30.0
_SETTLED = 30.0
"""Seconds after which a process that dies is no longer one that does not come up."""


class WorkerProcess:
    """A process that ends by itself, as after SIGTERM, when it is told to or when its starter is gone.

    It is told by the end of a pipe and not by a signal: whoever signals a whole group or service has signalled it
    too, and a second signal would end it at once.
    """

    def __init__(self, command: Sequence[str], *, new_session: bool = False) -> None:
        ours, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command,
                pass_fds=[ours],
                env={**os.environ, SUPERVISED: str(ours)},
                start_new_session=new_session,
            )
        finally:
            os.close(ours)
        self.pid = self._process.pid
        self.started = time.monotonic()

    def end(self) -> None:
        """Tell it to end."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    def kill(self) -> None:
        """End it at once. Its runs are found and queued again, as those of any dead worker."""
        self._process.kill()
        self._process.wait()
        self.end()

    def wait(self, timeout: float) -> bool:
        """Wait for its end; False if that takes longer (seconds)."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self.end()
        return True

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal, once it has ended."""
        return self._process.poll()

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        return describe_exit(self._process.returncode)


class Supervisor:
    """Keeps `count` processes of one command running until SIGTERM or Ctrl-C."""

    def __init__(self, command: Sequence[str], count: int, *, patience: float, say: Callable[[str], None]) -> None:
        """`patience` is how many seconds the processes may take to end; `say` gets a line for each event."""
        self._command, self._patience, self._say = command, patience, say
        self._places = [_Place() for _ in range(count)]
        self._signals: list[int] = []

    def run(self) -> int:
        """Run them; return the exit code.

        0 after SIGTERM and 130 after Ctrl-C, once all have ended; 128 and its number after a second signal, which does
        not wait; 2 if a process says that it cannot start, once the others have ended. One that dies is started again,
        at growing intervals.
        """
        before = {number: signal.signal(number, self._on_signal) for number in (*_EXIT_SIGNALS, signal.SIGCHLD)}
        awake, wake = os.pipe()
        os.set_blocking(awake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            return self._supervise(awake)
        finally:
            for place in self._places:
                if place.process is not None:
                    place.process.kill()
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(awake)
            os.close(wake)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number in _EXIT_SIGNALS:
            self._signals.append(number)

    def _supervise(self, awake: int) -> int:
        while not self._signals:
            now = time.monotonic()
            for place in self._places:
                if place.process is None and place.due <= now:
                    place.process = WorkerProcess(self._command)
                elif place.process is not None and place.process.code is not None:
                    if place.is_new and place.process.code == _CANNOT_START:  # it has said why
                        return self._end(awake) or _CANNOT_START
                    self._reap(place, now)
            _sleep(awake, min((place.due for place in self._places if place.process is None), default=None))
        return self._end(awake) or (_INTERRUPTED if self._signals[0] == signal.SIGINT else 0)

    def _reap(self, place: _Place, now: float) -> None:
        process, delay = place.process, place.fail(now)
        assert process is not None
        self._say(f"process {process.pid} {process.ending}; another one starts in {delay:.3g} s")
        process.end()

    def _end(self, awake: int) -> int:
        """Have all end, and wait for them; return the exit code where a second signal came, else 0."""
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.end()
        deadline = time.monotonic() + self._patience
        while any(process.code is None for process in running) and time.monotonic() < deadline:
            if len(self._signals) > 1:
                return _SIGNALED + self._signals[1]
            _sleep(awake, deadline)
        return 0


class _Place:
    """Where one process after the other runs."""

    def __init__(self) -> None:
        self.process: WorkerProcess | None = None
        self.due = 0.0
        self._failures = 0
        self.is_new = True

    def fail(self, now: float) -> float:
        """Its process has died; return after how many seconds the next one starts."""
        assert self.process is not None
        settled = now - self.process.started >= _SETTLED
        self._failures = 1 if settled else self._failures + 1
        self.process, self.is_new = None, False
        delay = min(_LAST_DELAY, _FIRST_DELAY * 2.0 ** (self._failures - 1))
        self.due = now + delay
        return delay


def _sleep(awake: int, until: float | None) -> None:
    """Sleep until a signal comes, or a time."""
    select.select([awake], [], [], None if until is None else max(0.0, until - time.monotonic()))
    with suppress(BlockingIOError):
        while os.read(awake, 4096):
            pass
