"""The process of one attempt of a task with `process=True`: what `executor.child` starts."""

from __future__ import annotations

import ctypes
import importlib
import inspect
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import anyio
from anyio import CancelScope, Event, get_cancelled_exc_class, to_thread
from anyio.lowlevel import current_token
from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from runlog.app import Project
from runlog.config import Settings
from runlog.executor.attempt import Attempt, current_attempt
from runlog.executor.contexts import Live, make_context
from runlog.executor.messages import Began, Changed, Done, Flush, Raised, Resume, Returned, Stacks, Start, Stop, Wait
from runlog.executor.resources import open_resources
from runlog.executor.threads import run_in_thread
from runlog.executor.trouble.loops import LoopView
from runlog.executor.trouble.records import place_of, write_stacks
from runlog.executor.trouble.stacks import take
from runlog.recording import get_recorder
from runlog.recording.clean import Limits
from runlog.recording.exceptions import describe_exception
from runlog.recording.masks import add_masks
from runlog.system.eventloop import loop_options
from runlog.system.process import peak_memory
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.context import Context, RunStopped, set_current_run
from runlog.tasks.loading import import_main, import_tasks
from runlog.tasks.metadata import Changes, Target
from runlog.tasks.registry import registry
from runlog.tasks.states import MetadataChange
from runlog.tasks.task import Task
from runlog.tracing.attach import attach, with_span, with_value
from runlog.tracing.provider import get_provider
from runlog.tracing.scope import RUN_KEY, RunScope

_FLUSH = 2.0
_LOOK = 1.0
_MARKS = "__runlog_"
_KILLED_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_FIRST_VICTIM = "500"
"""Where memory runs out, this process is to be killed before the worker."""


def main(descriptor: int, parent: int, streams: Mapping[str, int]) -> None:
    """Run the attempt that the parent tells of over this socket; it may take a while until there is one.

    `streams` are the descriptors that Python's stdout and stderr write to: it is recorded here, and what else goes to
    the process's own descriptors is by the parent."""
    connection: Connection[Any, Any] = Connection(descriptor)
    for name, number in streams.items():
        _redirect(name, number)
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever ends a whole service means the worker, which tells us
        signal.signal(number, lambda *_: None)
    _bind_to(parent)
    try:
        start: Start = connection.recv()
    except EOFError:
        return
    os.environ.clear()
    os.environ.update(start.environment)
    if start.folder is not None:
        os.chdir(start.folder)
    sys.path[:] = start.path
    add_masks(start.masks)
    _Child(connection, start, parent).run()


def _redirect(name: str, number: int) -> None:
    stream = getattr(sys, name)
    os.set_inheritable(number, False)  # noqa: FBT003
    buffering = 1 if stream.line_buffering or os.isatty(number) else -1
    own = open(number, "w", encoding=stream.encoding, errors=stream.errors, buffering=buffering)  # noqa: SIM115
    setattr(sys, name, own)


def _bind_to(parent: int) -> None:
    """End when the parent does."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_KILLED_WITH_PARENT, signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_FIRST_VICTIM, encoding="ascii")
    if os.getppid() != parent:
        os._exit(1)


def _flush() -> None:
    ctypes.CDLL(None).fflush(None)  # what C code has printed
    get_recorder().flush(_FLUSH)


class _Child:
    """The attempt here: a stand-in for the one in the parent, which has its lease and its places."""

    def __init__(self, connection: Connection[Any, Any], start: Start, parent: int) -> None:
        self._connection, self._start, self._parent = connection, start, parent
        self._sending = threading.Lock()

    def run(self) -> None:
        backend = self._start.backend
        anyio.run(self._run, self._start.settings, backend=backend, backend_options=loop_options(backend))

    def send(self, message: Any) -> None:
        """From any thread. Without a parent this process has nothing to do."""
        with self._sending:
            try:
                self._connection.send(message)
            except OSError:
                os._exit(1)

    async def _run(self, settings: Settings) -> None:
        async with Project(settings, worker=False):
            last = await self._last_message(settings)
            await to_thread.run_sync(_flush)  # before the parent says how it ended
            self.send(last)

    async def _last_message(self, settings: Settings) -> Returned | Raised:
        scope = RunScope(self._start.delivery.run.run_id, self._start.delivery.run.task, self._start.delivery.attempt)
        attempt = _AttemptHere(self.send, self._start, scope)
        while self._connection.poll():  # it may have been told to end while it started
            attempt.hear(self._connection.recv())
        threading.Thread(target=self._listen, args=[attempt], name="runlog-parent", daemon=True).start()
        try:
            return Returned(await self._call(settings, attempt), peak_memory())
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, the parent is told
            return _raised(error, attempt, settings)
        finally:
            scope.close_open_spans()

    async def _call(self, settings: Settings, attempt: _AttemptHere) -> bytes:
        attempt.attach()
        tracer = get_provider().get_tracer("runlog")
        with attempt.cancel_scope:
            task = _find_task(settings, self._start)
            async with open_resources() as resources:
                context = attempt.make_context(task, resources)
                context.checkpoint()  # raises if it was told to end meanwhile
                args, kwargs = task.arguments(self._start.delivery.run.payload, context)
                call = partial(task.function, *args, **kwargs)
                self.send(Began(os.getpid(), get_recorder().spool_folder))
                with tracer.start_as_current_span("run()"):
                    value = await (call() if task.is_async else run_in_thread(call))
                    if inspect.isawaitable(value):
                        value = await value
            return task.result_codec.encode_result(value, settings.limits.output)[0]
        raise RunStopped(attempt.reason)

    def _listen(self, attempt: _AttemptHere) -> None:
        """Hear what the parent says; end with it."""
        while True:
            try:
                if self._connection.poll(_LOOK):
                    attempt.hear(self._connection.recv())
                elif os.getppid() != self._parent:
                    os._exit(1)
            except (EOFError, OSError):
                os._exit(1)


class _AttemptHere:
    """What submitters and waits see of the attempt, as in the parent."""

    ended = False

    def __init__(self, send: Callable[[Any], None], start: Start, scope: RunScope) -> None:
        self.delivery, self.scope = start.delivery, scope
        self.cancel_scope = CancelScope()
        self.reason: str | None = None
        self._send, self._start = send, start
        self._loop, self._view = current_token(), LoopView()
        self._call_soon = threadsafe_caller()
        self._number = count(1).__next__
        self._answers: dict[int, Event] = {}
        self._waits = 0
        self._left, self._since = start.time_left, time.monotonic()

    # What the parent says.

    def hear(self, message: Stop | Done | Stacks) -> None:
        """In the thread that listens."""
        match message:
            case Stop():
                self.reason = message.reason
                self._call_soon(self._stop)
            case Done():
                self._call_soon(lambda: self._answered(message))
            case Stacks():
                self._write_stacks(message)

    def _write_stacks(self, message: Stacks) -> None:
        try:
            here, snapshot = cast("Attempt", self), take(self._view)
            place = place_of(snapshot.main_task(here), self.delivery.run)
            write_stacks(get_recorder(), here, snapshot, message.why, place, message.level)
        except Exception:  # noqa: BLE001 - what is shown must not change what happens
            traceback.print_exc()

    def _stop(self) -> None:
        for event in self._answers.values():
            event.set()
        self.cancel_scope.cancel()

    def _answered(self, done: Done) -> None:
        self._left, self._since = done.time_left, time.monotonic()
        if (event := self._answers.pop(done.number, None)) is not None:
            event.set()

    # The context.

    def attach(self) -> None:
        """Be in the run, under the span of the parent's that called."""
        start = self._start
        above = SpanContext(start.trace_id, start.span_id, is_remote=False, trace_flags=TraceFlags(start.trace_flags))
        context = with_value(TraceContext(), RUN_KEY, self.scope)
        attach(with_span(context, NonRecordingSpan(above)))
        current_attempt.set(cast("Attempt", self))

    def make_context(self, task: Task[Any, Any], resources: Mapping[str, Any]) -> Context:
        """The context of the run, and set it as the current one."""
        live = Live(_Changes(self._send, self._ask), resources, self._check_stopped, self._time_left)
        context = make_context(self.delivery, task, self._start.max_attempts, time.time_ns(), live)
        set_current_run(lambda: context)
        return context

    def _check_stopped(self) -> None:
        if self.reason is not None:
            raise RunStopped(self.reason)

    def _time_left(self) -> float | None:
        if self._left is None or self._waits:
            return self._left
        return self._left - (time.monotonic() - self._since)

    # Waiting.

    @property
    def is_here(self) -> bool:
        return current_token() == self._loop

    @asynccontextmanager
    async def waiting(self, reason: str, cause: dict[str, Any] | None = None) -> AsyncIterator[None]:
        """As in the parent, which gives the places back meanwhile."""
        number = self._number()
        self._left = self._time_left()
        self._waits += 1
        self._send(Wait(number, reason, cause))
        try:
            yield
        finally:
            await self._ask(Resume(number), number)
            self._waits -= 1
            self._since = time.monotonic()

    async def _ask(self, message: Resume | Flush, number: int) -> None:
        """Say it, and wait for the answer, unless the attempt is to end."""
        self._answers[number] = answered = Event()
        self._send(message)
        with CancelScope(shield=True):
            if self.reason is None:
                await answered.wait()


class _Changes(Changes):
    """Brings what the code changes to the parent, which brings it to the engine."""

    def __init__(self, send: Callable[[Any], None], ask: Callable[[Any, int], Any]) -> None:
        super().__init__()
        self._send, self._ask = send, ask
        self._number = count(-1, -1).__next__

    def add(self, target: Target, change: MetadataChange | str) -> None:
        self._send(Changed(target, change))

    async def flush(self) -> None:
        number = self._number()
        await self._ask(Flush(number), number)


def _find_task(settings: Settings, start: Start) -> Task[Any, Any]:
    """The task, imported as in the parent."""
    if start.main is not None:
        import_main(start.main)
    import_tasks(settings)
    if start.delivery.run.task not in registry:
        importlib.import_module(start.module)
    return registry.get(start.delivery.run.task)


def _raised(error: BaseException, attempt: _AttemptHere, settings: Settings) -> Raised:
    stopped = attempt.reason is not None and isinstance(error, (RunStopped, get_cancelled_exc_class()))
    marks = {key: value for key, value in error.__dict__.items() if key.startswith(_MARKS) and type(value) is bytes}
    pickled: bytes | None
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # noqa: S301 - what cannot be read here cannot be read there
    except Exception:  # noqa: BLE001 - what an exception holds is the user's
        pickled = None
    described = describe_exception(error, Limits.from_settings(settings))
    module, name = type(error).__module__, type(error).__qualname__
    return Raised(pickled, module, name, described["message"], described, marks, stopped, peak_memory())
