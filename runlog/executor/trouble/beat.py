"""Whether an event loop answers, and how long it takes to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from runlog.system.wakeup import threadsafe_caller

THRESHOLD = 0.25
"""Seconds without an answer after which the loop counts as blocked."""


@dataclass(slots=True)
class Lag:
    """How late the loop answered, in seconds; it grows for ever, so that who looks twice knows what was in between."""

    answers: int = 0
    total: float = 0.0


class Beat:
    """Asks the loop for an answer, once for each look, and counts how long it takes. Made on the loop."""

    def __init__(self) -> None:
        self.lag = Lag()
        self._call_soon = threadsafe_caller()
        self._cpu = _ThreadClock()
        self._asked: float | None = None
        self._answered: float | None = None
        self._forgiven = 0.0
        self._used = self._cpu()
        self._starved = self._cpu.waited()

    @property
    def silent(self) -> float:
        """Seconds for which an answer is owed, without those in which the process was stopped, and those in which the
        loop's thread waited for a CPU."""
        if self._asked is None or self._answered is not None:
            return 0.0
        silent = time.monotonic() - self._asked
        if silent - self._forgiven >= THRESHOLD:
            return silent - max(self._forgiven, self._cpu.waited() - self._starved)
        return max(0.0, silent - self._forgiven)

    @property
    def is_asked(self) -> bool:
        """An answer is owed, or was not looked at yet."""
        return self._asked is not None

    def look(self, late: float) -> tuple[float | None, bool]:
        """Return the lag of an answer that has come since the last look, and whether the loop's thread has computed all
        the time that the look is late: then it kept the interpreter to itself. `late` is in seconds."""
        used = self._cpu()
        held = late >= THRESHOLD and used - self._used >= THRESHOLD
        self._used = used
        if not held:
            self._forgiven += late
        lag = None
        if self._asked is not None and self._answered is not None:
            lag = max(0.0, self._answered - self._asked - self._forgiven)
            self.lag.answers += 1
            self.lag.total += lag
            self._asked = None
        return lag, held

    def ask(self) -> None:
        """Have the loop answer, unless it owes an answer."""
        if self._asked is None:
            self._answered, self._forgiven = None, 0.0
            self._starved = self._cpu.waited()
            self._asked = time.monotonic()
            self._call_soon(self._answer)

    def start(self) -> None:
        """Nobody has looked for a while."""
        self._used = self._cpu()

    def _answer(self) -> None:
        self._answered = time.monotonic()


class _ThreadClock:
    """CPU seconds of the thread that makes it, readable from the others; where that is not to be had, the process's."""

    def __init__(self) -> None:
        self._clock: int | None = None
        if hasattr(time, "pthread_getcpuclockid"):  # not on macOS
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._schedule = f"/proc/self/task/{threading.get_native_id()}/schedstat"

    def __call__(self) -> float:
        try:
            return time.process_time() if self._clock is None else time.clock_gettime(self._clock)
        except OSError:  # the thread has ended
            return 0.0

    def waited(self) -> float:
        """Seconds for which the thread was ready to run and had no CPU; 0 where that is not told (Linux does)."""
        try:
            with open(self._schedule, "rb") as file:  # noqa: PTH123 - twenty times a second
                return int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
