"""A task: a function that can also be run later, by a worker, durably."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, cast, overload

from runlog.errors import PayloadError, TaskError
from runlog.stores.base import Run
from runlog.tasks.context import AttemptInfo, Context, QueueInfo, TaskInfo, current_run
from runlog.tasks.hooks import Hooks
from runlog.tasks.metadata import Tags
from runlog.tasks.middleware import Middleware
from runlog.tasks.options import MISSING, Item, TriggerKeywords, TriggerOptions
from runlog.tasks.payload import Codec
from runlog.tasks.queue import Queue
from runlog.tasks.results import BatchHandle, RunHandle, RunResult
from runlog.tasks.retry import Retry
from runlog.tasks.signature import Signature, read_signature
from runlog.tasks.states import TaskDeclaration
from runlog.tasks.submitter import RunRequest, get_submitter

if TYPE_CHECKING:
    from runlog.tasks.schedule import Schedule

P = TypeVar("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

MAX_BATCH = 1000


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The options of a task, checked. Durations are seconds."""

    retry: Retry
    max_duration: float | None = None
    tags: tuple[str, ...] = ()
    ttl: float | None = None
    priority: float = 0.0
    process: bool = False
    memory: int | None = None
    """MiB."""
    middleware: tuple[Middleware, ...] = ()
    version: str | None = None


class Task(Generic[P, R]):
    """A task with payload P (None: it takes none) and result R.

    `trigger` and its kin queue a run of it and need an open project (ProjectNotOpen). They take the options of
    `TriggerOptions` as keywords, validate the payload and refuse one that does not fit (PayloadError) or a wrong option
    (TaskError) before a run exists.
    """

    is_async: bool
    __name__: str

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        id: str,  # noqa: A002 - the word of the API
        queue: str | Queue | None,
        settings: TaskSettings,
        names: Mapping[str, Any],
    ) -> None:
        update_wrapper(cast("Callable[..., Any]", self), function)
        self.id, self.function, self._names = id, function, names
        self.has_own_queue = queue is None
        self.queue_is_declared = isinstance(queue, Queue)
        self.queue = queue.named(id) if isinstance(queue, Queue) else Queue(queue or id)
        self.retry, self.max_duration, self.tags = settings.retry, settings.max_duration, settings.tags
        self.ttl, self.priority, self.version = settings.ttl, settings.priority, settings.version
        self.process, self.memory, self.middleware = settings.process, settings.memory, settings.middleware
        self.hooks = Hooks()
        self.schedules: tuple[Schedule, ...] = ()
        self.declaration = TaskDeclaration(self.queue_name, self.ttl, self.tags, self.priority, self.version)
        inner = inspect.unwrap(function)
        code = getattr(inner, "__code__", None)
        file, line = (code.co_filename, code.co_firstlineno) if code else ("?", 0)
        self.origin = (file, getattr(inner, "__qualname__", repr(inner)))
        """Where it was defined: the same for a module that is imported again."""
        self.place = f"{self.origin[1]} ({file}:{line})"

    @cached_property
    def signature(self) -> Signature:
        try:
            return read_signature(self.function, self.place, self._names)
        except (NameError, TypeError, SyntaxError, AttributeError) as error:
            raise TaskError(
                f"cannot read the annotations of {self.place}", str(error), "import the type where the task is defined"
            ) from error

    @cached_property
    def payload_codec(self) -> Codec:
        return Codec(self.signature.payload_type, self.id)

    @cached_property
    def result_codec(self) -> Codec:
        return Codec(self.signature.result_type, self.id)

    def check(self) -> None:
        """Find now what would go wrong at the first trigger. Raises TaskError or PayloadError."""
        if self.signature.payload is not None:
            _ = self.payload_codec.adapter

    @property
    def queue_name(self) -> str:
        return self.queue.name or self.id

    @property
    def info(self) -> TaskInfo:
        return TaskInfo(self.id, self.queue_name, self.max_duration)

    def arguments(self, data: bytes | None, context: Context | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The function's arguments in a run; see `Signature.arguments`. Raises PayloadError if the stored payload no
        longer fits."""
        given = data is not None and self.signature.payload is not None
        payload = self.payload_codec.decode_payload(data) if given and data is not None else None
        return self.signature.arguments(payload, context, given=given)

    @overload
    async def trigger(
        self: Task[None, R], payload: None = None, /, **options: Unpack[TriggerKeywords]
    ) -> RunHandle[R]: ...
    @overload
    async def trigger(self, payload: P, /, **options: Unpack[TriggerKeywords]) -> RunHandle[R]: ...
    async def trigger(self, payload: Any = MISSING, /, **options: Any) -> RunHandle[R]:
        """Queue a run; when this returns it survives a kill and power loss. It starts a trace of its own."""
        submitter = get_submitter()
        ids = await submitter.submit([self.request(payload, options)], verb="trigger")
        return RunHandle(ids[0], self.id, self.result_codec, submitter)

    @overload
    async def trigger_and_wait(
        self: Task[None, R], payload: None = None, /, **options: Unpack[TriggerKeywords]
    ) -> R: ...
    @overload
    async def trigger_and_wait(self, payload: P, /, **options: Unpack[TriggerKeywords]) -> R: ...
    async def trigger_and_wait(self, payload: Any = MISSING, /, **options: Any) -> R:
        """Queue a run, wait for it and return its value. Raises ChildRunError if it does not complete.

        Inside a run it is in the caller's trace and is cancelled with it, and the caller's slot is free meanwhile.
        """
        request = self.request(payload, options)
        return self._result((await get_submitter().submit_and_wait([request], verb="trigger_and_wait"))[0]).unwrap()

    async def batch_trigger(
        self, payloads: Sequence[P | Item[P]], /, **options: Unpack[TriggerKeywords]
    ) -> BatchHandle[R]:
        """Queue a run for each payload or `Item` (up to 1,000), all or none."""
        requests = self._requests(payloads, options)
        submitter = get_submitter()
        ids = await submitter.submit(requests, verb="batch_trigger") if requests else []
        handles = [RunHandle[R](run_id, self.id, self.result_codec, submitter) for run_id in ids]
        return BatchHandle(handles, self.result_codec, submitter)

    async def batch_trigger_and_wait(
        self, payloads: Sequence[P | Item[P]], /, **options: Unpack[TriggerKeywords]
    ) -> list[RunResult[R]]:
        """Queue a run for each payload or `Item` and wait for all; the results are in that order, failed ones too."""
        requests = self._requests(payloads, options)
        if not requests:
            return []
        runs = await get_submitter().submit_and_wait(requests, verb="batch_trigger_and_wait")
        return [self._result(run) for run in runs]

    def _result(self, run: Run) -> RunResult[R]:
        return RunResult.of(run, self.result_codec)

    def request(self, payload: Any, options: Mapping[str, Any]) -> RunRequest:
        """A checked request for one run. Raises PayloadError, TaskError, and TypeError for an unknown option."""
        chosen = TriggerOptions.of(options)
        return chosen.request(self.id, self.encode_payload(payload), self.declaration)

    def _requests(self, payloads: Sequence[Any], options: Mapping[str, Any]) -> list[RunRequest]:
        check_batch(payloads, options, self.id)
        items = [item if isinstance(item, Item) else Item(item) for item in payloads]
        return [self.request(item.payload, item.over(options)) for item in items]

    def encode_payload(self, payload: Any) -> bytes | None:
        """The payload as JSON, None where the task takes none or has a default. Raises PayloadError."""
        signature = self.signature
        if signature.payload is None:
            if payload is MISSING or payload is None:
                return None
            raise PayloadError(f"task {self.id!r} takes no payload", f"{self.place} has no parameter for one")
        if payload is MISSING:
            if not signature.payload_required:
                return None
            raise PayloadError(
                f"task {self.id!r} needs a payload", f"the parameter {signature.payload!r} has no default"
            )
        return self.payload_codec.encode_payload(payload)

    def _plain_context(self) -> Context:
        attempt = AttemptInfo(1, self.retry.max_attempts)
        queue, tags = QueueInfo(self.queue_name), Tags(self.tags)
        return current_run(None) or Context(self.info, attempt=attempt, queue=queue, tags=tags)

    # Hooks: `runlog.hooks` has them for all tasks, and says what each is.

    def on_start_attempt(self, function: F) -> F:
        return self.hooks.on_start_attempt(function)

    def on_success(self, function: F) -> F:
        return self.hooks.on_success(function)

    def on_failure(self, function: F) -> F:
        return self.hooks.on_failure(function)

    def on_complete(self, function: F) -> F:
        return self.hooks.on_complete(function)

    def on_cancel(self, function: F) -> F:
        return self.hooks.on_cancel(function)

    def on_wait(self, function: F) -> F:
        return self.hooks.on_wait(function)

    def on_resume(self, function: F) -> F:
        return self.hooks.on_resume(function)

    def catch_error(self, function: F) -> F:
        return self.hooks.catch_error(function)

    def __repr__(self) -> str:
        return f"<Task {self.id!r}: {self.place}>"


class AsyncTask(Task[P, R]):
    """A task whose function is async."""

    is_async = True

    @overload
    def __call__(self: AsyncTask[None, R], ctx: Context | None = None, /) -> Coroutine[Any, Any, R]: ...
    @overload
    def __call__(self, payload: P, ctx: Context = ..., /) -> Coroutine[Any, Any, R]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, R]:
        """Call the function here and now, without a run."""
        args, kwargs = self.signature.plain_arguments(args, kwargs, self._plain_context)
        return cast("Coroutine[Any, Any, R]", self.function(*args, **kwargs))


class SyncTask(Task[P, R]):
    """A task whose function is sync: a worker runs it in a thread."""

    is_async = False

    @overload
    def __call__(self: SyncTask[None, R], ctx: Context | None = None, /) -> R: ...
    @overload
    def __call__(self, payload: P, ctx: Context = ..., /) -> R: ...
    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Call the function here and now, without a run."""
        args, kwargs = self.signature.plain_arguments(args, kwargs, self._plain_context)
        return cast("R", self.function(*args, **kwargs))


def check_batch(payloads: Sequence[Any], options: Mapping[str, Any], task: str) -> None:
    """Raises PayloadError for what is no batch, or one over 1,000; TaskError for an option that cannot be all runs'."""
    if isinstance(payloads, (str, bytes, Mapping)) or not isinstance(payloads, Sized):
        raise PayloadError(
            f"the payloads for task {task!r} are a {type(payloads).__name__}",
            "a batch takes a list with one payload for each run",
            "batch_trigger([first, second])",
        )
    if len(payloads) > MAX_BATCH:
        raise PayloadError(
            f"{len(payloads):,} payloads for task {task!r} in one batch",
            f"the limit is {MAX_BATCH:,}",
            f"batch_trigger(payloads[:{MAX_BATCH}]), and so on",
        )
    for name in ("idempotency_key", "debounce"):
        if options.get(name) is not None and len(payloads) > 1:
            raise TaskError(
                f"one {name} for a batch of {len(payloads):,} runs",
                "all of them would be one run",
                f"batch_trigger([Item(payload, {name}=...), ...])",
            )
