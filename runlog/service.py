"""The part of an open project that lives on an event loop."""

from __future__ import annotations

import os
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

import anyio
from anyio.abc import TaskGroup

from runlog.config import Settings
from runlog.engines.local import LocalEngine, LostQueue
from runlog.engines.local.leaving import REASON
from runlog.errors import RunlogError, StoreError
from runlog.executor import Care, EngineSubmitter, Executor, PayloadScrubber, Presence, RunRecords, Scheduler
from runlog.executor.trouble import EXIT_CODE, Lookout
from runlog.instrumentation import Instrumentations
from runlog.logger import logger
from runlog.recording import get_recorder
from runlog.system.interrupt import spared_from_interrupts
from runlog.tasks.registry import registry
from runlog.tasks.submitter import Submitter, current_submitter, set_process_submitter
from runlog.tracing.provider import get_provider


class Service:
    """The engine, the submitter, and with a worker the executor and what goes beside it."""

    def __init__(self, settings: Settings, *, worker: bool, temporary_queue: bool, owns_process: bool) -> None:
        """`owns_process`: it may be ended where its event loop does not react any more."""
        self._settings, self._worker, self._owns_process = settings, worker, owns_process
        self._lookout: Lookout | None = None
        self._spare = _say_temporary if temporary_queue else None
        self._engine: LocalEngine | None = None
        self._executor: Executor | None = None
        self._group: TaskGroup | None = None
        self._failure: RunlogError | None = None
        self._failed: anyio.Event | None = None
        self._stop: anyio.Event | None = None
        self._executing: anyio.CancelScope | None = None
        self.instrumentations: Instrumentations | None = None
        """What the worker tells of; set before it is entered."""

    async def __aenter__(self) -> Self:
        settings, provider = self._settings, get_provider()
        records = RunRecords()
        scrub, lease = PayloadScrubber(settings), settings.worker.lease
        self._engine = LocalEngine(
            settings.queue_path, records, lease=lease, spare=self._spare, scrub=scrub, lost=_say_lost
        )
        self.submitter = EngineSubmitter(self._engine, provider, settings)
        self._submitting = Submitting(self.submitter)
        self._submitting.__enter__()
        self._stop, self._failed = anyio.Event(), anyio.Event()
        if self._worker:
            queues, version = settings.worker.queues or None, settings.code_version
            ends = self._end_process if self._owns_process else None
            self._lookout = Lookout(self._engine, settings, end_process=ends)
            self._executor = Executor(
                self._engine,
                registry,
                provider,
                settings,
                queues=queues,
                version=version,
                observer=self._lookout,
                presence=Presence(self._engine, settings, self.instrumentations),
            )
            self._group = await anyio.create_task_group().__aenter__()
            care = Care(self._engine, records, settings)
            self._group.start_soon(spared_from_interrupts(self._execute), self._executor, self._stop)
            self._group.start_soon(spared_from_interrupts(care.run), self._stop)
            scheduler = Scheduler(self._engine, registry)
            self._group.start_soon(spared_from_interrupts(scheduler.run), self._stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._stop is not None:
                self._stop.set()
            if self._executing is not None and self._executor is not None and not self._executor.is_open:
                self._executing.cancel()  # a resource may take its time to open
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
                if self._lookout is not None:
                    await anyio.to_thread.run_sync(self._lookout.close)
                await self.close_engine()

    async def close_engine(self) -> None:
        if self._engine is not None:
            await self._engine.close()

    def give_back(self) -> None:
        """Put what is executed here back into the queue; from a thread, while the event loop is stuck."""
        if self._lookout is not None:
            self._lookout.stop_all()
        anyio.run(self.close_engine)

    def _end_process(self) -> None:
        """From a thread."""
        anyio.run(self.close_engine)
        get_recorder().close()
        os._exit(EXIT_CODE)

    async def _execute(self, executor: Executor, stop: anyio.Event) -> None:
        try:
            with anyio.CancelScope() as self._executing:
                await executor.run(stop)
        except RunlogError as error:  # the queue, or a resource of the worker
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - it must not end the program that opened the project
            logger.exception("the worker failed")
            self._give_up(RunlogError("the worker failed", f"{type(error).__name__}: {error}"))

    def _give_up(self, failure: RunlogError) -> None:
        self._failure = failure
        logger.error("runs cannot be executed: {reason}", reason=str(failure))
        if self._failed is not None:
            self._failed.set()

    async def failed(self) -> RunlogError:
        assert self._failed is not None
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    @property
    def abandoned_threads(self) -> int:
        return self._executor.abandoned_threads if self._executor else 0


class Submitting:
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
        if current_submitter.get() is self._submitter:  # it may be open in another context still, and is closing
            current_submitter.set(None if last is self._submitter else last)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What is alone in a group: the interruption of a task of runlog's own, say."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _say_lost(lost: LostQueue) -> None:
    """Tell of a queue that was deleted under this process. In the engine's thread."""
    place = {"path": str(lost.path), "runs": lost.count}
    what = "the queue {path} was deleted or replaced while it was in use; work goes on with the one that is there now"
    if not lost.count:
        logger.warn(f"{what}, which has all its runs", place)
        return
    again = f"runlog replay --query 'run.reason:\"{REASON}\"'   # runs them again"
    logger.error(f"{what}. Lost, and CRASHED in the run log, are its unfinished runs: {{runs}}. {again}", place)


def _say_temporary(error: StoreError) -> None:
    """Tell that runs end with the process, unless it was said for the records already."""
    recorder = get_recorder()
    if recorder.statistics().degraded is None:
        why = f"{error.what}: {error.why}" if error.why else error.what
        recorder.notices.say("queue", f"{why}; runs are queued in memory, and end with this process")
