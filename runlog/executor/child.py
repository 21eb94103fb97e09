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
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlog.executor.messages import Raised, Returned, Start
from runlog.executor.output import Output
from runlog.recording import seen_alive
from runlog.system.process import describe_exit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_LOOK, _LOOK_AT_MEMORY, _LOOK_FOR_FAMILY = 0.5, 0.05, 1.0
"""Seconds between two looks at a child; at one with a memory limit; for processes that it has started."""
_LAST_LOOK = 5.0
"""Seconds that a child may take to end when it has closed its side."""
_SPARE_LIMIT = 60.0
"""Seconds that a process without an attempt lives."""
_CODE = "import sys; sys.path[:] = {path!r}; from runlog.attempt_process import main; main({arguments})"


@dataclass(frozen=True, slots=True)
class Ended:
    """The process is gone."""

    code: int | None
    """Negative for a signal; None: it could not be started."""
    peak: int
    """Bytes of memory that it and its own children used at most, as far as it was seen."""
    over_limit: bool
    words: str
    """How it ended."""


def _code(descriptor: int, streams: dict[str, int]) -> str:
    return _CODE.format(path=sys.path, arguments=f"{descriptor}, {os.getpid()}, {streams}")


class ChildThread(threading.Thread):
    """Starts a process, gives it an attempt when there is one, hands its messages on, measures it and reaps it.

    The process leads a session of its own: a Ctrl-C in the terminal is the worker's alone, and what the code started
    is ended with it.
    """

    def __init__(self, captured: Iterable[str] = ()) -> None:
        """`captured`: of stdout and stderr, those whose descriptors are read too."""
        super().__init__(name="runlog-process", daemon=True)
        self._output = Output(captured)
        self._taking = threading.Lock()
        self._given = threading.Event()
        self._first: Start | None = None
        self._limit: int | None = None
        self._deliver: Callable[[Any], None] = lambda _: None
        self._sending = threading.Lock()
        self._connection: Connection[Any, Any] | None = None
        self._early: list[Any] = []
        """What is to be sent right after the attempt."""
        self._kill_at = math.inf
        self._is_over = False
        self._memory = _Memory()
        self._over_limit = False
        self.spool: Path | None = None
        """Where what it records waits."""
        self.on_exit: Callable[[], None] = lambda: None
        """Called in this thread, as its last act."""

    def begin(self, start: Start, limit: int | None, deliver: Callable[[Any], None]) -> bool:
        """Give it its attempt; False if the process is gone already.

        `limit` is bytes of memory. `deliver` gets each message in this thread, and `Ended` as the last.
        """
        with self._taking:
            if self._is_over:
                return False
            self._first, self._limit, self._deliver = start, limit, deliver
            self._output.context = copy_context()
            self._kill_at = math.inf
            self._given.set()
            return True

    def send(self, message: Any) -> None:
        """Send a message, from any thread: once the child has its attempt, and never if it is gone. Only for short
        ones: it waits while the socket is full."""
        with self._sending, suppress(OSError):
            if self._connection is not None:
                self._connection.send(message)
            else:
                self._early.append(message)

    def kill_after(self, seconds: float) -> None:
        """Kill the process if it still runs then."""
        self._kill_at = min(self._kill_at, time.monotonic() + seconds)

    def run(self) -> None:
        ended: Ended | None = None
        try:
            ended = self._live()
        except Exception as error:  # noqa: BLE001 - there are too many processes, say: the attempt has to be told
            with self._taking:
                self._is_over = True
            ended = Ended(None, 0, over_limit=False, words=f"could not be started: {type(error).__name__}: {error}")
        if self._first is not None:
            self._deliver(ended)
        self.on_exit()

    def _live(self) -> Ended:
        from multiprocessing.connection import Connection

        ours, theirs = socket.socketpair()
        with ours, theirs:
            output = self._output
            try:
                output.start()
                process = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-c", _code(theirs.fileno(), output.targets)],
                    pass_fds=[theirs.fileno(), *output.targets.values()],
                    stdin=subprocess.DEVNULL,
                    stdout=output.ends.get("stdout"),
                    stderr=output.ends.get("stderr"),
                    start_new_session=True,
                )
            finally:
                output.close_ends()
            connection: Connection[Any, Any] = Connection(ours.detach())
        try:
            if self._await_attempt(process):
                with suppress(OSError):  # it is dead already, which is seen below
                    self._introduce(connection)
                self._talk(connection, process)
                self._await_exit(process)
        finally:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind
            process.wait()
            output.settle()
            with self._sending:
                self._connection = None
                connection.close()
        return Ended(process.returncode, self._memory.peak, self._over_limit, describe_exit(process.returncode))

    def _introduce(self, connection: Connection[Any, Any]) -> None:
        """Send the attempt, and what others have said meanwhile: that may take as long as the child to start."""
        connection.send(self._first)
        with self._sending:
            for message in self._early:
                connection.send(message)
            self._connection = connection

    def _await_attempt(self, process: subprocess.Popen[bytes]) -> bool:
        """False if there was none for long, or the process has died."""
        with self._taking:
            if not self._given.is_set():
                self.kill_after(_SPARE_LIMIT)
        while not self._given.wait(_LOOK):
            with self._taking:
                self._is_over = process.poll() is not None or time.monotonic() >= self._kill_at
                self._is_over = self._is_over and not self._given.is_set()
                if self._is_over:
                    return False
        return True

    def _talk(self, connection: Connection[Any, Any], process: subprocess.Popen[bytes]) -> None:
        """Hand on what the child says, until it says no more."""
        while True:
            try:
                if connection.poll(_LOOK if self._limit is None else _LOOK_AT_MEMORY):
                    message = connection.recv()
                    if isinstance(message, (Returned, Raised)):
                        self._output.settle()  # the attempt ends with it
                    self._deliver(message)
                elif process.poll() is not None:  # what it has forked holds the socket open
                    return
            except (EOFError, OSError):
                return
            self._look(process)

    def _await_exit(self, process: subprocess.Popen[bytes]) -> None:
        self._note_alive()
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
            self._note_alive()
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)

    def _note_alive(self) -> None:
        """It is ending, and who brings in what it recorded finds what it had open: that ends now."""
        if self.spool is not None:
            seen_alive(self.spool)


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
