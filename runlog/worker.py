"""`runlog worker`: a process that executes runs until it is told to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self

import anyio

from runlog.app import Project
from runlog.config import Settings
from runlog.engines.local import live_workers
from runlog.errors import RunlogError
from runlog.logger import logger
from runlog.recording import get_recorder
from runlog.supervisor import SUPERVISED
from runlog.system.eventloop import loop_options
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.registry import registry

_INTERRUPTED, _SIGNALED = 130, 128
_EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INSIST = 5.0
"""Seconds after the grace in which a worker that was told to end has to have ended."""


def has_worker(settings: Settings) -> bool:
    """Say whether a worker of this project runs on this machine."""
    return bool(live_workers(settings.queue_path))


def run_worker(settings: Settings) -> int:
    """Execute runs until SIGTERM or Ctrl-C; return the exit code.

    0 after SIGTERM, 130 after Ctrl-C, once the running runs have ended or are back in the queue. Runs that do not stop
    when they are cancelled, or block the event loop, go back to the queue too, and then the process exits as it is. A
    second signal exits at once with 128 and its number: those runs are found and queued again by the next worker.
    A worker under a supervisor ends as after SIGTERM when that one says so, or is gone. Raises RunlogError if the queue
    cannot be used, or a resource cannot be opened.

    Where the event loop is blocked so that an attempt cannot be ended in time, its run is, the others go back to the
    queue, and the process exits with 70.
    """
    return anyio.run(_work, settings, backend_options=loop_options())


async def _work(settings: Settings) -> int:
    project = Project(settings, worker=True, owns_process=True)
    with _ExitSignals(project) as signals:
        _watch_supervisor(signals.end)
        async with project:
            print(f"runlog worker: {_description(settings)}; Ctrl-C ends", file=sys.stderr)  # noqa: T201
            failure = await _failure_or(signals.heard, project)
        if failure is not None:
            raise failure
        if project.abandoned_threads:  # Python would wait for them
            os._exit(signals.code)
        return signals.code


def _description(settings: Settings) -> str:
    tasks = ", ".join(sorted(registry.ids())) or "no tasks: list modules in `tasks` of the config"
    queues = settings.worker.queues
    return f"{tasks}; only from {', '.join(queues)}" if queues else tasks


def _watch_supervisor(end: Callable[[], None]) -> None:
    """Have `end` called when the supervisor that started this process says so, or is gone."""
    descriptor = os.environ.pop(SUPERVISED, None)  # it is of no use to processes that start from here
    if descriptor is None:
        return
    pipe = int(descriptor)
    os.set_inheritable(pipe, False)  # noqa: FBT003

    def watch() -> None:
        os.read(pipe, 1)
        end()

    threading.Thread(target=watch, name="runlog-supervised", daemon=True).start()


async def _failure_or(heard: anyio.Event, project: Project) -> RunlogError | None:
    """Wait for an exit signal, or for the worker to give up, and return why."""
    failures: list[RunlogError] = []
    async with anyio.create_task_group() as group:

        async def fail() -> None:
            failures.append(await project.ended())
            heard.set()

        group.start_soon(fail)
        await heard.wait()
        group.cancel_scope.cancel()
    return failures[0] if failures else None


class _ExitSignals:
    """SIGTERM and Ctrl-C: the first sets `heard`, the second ends the process; also while the event loop is blocked."""

    def __init__(self, project: Project) -> None:
        self.heard = anyio.Event()
        self.code = 0
        self._project = project
        self._call_soon = threadsafe_caller()
        self._signalled = self._ending = False
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in _EXIT_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._signalled:
            os._exit(_SIGNALED + number)
        self._signalled = True
        if number == signal.SIGINT:
            self.code = _INTERRUPTED
        self.end()

    def end(self) -> None:
        """End as after a first signal; from any thread."""
        if self._ending:
            return
        self._ending = True
        self._call_soon(self.heard.set)
        threading.Thread(target=self._insist, name="runlog-exit", daemon=True).start()

    def _insist(self) -> None:
        """Exit in spite of what does not stop, when its time is over."""
        grace = self._project.settings.worker.grace
        if self._over.wait(grace + _INSIST):
            return
        logger.error("what did not stop {grace:g} s after the signal is put back into the queue", grace=grace)
        self._project.give_back()
        get_recorder().close()
        os._exit(self.code)
