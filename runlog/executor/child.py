"""A child process, and the thread that has it."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlog.executor.messages import Start
from runlog.system.process import describe_exit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_LOOK, _LOOK_AT_MEMORY, _LOOK_FOR_FAMILY = 0.5, 0.05, 1.0
"""Seconds between two looks at a child; at one with a memory limit; for processes that it has started."""
_LAST_LOOK = 5.0
"""Seconds that a child may take to end when it has closed its side."""
_CODE = "import sys; sys.path[:] = {path!r}; from runlog.attempt_process import main; main({descriptor})"


@dataclass(frozen=True, slots=True)
class Ended:
    """The process is gone."""

    code: int
    """Negative for a signal."""
    peak: int
    """Bytes of memory that it and its own children used at most, as far as it was seen."""
    over_limit: bool

    @property
    def words(self) -> str:
        """How it ended."""
        return describe_exit(self.code)


class ChildThread(threading.Thread):
    """Starts the process of one attempt, hands its messages on, measures it and reaps it.

    The process leads a session of its own: a Ctrl-C in the terminal is the worker's alone, and what the code started
    is ended with it.
    """

    def __init__(self, start: Start, limit: int | None, deliver: Callable[[Any], None]) -> None:
        """`limit` is bytes of memory. `deliver` gets each message in this thread, and `Ended` as the last."""
        super().__init__(name=f"runlog-process-{start.delivery.run.run_id}", daemon=True)
        self._first, self._limit, self._deliver = start, limit, deliver
        self._sending = threading.Lock()
        self._connection: Connection[Any, Any] | None = None
        self._kill_at = math.inf
        self._memory = _Memory()
        self._over_limit = False
        self.on_exit: Callable[[], None] = lambda: None
        """Called in this thread, as its last act."""

    def send(self, message: Any) -> None:
        """Send a message, from any thread; nothing happens if the child is gone. Only for short ones: it waits while
        the socket is full."""
        with self._sending, suppress(OSError):
            if self._connection is not None:
                self._connection.send(message)

    def kill_after(self, seconds: float) -> None:
        """Kill the process if it still runs then."""
        self._kill_at = min(self._kill_at, time.monotonic() + seconds)

    def run(self) -> None:
        try:
            ended = self._live()
        except Exception as error:  # noqa: BLE001 - no process could be started, say: the attempt has to be told
            print(f"runlog: the process of an attempt: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
            ended = Ended(-signal.SIGKILL, self._memory.peak, over_limit=False)
        self._deliver(ended)
        self.on_exit()

    def _live(self) -> Ended:
        from multiprocessing.connection import Connection

        ours, theirs = socket.socketpair()
        with theirs:
            path = list(self._first.path)
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", _CODE.format(path=path, descriptor=theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        connection: Connection[Any, Any] = Connection(ours.detach())
        try:
            with suppress(OSError):  # it is dead already, which is seen below
                with self._sending:
                    connection.send(self._first)
                self._connection = connection
            self._talk(connection, process)
            self._await_exit(process)
        finally:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind
            process.wait()
            with self._sending:
                self._connection = None
                connection.close()
        return Ended(process.returncode, self._memory.peak, self._over_limit)

    def _talk(self, connection: Connection[Any, Any], process: subprocess.Popen[bytes]) -> None:
        """Hand on what the child says, until it says no more."""
        while True:
            try:
                if connection.poll(_LOOK if self._limit is None else _LOOK_AT_MEMORY):
                    self._deliver(connection.recv())
                elif process.poll() is not None:  # what it has forked holds the socket open
                    return
            except (EOFError, OSError):
                return
            self._look(process)

    def _await_exit(self, process: subprocess.Popen[bytes]) -> None:
        self.kill_after(_LAST_LOOK)
        while process.poll() is None:
            self._look(process)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_AT_MEMORY)

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        """See how much memory it uses, and whether its time is over."""
        used = self._memory.look(process.pid)
        if self._limit is not None and used > self._limit:
            self._over_limit = True
            self._kill_at = 0
        if time.monotonic() >= self._kill_at:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


class _Memory:
    """How many bytes a process and those that it has started have in memory."""

    def __init__(self) -> None:
        self.peak = 0
        self._family: list[Any] = []
        self._asked = -math.inf

    def look(self, pid: int) -> int:
        """Bytes now; 0 if it is gone."""
        import psutil

        used = 0
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            used = process.memory_info().rss
            if time.monotonic() - self._asked >= _LOOK_FOR_FAMILY:
                self._asked = time.monotonic()
                self._family = process.children(recursive=True)
            for member in self._family:
                with suppress(psutil.Error):
                    used += member.memory_info().rss
        self.peak = max(self.peak, used)
        return used
