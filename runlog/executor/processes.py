"""Attempts in child processes: `@task(process=True)`.

Each attempt has a fresh process, and that a thread here that starts it, talks to it, measures its memory and reaps it.
On Linux the kernel ends a child when the thread that started it ends, so the thread lives as long as the child.
"""

from __future__ import annotations

import math
import os
import pickle
import sys
import time
from collections import deque
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from anyio import CancelScope, Event, create_task_group, get_cancelled_exc_class
from anyio.abc import TaskGroup
from anyio.lowlevel import current_token
from opentelemetry.trace import get_current_span

from runlog.config import Settings
from runlog.engines.base import Delivery
from runlog.executor.child import ChildThread, Ended
from runlog.executor.messages import (
    Began,
    Changed,
    Done,
    Flush,
    Raised,
    Resume,
    Returned,
    Stacks,
    Start,
    Stop,
    Wait,
)
from runlog.executor.output import NUMBERS
from runlog.recording.exceptions import DESCRIBED
from runlog.recording.masks import registered_masks
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.context import Context, RunStopped
from runlog.tasks.metadata import encode_metadata
from runlog.tasks.payload import Codec
from runlog.tasks.task import Task
from runlog.tracing.span import Span

_STOP_LIMIT = 5.0
"""Seconds that a child has to end once it was told to; then it is killed."""
_CLOSE_LIMIT = 1.0
_MIB = 2**20


class Crashed(Exception):
    """The child process died, or was ended because it used too much memory."""

    def __init__(self, reason: str, cause: dict[str, Any]) -> None:
        super().__init__(reason)
        self.reason, self.cause = reason, cause
        described = {"type": "Crashed", "module": "", "message": reason, "frames": []}
        self.__dict__[DESCRIBED] = described  # where it is raised tells nobody anything

    @property
    def is_memory(self) -> bool:
        """It was over its memory limit, so another attempt would be too."""
        return bool(self.cause["code"] == "memory")


class ProcessCall(Protocol):
    """What is needed of an attempt."""

    @property
    def delivery(self) -> Delivery: ...

    @property
    def task(self) -> Task[Any, Any]: ...

    @property
    def context(self) -> Context: ...

    def waiting(self, reason: str, cause: dict[str, Any] | None) -> AbstractAsyncContextManager[None]:
        """Round a wait of the child's."""
        ...


class Processes:
    """The child processes of a worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: set[ChildThread] = set()
        self._running: dict[str, ChildThread] = {}
        self._spare: ChildThread | None = None
        """It has imported runlog, and none of the project's modules."""

    async def run(self, call: ProcessCall) -> Any:
        """Call the task's function in a new process, and return its value.

        The current span is told the process's id, how long it took to start (seconds), and its peak of memory. Raises
        what the function raises (where the exception itself cannot come over, one of the same name), and Crashed if
        the process dies. A cancellation is passed on; a child that does not end then is killed.
        """
        call_in_child, run_id = _Call(call), call.delivery.run.run_id
        start = _start(call, self._settings)
        child = self._spare or self._new_child()
        if not call_in_child.begin(child, start):  # the spare one has just ended
            child = self._new_child()
            call_in_child.begin(child, start)
        self._spare = self._new_child()
        self._running[run_id] = child
        try:
            last = await call_in_child.run()
        finally:
            self._running.pop(run_id, None)
        return _value(last, call.task.result_codec)

    def _new_child(self) -> ChildThread:
        capture = self._settings.capture
        child = ChildThread([name for name in NUMBERS if getattr(capture, name)])
        self._children.add(child)
        child.on_exit = lambda: self._children.discard(child)
        child.start()
        return child

    def write_stacks(self, run_id: str, why: str, level: int) -> bool:
        """Have the child of a run write down where it is; False if there is none. From any thread."""
        child = self._running.get(run_id)
        if child is not None:
            child.send(Stacks(why, level))
        return child is not None

    def close(self) -> None:
        """Have the spare child, and those that have given their result and not ended yet, killed soon. Does not
        wait."""
        self._spare = None
        for child in list(self._children):
            child.kill_after(_CLOSE_LIMIT)


class _Call:
    """One call: the conversation with its child."""

    child: ChildThread

    def __init__(self, call: ProcessCall) -> None:
        self._call = call
        memory = call.task.memory
        self._limit = None if memory is None else memory * _MIB
        self._inbox: deque[Any] = deque()
        self._news = Event()
        self._call_soon = threadsafe_caller()
        self._waits: dict[int, Event] = {}
        self._span, self._started = get_current_span(), time.monotonic()

    def begin(self, child: ChildThread, start: Start) -> bool:
        """False if that child is gone."""
        self.child = child
        return child.begin(start, self._limit, self._deliver)

    def _deliver(self, message: Any) -> None:
        """From the child's thread."""
        self._inbox.append(message)
        self._call_soon(self._wake)

    def _wake(self) -> None:
        self._news.set()

    async def run(self) -> Returned | Raised | Ended:
        """Return how it ended. Raises a cancellation."""
        cancelled: BaseException | None = None
        try:
            async with create_task_group() as waits:
                try:
                    last = await self._talk(waits)
                except get_cancelled_exc_class() as error:
                    cancelled = error
                    self.child.send(Stop(self._why()))
                    self.child.kill_after(_STOP_LIMIT)
                    with CancelScope(shield=True):
                        last = await self._talk(waits)
                finally:
                    waits.cancel_scope.cancel()
        except BaseException:
            self.child.kill_after(0)
            raise
        if last.peak:
            self._span.set_attribute("process.memory.peak", last.peak)
        if cancelled is not None and (isinstance(last, Ended) or (isinstance(last, Raised) and last.stopped)):
            raise cancelled
        if isinstance(last, Ended):
            raise _crash(last, self._limit)
        self.child.kill_after(_STOP_LIMIT)  # it has nothing to do any more
        return last

    async def _talk(self, waits: TaskGroup) -> Returned | Raised | Ended:
        while True:
            while self._inbox:
                message = self._inbox.popleft()
                if isinstance(message, (Returned, Raised, Ended)):
                    return message
                self._handle(message, waits)
            self._news = Event()
            if not self._inbox:
                await self._news.wait()

    def _handle(self, message: Any, waits: TaskGroup) -> None:
        match message:
            case Began():
                self._began(message)
            case Changed():
                _change(self._call.context, message)
            case Flush():
                waits.start_soon(self._flush, message.number)
            case Wait():
                self._waits[message.number] = over = Event()
                waits.start_soon(self._wait, message, over)
            case Resume():
                self._waits.pop(message.number).set()

    def _began(self, message: Began) -> None:
        self.child.spool = message.spool
        took = round(time.monotonic() - self._started, 3)
        self._span.set_attributes({"process.pid": message.pid, "process.start": took})
        if isinstance(self._span, Span):
            self._span.record_change()  # that is of interest while it runs

    async def _wait(self, message: Wait, over: Event) -> None:
        async with self._call.waiting(message.reason, message.cause):
            await over.wait()
        self._done(message.number)

    async def _flush(self, number: int) -> None:
        await self._call.context.metadata.flush()
        self._done(number)

    def _done(self, number: int) -> None:
        self.child.send(Done(number, self._call.context.time_left()))

    def _why(self) -> str:
        try:
            self._call.context.checkpoint()
        except RunStopped as stopped:
            return str(stopped)
        return f"run {self._call.delivery.run.run_id}: the attempt has ended"


def _start(call: ProcessCall, settings: Settings) -> Start:
    context, span = call.context, get_current_span().get_span_context()
    module, main = call.task.function.__module__, None
    if module == "__main__":
        program = sys.modules[module]
        module = program.__spec__.name if program.__spec__ is not None else module  # python -m
        main = None if program.__spec__ is not None else program.__dict__.get("__file__")
    metadata = encode_metadata(context.metadata.all())
    run = msgspec.structs.replace(call.delivery.run, tags=tuple(context.tags), metadata=metadata)
    return Start(
        settings=settings,
        folder=_folder(),
        environment=dict(os.environ),
        backend=current_token().backend_class.__module__.rpartition(".")[2].lstrip("_"),
        path=tuple(sys.path),
        main=main,
        module=module,
        masks=registered_masks(),
        delivery=msgspec.structs.replace(call.delivery, run=run),
        max_attempts=context.attempt.max_attempts,
        time_left=context.time_left(),
        trace_id=span.trace_id,
        span_id=span.span_id,
        trace_flags=span.trace_flags,
    )


def _folder() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return None


def _change(context: Context, message: Changed) -> None:
    """What the child has checked and done to its copy."""
    change = message.change
    if isinstance(change, str):
        context.tags.add(change)
        return
    metadata = context.metadata
    writer = {"self": metadata, "parent": metadata.parent, "root": metadata.root}[message.target]
    values = () if change.operation == "delete" else (change.value,)
    getattr(writer, change.operation)(change.key, *values)


def _value(last: Returned | Raised | Ended, codec: Codec) -> Any:
    assert not isinstance(last, Ended)
    if isinstance(last, Returned):
        return codec.decode_result(last.data)
    raise _rebuilt(last)


def _rebuilt(raised: Raised) -> BaseException:
    """The exception, as it can be had here."""
    error: Any = None
    if raised.pickled is not None:
        try:
            error = pickle.loads(raised.pickled)  # noqa: S301 - our own child's
        except Exception:  # noqa: BLE001 - an exception that cannot be made again from its arguments
            error = None
    if not isinstance(error, BaseException):
        error = type(raised.name, (Exception,), {"__module__": raised.module})(raised.text)
    error.__dict__.update(raised.marks)
    error.__dict__[DESCRIBED] = raised.described
    return error  # type: ignore[no-any-return]


def _crash(ended: Ended, limit: int | None) -> Crashed:
    if ended.over_limit and limit is not None:
        why = f"it used {_mib(ended.peak)} of memory, and its limit is {_mib(limit)}"
        return Crashed(why, {"code": "memory", "limit": limit, "peak": ended.peak})
    used = f" (it used up to {_mib(ended.peak)} of memory)" if ended.peak else ""
    cause = {"code": "process", "exit_code": ended.code, "peak": ended.peak}
    return Crashed(f"its process {ended.words}{used}", cause)


def _mib(size: int) -> str:
    return f"{math.ceil(size / _MIB):,} MiB"
