"""Where the parts of an open project are wired together; the only place that knows them all."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.from_thread import BlockingPortal, start_blocking_portal

from runlog.config import Settings
from runlog.engines.local import LocalEngine, live_workers
from runlog.errors import RunlogError, StoreError
from runlog.executor import Care, EngineSubmitter, Executor, PayloadScrubber, RunRecords
from runlog.instrumentation import Instrumentations
from runlog.logger import logger
from runlog.opening import ProcessRecording
from runlog.recording import get_recorder
from runlog.system.interrupt import spared_from_interrupts
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.loading import import_tasks
from runlog.tasks.registry import registry
from runlog.tasks.submitter import Submitter, current_submitter, set_process_submitter
from runlog.tracing.provider import get_provider

T = TypeVar("T")

_INTERRUPTED, _SIGNALED = 130, 128
_EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INSIST = 5.0
"""Seconds after the grace in which a worker that was told to end has to have ended."""


def open(  # noqa: A001 - the public name is runlog.open
    folder: str | Path | None = None,
    *,
    worker: bool = True,
    arguments: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Project:
    """Open the project at `folder` (the current one) or above it: a sync and an async context manager.

    It starts recording, capture, exporters and the instrumentations that the config lists. With `worker` it imports
    the modules with tasks and executes runs in this process: on the caller's event loop (asyncio or trio) under
    `async with`, on one in a thread under `with`. Without, runs can be triggered, waited for and cancelled.
    `arguments` is nested like the config file and wins over it; `settings` stands for both. OpenTelemetry's global
    tracer provider becomes runlog's if none is set. At the end running runs get `worker.grace` seconds; the rest goes
    back to the queue.

    An instrumentation that cannot be installed, and a queue that the worker cannot use, are errors in the run log and
    on the console, and end nothing. Where the project's folder cannot be written or its disk is full, one line on
    stderr says so: records are kept in memory, and with `worker` the queue is a temporary one that ends with this
    process. Raises ConfigError for a wrong setting and for a module that cannot be imported.

    A project that is open already in this process may be opened again, for a second worker or another event loop; what
    belongs to the process (recording, capture, exporters, instrumentations) stays as the first one set it. Another
    project cannot be opened meanwhile: ConfigError.
    """
    settings = settings or Settings.load(None if folder is None else Path(folder), arguments)
    return Project(settings, worker=worker, temporary_queue=worker)


class Project:
    """An open project; made by `runlog.open()`."""

    def __init__(self, settings: Settings, *, worker: bool, temporary_queue: bool = False) -> None:
        self.settings = settings
        self.instrumentations: Instrumentations | None = None
        self._service = _Service(settings, worker=worker, temporary_queue=temporary_queue)
        self._worker = worker
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    async def __aenter__(self) -> Self:
        try:
            self._start()
            await self._service.__aenter__()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._service.__aexit__(kind, error, traceback)
        except Exception as raised:  # noqa: BLE001 - what the caller raised, or made, counts more
            _say_closing(raised)
        finally:
            await self._close()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._close_here)

    def _close_here(self) -> None:
        try:
            self._stack.close()
        except Exception as raised:  # noqa: BLE001 - what the caller raised, or made, counts more
            _say_closing(raised)

    def __enter__(self) -> Self:
        try:
            self._start()
            self._portal = self._stack.enter_context(start_blocking_portal("asyncio", name="runlog-worker"))
            self._stack.enter_context(self._portal.wrap_async_context_manager(self._service))
            self._stack.enter_context(_Submitting(self._service.submitter))
            atexit.register(self._close_here)  # entered by hand and never left, it would hold the interpreter up
            self._stack.callback(atexit.unregister, self._close_here)
        except BaseException:
            self._close_here()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_here()

    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Run an async function, such as `task.trigger_and_wait`, from sync code under `with runlog.open()`."""
        if self._portal is None:
            raise RunlogError(
                "project.call() is for sync code",
                "under `async with` the function can be awaited",
                f"await {getattr(function, '__name__', 'function')}(...)",
            )
        result: T = self._portal.call(function, *arguments)
        return result

    async def ended(self) -> StoreError:
        """Wait until the worker had to give up; return why."""
        return await self._service.failed()

    @property
    def abandoned_threads(self) -> int:
        """Threads of sync tasks that could not be stopped and still run."""
        return self._service.abandoned_threads

    def give_back(self) -> None:
        """Put the runs that are executed here back into the queue; from a thread, while the event loop is stuck."""
        anyio.run(self._service.close_engine)

    def _start(self) -> None:
        """Start what records by itself, and only then import the user's modules."""
        recording = ProcessRecording.join(self.settings)
        self._stack.callback(recording.leave)
        self.instrumentations = recording.instrumentations
        if self._worker:
            import_tasks(self.settings)


class _Service:
    """The part of a project that lives on an event loop: the engine, the submitter, and with a worker the executor."""

    def __init__(self, settings: Settings, *, worker: bool, temporary_queue: bool) -> None:
        self._settings, self._worker = settings, worker
        self._spare = _say_temporary if temporary_queue else None
        self._engine: LocalEngine | None = None
        self._executor: Executor | None = None
        self._group: TaskGroup | None = None
        self._failure: StoreError | None = None
        self._failed: anyio.Event | None = None
        self._stop: anyio.Event | None = None

    async def __aenter__(self) -> Self:
        settings, provider = self._settings, get_provider()
        records = RunRecords()
        self._engine = LocalEngine(settings.queue_path, records, spare=self._spare, scrub=PayloadScrubber(settings))
        self.submitter = EngineSubmitter(self._engine, provider, payload_limit=settings.limits.payload)
        self._submitting = _Submitting(self.submitter)
        self._submitting.__enter__()
        self._stop, self._failed = anyio.Event(), anyio.Event()
        if self._worker:
            self._executor = Executor(self._engine, registry, provider, settings)
            self._group = await anyio.create_task_group().__aenter__()
            care = Care(self._engine, records, settings)
            self._group.start_soon(spared_from_interrupts(self._execute), self._executor, self._stop)
            self._group.start_soon(spared_from_interrupts(care.run), self._stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._stop is not None:
                self._stop.set()
            if self._group is not None:
                # What the caller raised must not come out in an ExceptionGroup, so only a cancel passes the group.
                if error is None or not isinstance(error, anyio.get_cancelled_exc_class()):
                    kind = error = traceback = None
                await self._group.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            raise _only(group) from None
        finally:
            self._submitting.__exit__()
            with anyio.CancelScope(shield=True):
                await self.close_engine()

    async def close_engine(self) -> None:
        if self._engine is not None:
            await self._engine.close()

    async def _execute(self, executor: Executor, stop: anyio.Event) -> None:
        try:
            await executor.run(stop)
        except StoreError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - it must not end the program that opened the project
            logger.exception("the worker failed")
            self._give_up(StoreError("the worker failed", f"{type(error).__name__}: {error}"))

    def _give_up(self, failure: StoreError) -> None:
        self._failure = failure
        logger.error("runs cannot be executed: {reason}", reason=str(failure))
        if self._failed is not None:
            self._failed.set()

    async def failed(self) -> StoreError:
        assert self._failed is not None
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    @property
    def abandoned_threads(self) -> int:
        return self._executor.abandoned_threads if self._executor else 0


class _Submitting:
    """Makes a submitter the one of this context, and of every context of the process that has none.

    Projects may be left in any order: the one opened last of those still open is the process's.
    """

    _open: ClassVar[list[Submitter]] = []

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    def __enter__(self) -> None:
        self._open.append(self._submitter)
        set_process_submitter(self._submitter)
        current_submitter.set(self._submitter)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):
            self._open.remove(self._submitter)
        last = self._open[-1] if self._open else None
        set_process_submitter(last)
        if current_submitter.get() is self._submitter:
            current_submitter.set(last)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What is alone in a group: the interruption of a task of runlog's own, say."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _say_closing(error: Exception) -> None:
    logger.error("the project was closed with an error: {reason}", reason=f"{type(error).__name__}: {error}")


def _say_temporary(error: StoreError) -> None:
    """Tell that runs end with the process, unless it was said for the records already."""
    recorder = get_recorder()
    if recorder.statistics().degraded is None:
        why = f"{error.what}: {error.why}" if error.why else error.what
        recorder.notices.say("queue", f"{why}; runs are queued in memory, and end with this process")


def has_worker(settings: Settings) -> bool:
    """Say whether a worker of this project runs on this machine."""
    return bool(live_workers(settings.queue_path))


def run_worker(settings: Settings) -> int:
    """Execute runs until SIGTERM or Ctrl-C; return the exit code.

    0 after SIGTERM, 130 after Ctrl-C, once the running runs have ended or are back in the queue. Runs that do not stop
    when they are cancelled, or block the event loop, go back to the queue too, and then the process exits as it is. A
    second signal exits at once with 128 and its number: those runs are found and queued again by the next worker.
    Raises StoreError if the queue cannot be used.
    """
    return anyio.run(_work, settings)


async def _work(settings: Settings) -> int:
    project = Project(settings, worker=True)
    with _ExitSignals(project) as signals:
        async with project:
            tasks = ", ".join(sorted(registry.ids())) or "no tasks: list modules in `tasks` of the config"
            print(f"runlog worker: {tasks}; Ctrl-C ends", file=sys.stderr)  # noqa: T201
            failure = await _failure_or(signals.heard, project)
        if failure is not None:
            raise failure
        if project.abandoned_threads:  # Python would wait for them
            os._exit(signals.code)
        return signals.code


async def _failure_or(heard: anyio.Event, project: Project) -> StoreError | None:
    """Wait for an exit signal, or for the worker to give up, and return why."""
    failures: list[StoreError] = []
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
        self._first = True
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in _EXIT_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if not self._first:
            os._exit(_SIGNALED + number)
        self._first = False
        self.code = _INTERRUPTED if number == signal.SIGINT else 0
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
