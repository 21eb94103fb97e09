"""A task: a function that can also be run later, by a worker, durably."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence, Sized
from datetime import timedelta
from functools import cached_property, update_wrapper
from typing import Any, Generic, TypeVar, cast, overload

from runlog.errors import PayloadError, TaskError
from runlog.stores.base import Run
from runlog.tasks.context import AttemptInfo, Context, TaskInfo, current_run
from runlog.tasks.payload import Codec
from runlog.tasks.results import BatchHandle, RunHandle, RunResult
from runlog.tasks.retry import Retry, delay_seconds
from runlog.tasks.signature import Signature, read_signature
from runlog.tasks.submitter import RunRequest, get_submitter

P = TypeVar("P")
R = TypeVar("R")

MAX_TAGS = 10
MAX_TAG_LENGTH = 128
MAX_BATCH = 1000
DEFAULT_QUEUE = "default"


class _Missing:
    """The payload of a trigger that was given none."""


MISSING: Any = _Missing()


class Task(Generic[P, R]):
    """A task with payload P (None: it takes none) and result R.

    `trigger` and its kin queue a run of it and need an open project (ProjectNotOpen). They validate the payload and
    refuse one that does not fit (PayloadError) before a run exists. `delay` is seconds or a timedelta; `tags` (10 of
    128 characters at most) are added to the task's own.
    """

    is_async: bool
    __name__: str

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        id: str,  # noqa: A002 - the word of the API
        retry: Retry,
        queue: str,
        max_duration: float | None,
        tags: tuple[str, ...],
        names: Mapping[str, Any],
    ) -> None:
        update_wrapper(cast("Callable[..., Any]", self), function)
        self.id, self.function, self.retry, self.queue = id, function, retry, queue
        self.max_duration, self.tags, self._names = max_duration, tags, names
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
    def info(self) -> TaskInfo:
        return TaskInfo(self.id, self.queue, self.max_duration)

    def arguments(self, data: bytes | None, context: Context) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The function's arguments in a run. Raises PayloadError if the stored payload no longer fits."""
        given = data is not None and self.signature.payload is not None
        payload = self.payload_codec.decode_payload(data) if given and data is not None else None
        return self.signature.arguments(payload, context, given=given)

    @overload
    async def trigger(
        self: Task[None, R], payload: None = None, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> RunHandle[R]: ...
    @overload
    async def trigger(
        self, payload: P, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> RunHandle[R]: ...
    async def trigger(
        self, payload: Any = MISSING, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> RunHandle[R]:
        """Queue a run; when this returns it survives a kill and power loss. It starts a trace of its own."""
        submitter = get_submitter()
        ids = await submitter.submit([self.request(payload, delay, tags)], verb="trigger")
        return RunHandle(ids[0], self.id, self.result_codec, submitter)

    @overload
    async def trigger_and_wait(
        self: Task[None, R], payload: None = None, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> R: ...
    @overload
    async def trigger_and_wait(self, payload: P, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()) -> R: ...
    async def trigger_and_wait(
        self, payload: Any = MISSING, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> R:
        """Queue a run, wait for it and return its value. Raises ChildRunError if it does not complete.

        Inside a run it is in the caller's trace and is cancelled with it, and the caller's slot is free meanwhile.
        """
        request = self.request(payload, delay, tags)
        return self._result((await get_submitter().submit_and_wait([request], verb="trigger_and_wait"))[0]).unwrap()

    async def batch_trigger(
        self, payloads: Sequence[P], /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> BatchHandle[R]:
        """Queue a run for each payload (up to 1,000), all or none."""
        requests = self._requests(payloads, delay, tags)
        submitter = get_submitter()
        ids = await submitter.submit(requests, verb="batch_trigger") if requests else []
        handles = [RunHandle[R](run_id, self.id, self.result_codec, submitter) for run_id in ids]
        return BatchHandle(handles, self.result_codec, submitter)

    async def batch_trigger_and_wait(
        self, payloads: Sequence[P], /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
    ) -> list[RunResult[R]]:
        """Queue a run for each payload and wait for all; the results are in that order, failed ones too."""
        requests = self._requests(payloads, delay, tags)
        if not requests:
            return []
        runs = await get_submitter().submit_and_wait(requests, verb="batch_trigger_and_wait")
        return [self._result(run) for run in runs]

    def _result(self, run: Run) -> RunResult[R]:
        return RunResult.of(run, self.result_codec)

    def request(self, payload: Any, delay: float | timedelta, tags: Sequence[str]) -> RunRequest:
        """A checked request for one run. Raises PayloadError, TaskError and ValueError."""
        all_tags = check_tags(tuple(dict.fromkeys((*self.tags, *check_tags(tags)))))
        return RunRequest(self.id, self._encode(payload), self.queue, delay_seconds(delay), all_tags)

    def _requests(self, payloads: Sequence[Any], delay: float | timedelta, tags: Sequence[str]) -> list[RunRequest]:
        if isinstance(payloads, (str, bytes, Mapping)) or not isinstance(payloads, Sized):
            raise PayloadError(
                f"the payloads for task {self.id!r} are a {type(payloads).__name__}",
                "a batch takes a list with one payload for each run",
                "batch_trigger([first, second])",
            )
        if len(payloads) > MAX_BATCH:
            raise PayloadError(
                f"{len(payloads):,} payloads for task {self.id!r} in one batch", f"the limit is {MAX_BATCH:,}",
                f"batch_trigger(payloads[:{MAX_BATCH}]), and so on",
            )  # fmt: skip
        return [self.request(payload, delay, tags) for payload in payloads]

    def _encode(self, payload: Any) -> bytes | None:
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
        return current_run(None) or Context(self.info, attempt=AttemptInfo(1, self.retry.max_attempts))

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


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags. Raises TaskError if there are too many, or one is too long, empty or no text."""
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise TaskError(f"tags are {tags!r}", "tags are a list of texts", 'tags=["billing"]')
    if len(tags) > MAX_TAGS:
        raise TaskError(f"{len(tags)} tags", f"a run has {MAX_TAGS} at most: the task's own and those of the trigger")
    for tag in tags:
        if not 1 <= len(tag) <= MAX_TAG_LENGTH:
            raise TaskError(f"the tag {tag[:40]!r} has {len(tag)} characters", f"a tag has 1 to {MAX_TAG_LENGTH}")
    return tuple(tags)
