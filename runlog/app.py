"""`runlog.open()`: an open project."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from anyio import to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.instrumentation import Instrumentations
from runlog.logger import logger
from runlog.opening import ProcessRecording
from runlog.service import Service, Submitting
from runlog.tasks.loading import check_may_open, import_tasks

T = TypeVar("T")


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

    def __init__(
        self, settings: Settings, *, worker: bool, temporary_queue: bool = False, owns_process: bool = False
    ) -> None:
        self.settings = settings
        self.instrumentations: Instrumentations | None = None
        self._service = Service(settings, worker=worker, temporary_queue=temporary_queue, owns_process=owns_process)
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
            self._stack.enter_context(Submitting(self._service.submitter))
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

    async def ended(self) -> RunlogError:
        """Wait until the worker had to give up; return why."""
        return await self._service.failed()

    @property
    def abandoned_threads(self) -> int:
        """Threads of sync tasks that could not be stopped and still run."""
        return self._service.abandoned_threads

    def give_back(self) -> None:
        """Put the runs that are executed here back into the queue; from a thread, while the event loop is stuck."""
        self._service.give_back()

    def _start(self) -> None:
        """Start what records by itself, and only then import the user's modules."""
        check_may_open()
        recording = ProcessRecording.join(self.settings)
        self._stack.callback(recording.leave)
        self.instrumentations = self._service.instrumentations = recording.instrumentations
        if self._worker:
            import_tasks(self.settings)


def _say_closing(error: Exception) -> None:
    logger.error("the project was closed with an error: {reason}", reason=f"{type(error).__name__}: {error}")
