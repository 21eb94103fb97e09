"""How a task reaches an engine without knowing one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol

from runlog.errors import ProjectNotOpen
from runlog.stores.base import Event, Page, Run
from runlog.stores.query import Query
from runlog.tasks.states import QueueState, ScheduleState, TaskDeclaration, Token

Scope = Literal["run", "attempt", "global"]


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """An idempotency key, to be resolved where the run that asks is known."""

    key: str
    scope: Scope | None
    """None: run inside a run, global outside."""
    ttl: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class DebounceRequest:
    key: str
    mode: Literal["leading", "trailing"]
    max_delay: float | None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run to be triggered, validated already. Durations are seconds, times nanoseconds since 1970 UTC."""

    task: str
    payload: bytes | None
    """JSON, or None where none was given."""
    queue: str
    queue_is_guess: bool = False
    """No queue was asked for, and nobody here knows what the task declares."""
    delay: float = 0.0
    run_at: int | None = None
    """Instead of `delay`."""
    ttl: float | None = None
    tags: tuple[str, ...] = ()
    concurrency_key: str | None = None
    priority: float = 0.0
    idempotency: KeyRequest | None = None
    debounce: DebounceRequest | None = None
    metadata: bytes | None = None
    """JSON, an object."""
    max_attempts: int | None = None
    max_duration: float | None = None
    version: str | None = None
    replay_of: str | None = None
    schedule_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    timeout: float | None = None
    """Seconds."""
    idempotency: KeyRequest | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """What a subscription brings: a run as it is now (its state, tags or metadata changed), or an event of it."""

    run: Run
    event: Event | None = None


class Submitter(Protocol):
    """What the open project offers to tasks and handles. Runs of the engine come back with payload, output and
    metadata as JSON in bytes, those of the log as plain data."""

    async def declaration(self, task: str) -> TaskDeclaration | None:
        """What the newest worker with this task declared of it; None if there was no such worker yet."""
        ...

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        """Queue runs, all or none, under a span `<task>.<verb>()`; return their ids. Each starts its own trace.

        A request that an earlier run stands for (idempotency key, debounce) gives that run's id, and a span `<task>
        (cached)` or `(debounced)` that links to it. Raises PayloadError if a payload or the metadata is over its
        limit; then nothing is queued."""
        ...

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        """Queue runs and wait for them, all under one span. They belong to the caller's trace, and are cancelled with
        the caller's run."""
        ...

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait until these runs are terminal. Inside a run the caller gives its slot back meanwhile."""
        ...

    async def get(self, run_id: str) -> Run:
        """The run, with the reason and cause as they are now."""
        ...

    async def cancel(self, run_id: str, reason: str | None = None) -> bool: ...

    async def ask_for_stacks(self, run_id: str) -> bool:
        """Have the worker of a run write its stacks into the log; False if no worker executes it."""
        ...

    async def reschedule(self, run_id: str, *, delay: float | None, run_at: int | None) -> bool: ...

    async def replay(self, run_id: str, payload: bytes | None = None) -> str:
        """Trigger a run with the payload (or this one instead), queue, tags and options of another; return its id.
        Raises PayloadError where the stored payload is no longer whole."""
        ...

    async def find(self, query: Query | None, *, cursor: str | None, limit: int) -> Page[Run]:
        """Runs in the log that match, newest first."""
        ...

    def subscribe(self, run_ids: Sequence[str] | None, tags: Sequence[str]) -> AsyncGenerator[News, None]:
        """What happens in these runs until all have ended, from their beginning; or, without ids, in every run that has
        these tags, from now on."""
        ...

    async def sleep(self, until: int, *, verb: str, idempotency: KeyRequest | None) -> None:
        """Wait until a time (ns) under a span `wait.<verb>()`. Inside a run the caller gives its slot back. With a key
        it is the time of the first call that counts."""
        ...

    async def create_token(self, request: TokenRequest) -> Token: ...

    async def callback_url(self, token_id: str) -> str | None:
        """Where a POST completes the token; None where the key for it cannot be kept."""
        ...

    async def complete_token(self, token_id: str, output: bytes | None) -> bool: ...

    async def tokens(self, token_ids: Sequence[str] | None, limit: int) -> list[Token]: ...

    async def wait_for_token(self, token_id: str, timeout: float | None) -> Token:  # noqa: ASYNC109 - no error
        """Wait for a token under a span `wait.for_token()`, `timeout` seconds at most: PENDING is returned then."""
        ...

    async def queues(self) -> list[QueueState]: ...

    async def pause_queue(self, queue: str, *, paused: bool) -> None: ...

    async def schedules(self) -> list[ScheduleState]: ...

    async def pause_schedule(self, schedule_id: str, *, paused: bool) -> None: ...


current_submitter: ContextVar[Submitter | None] = ContextVar("runlog-submitter", default=None)
_process_submitter: Submitter | None = None


def set_process_submitter(submitter: Submitter | None) -> Submitter | None:
    """Set the submitter for contexts that have none of their own; return the one before."""
    global _process_submitter
    before, _process_submitter = _process_submitter, submitter
    return before


def get_submitter() -> Submitter:
    """Return the open project's submitter. Raises ProjectNotOpen."""
    submitter = current_submitter.get() or _process_submitter
    if submitter is None:
        raise ProjectNotOpen(
            "no project is open, so there is no queue to put a run in",
            "trigger, wait and cancel need the project's engine",
            "async with runlog.open(): ...   # or `with runlog.open():` in sync code",
        )
    return submitter
