"""The engine port: what the executor asks of whoever delivers runs.

An engine only delivers: it keeps runs durably, hands them out under a lease where their queue has room, takes them
back, redelivers when a worker dies, and carries a cancel. What a run means (attempts, retries, limits, hooks, outcome,
schedules) is the executor's.

The words of the contract: a run that `submit` took is never dropped; a run reaches one terminal status and stays there;
every write about an attempt carries its fencing token, and a late writer loses. A run counts against its queue while
it is EXECUTING under a live lease, and at no other time. Times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from runlog.stores.base import Run
from runlog.tasks.states import MetadataChange, QueueState, ScheduleState, TaskDeclaration, Token

CRASH_BUDGET = 3
"""A run that took down this many workers is CRASHED."""

WAIT_PREFIX = "wait_"
"""The ids of tokens that only remember until when a wait lasts begin so; they are not listed."""


class Idempotency(msgspec.Struct, frozen=True, gc=False):
    """Runs of one task with one key are one run, until it expires or the run fails."""

    key: str
    """Resolved: its scope is in it."""
    expires: int


class Debounce(msgspec.Struct, frozen=True, gc=False):
    """A run that is delayed under this key takes the trigger in, and is put off by its delay."""

    key: str
    trailing: bool = False
    """The newest payload and tags count, not the first."""
    until: int | None = None
    """A duration (ns): the run is not put off beyond its creation and this, or without end."""


class NewRun(msgspec.Struct, frozen=True, gc=False):
    """A run to be queued."""

    run_id: str
    task: str
    queue: str
    payload: bytes | None
    """JSON, or None where none was given."""
    available: int
    """Not before this time."""
    created: int
    trace_id: bytes
    span_id: bytes
    """The run's root span, under which its attempts are."""
    parent_run_id: str | None = None
    root_run_id: str | None = None
    parent_span_id: bytes | None = None
    """The span that the root span is under: for runs in their parent's trace."""
    waited: bool = False
    """The parent waits for it, so it is cancelled with the parent."""
    links: tuple[tuple[bytes, bytes], ...] = ()
    """(trace id, span id) of what triggered it, where it starts a trace of its own."""
    tags: tuple[str, ...] = ()
    concurrency_key: str | None = None
    """The queue's limit counts for the runs of each key by themselves."""
    priority: int = 0
    """Among the runs that are ready it stands as if it had been so this much earlier (ns)."""
    expires: int | None = None
    """EXPIRED if no attempt has begun by then."""
    idempotency: Idempotency | None = None
    debounce: Debounce | None = None
    version: str | None = None
    """Only for workers of this version of the code."""
    metadata: bytes | None = None
    """JSON, an object."""
    options: dict[str, Any] | None = None
    """What else was asked for, as plain data: the executor's, told in `Run.options`."""
    queue_is_guess: bool = False
    """What the task declares counts instead; while that is not known, its id."""


class Submitted(msgspec.Struct, frozen=True, gc=False):
    """What became of one new run: it, or the one that stands for it."""

    run_id: str
    trace_id: bytes
    span_id: bytes
    cached: Literal["idempotency", "debounce"] | None = None
    """Why it is an earlier run."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker takes."""

    tasks: tuple[str, ...]
    queues: tuple[str, ...] | None = None
    """Only from these queues."""
    limits: Mapping[str, int | None] = field(default_factory=dict)
    """Queue → runs at once, as the worker's code declares it; None is no limit. The newest declaration counts."""
    version: str | None = None
    """The version of the worker's code."""
    declared: Mapping[str, TaskDeclaration] = field(default_factory=dict)
    """Task → what the worker's code says of it. The newest declaration counts, also when its worker has ended; runs
    whose queue was a guess, and that no attempt of has begun, go to the declared one before any is claimed."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """An attempt handed to a worker, under a lease."""

    run: NewRun
    """`metadata` and `tags` are those of now; `debounce` is left out."""
    attempt: int
    """1 for the first. A crash makes the next attempt a new number, a shutdown does not."""
    crashes: int
    """How many of the attempts before ended with the death of their worker; they use up no attempt."""
    token: int
    """The fencing token: grows with every delivery of the run."""
    started: int
    """The start of the first attempt."""
    retry_from: int | None = None
    """When the last attempt ended, if it failed and this one is its retry."""
    version: str | None = None
    """The version of the code that the first attempt ran on."""
    worker: str | None = None
    """The name of the worker that has it."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How an attempt ended: with a terminal status, or with DELAYED or QUEUED to run again at `available`."""

    status: str
    output: bytes | None = None
    """JSON."""
    error: dict[str, Any] | None = None
    """Plain data: `{"type", "message"}` and, where there is one, `exception`."""
    available: int | None = None
    reason: str | None = None
    uses_attempt: bool = True
    """False where the attempt was interrupted by a shutdown: the next one has the same number."""
    crashed: bool = False
    """The process of the attempt died: the crash budget pays, and the next attempt has a new number."""
    cause: dict[str, Any] | None = None
    """The reason as data; see `Run.cause`."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """What a running attempt is told: to stop, as a cancel was asked for or its lease is another worker's now; or,
    "stacks", to write down where it is."""

    kind: Literal["cancel", "lost", "stacks"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The newest version of a run, and where it stands in the order of changes."""

    run_id: str
    version: int
    cursor: tuple[int, int]
    """(time, number): grows with every change."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker that is registered."""

    name: str
    started: int
    seen: int
    """When it last claimed, polled or renewed a lease."""
    alive: bool
    work: Work
    """Without `declared`."""
    running: int
    """Runs that it has."""


OnChange = Callable[[Run], None]
"""Called with every committed change of a run, after the commit and before the call that made it returns, from any
thread. `payload` and `output` are JSON in bytes; they, `metadata` and `options` are None in a change that does not
touch them. It must not wait for anything."""


Refused = Callable[[Delivery], None]
"""Told of an attempt whose end was not taken, as its lease is no longer held. From any thread; it must not wait."""


class Engine(Protocol):
    """All methods may be called from any event loop; none blocks it.

    Those that talk to the queue raise StoreError where it cannot be read or written.
    """

    @property
    def worker_name(self) -> str | None:
        """This process's name in the queue, once there is one."""
        ...

    async def declaration(self, task: str) -> TaskDeclaration | None:
        """What a worker declared of this task last; None if none did."""
        ...

    async def submit(self, runs: Sequence[NewRun]) -> list[Submitted]:
        """Queue runs, all or none; say of each, in order, which run it became. When it returns they survive a kill and
        power loss."""
        ...

    async def claim(self, work: Work, limit: int) -> list[Delivery]:
        """Wait until there is such work and take up to `limit` runs, of no queue more than it has room for; they are
        EXECUTING then.

        Cancel the call to stop waiting: what it had taken is queued again, with no attempt used."""
        ...

    def watch(self, delivery: Delivery, callback: Callable[[Interrupt], None]) -> None:
        """Have `callback` called from any thread: once when the attempt has to stop (at once if it has to), and each
        time that its stacks are asked for."""
        ...

    def mark(
        self,
        delivery: Delivery,
        status: Literal["EXECUTING", "WAITING"],
        reason: str | None = None,
        cause: dict[str, Any] | None = None,
    ) -> None:
        """Say that a running attempt waits for something, which gives its place in the queue back, or goes on, whether
        there is a place or not: for attempts that are being ended. Does not wait; kept in the order of calls."""
        ...

    async def resume(self, delivery: Delivery) -> None:
        """Wait until the queue of a WAITING attempt has room, before any new run does; it is EXECUTING then. Returns
        also when the lease is lost. Cancel the call to go on waiting for something else."""
        ...

    async def finish(self, delivery: Delivery, outcome: Outcome) -> bool:
        """End an attempt; False if its lease is no longer held, and then nothing is changed.

        A run whose cancel was asked for is not queued again: it is CANCELED. Children that the attempt waited for are
        cancelled unless it completed; while the run is tried again, those with an idempotency key live on, for the
        next attempt will ask for them. Does not raise for a queue that is locked, full or gone: it goes on trying."""
        ...

    async def lost(self, delivery: Delivery) -> str | None:
        """Why an attempt has lost its lease; None if it has it. The queue is asked only if it was not seen for a
        while, and if it does not answer within seconds, the lease is believed to be held."""
        ...

    def finish_soon(self, delivery: Delivery, outcome: Outcome, refused: Refused | None = None) -> None:
        """`finish`, without waiting for it: kept in the order of calls, and done before `close` gives leases up. Where
        `finish` is False, `refused` is told."""
        ...

    async def flush(self) -> None:
        """Wait until all is done that `finish_soon` and `mark` were called for, however long the queue is locked."""
        ...

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        """Ask for a cancel of a run and of its children that are waited for; False if it had ended already.

        A queued run is CANCELED when this returns; a running one as soon as its worker has stopped it. Raises
        RunNotFound."""
        ...

    async def reschedule(self, run_id: str, available: int) -> bool:
        """Have a run that no attempt of has begun start at another time; False if it is past that. Raises
        RunNotFound."""
        ...

    async def ask_for_stacks(self, run_id: str) -> bool:
        """Have the worker of a run write down where it is; False if no worker has it. Raises RunNotFound."""
        ...

    async def change_metadata(self, run_id: str, changes: Sequence[MetadataChange], tags: Sequence[str] = ()) -> None:
        """Change a run's metadata, and add tags, in one commit. Does nothing to a run that has ended. Raises
        RunNotFound, and PayloadError if the metadata would be over its limit."""
        ...

    async def get(self, run_id: str) -> Run:
        """The engine's truth about a run, with payload, output and metadata (JSON in bytes) and error. Raises
        RunNotFound."""
        ...

    async def explain(self, run_id: str) -> Run:
        """`get`, with `reason` and `cause` as they are now: for a run that does not execute, what it waits for.
        Raises RunNotFound."""
        ...

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait until all these runs are terminal; return them in the order asked for. Raises RunNotFound."""
        ...

    async def changes(self, after: tuple[int, int], limit: int) -> list[Change]:
        """The first `limit` runs that changed last after a cursor, oldest change first: for a log that may lack some.

        `(time, 0)` is before whatever changed at this time."""
        ...

    async def queues(self) -> list[QueueState]:
        """The queues that were declared or have runs that have not ended, by name."""
        ...

    async def pause(self, queue: str, *, paused: bool = True) -> None:
        """Hand out no more runs of a queue, or (`paused=False`) go on. What executes goes on either way."""
        ...

    async def workers(self) -> list[WorkerState]:
        """The registered workers, also those that died and were not noticed yet."""
        ...

    async def create_token(
        self,
        token_id: str,
        *,
        expires: int | None = None,
        idempotency: Idempotency | None = None,
        run_id: str | None = None,
        tags: Sequence[str] = (),
    ) -> Token:
        """Keep a token durably; while a token has the same idempotency key, return that one."""
        ...

    async def complete_token(self, token_id: str, output: bytes | None = None) -> bool:
        """Complete a token; False if it was ended already. Raises TokenNotFound."""
        ...

    async def tokens(self, token_ids: Sequence[str] | None = None, limit: int = 100) -> list[Token]:
        """These tokens, or the newest. Raises TokenNotFound."""
        ...

    async def wait_for_token(self, token_id: str) -> Token:
        """Wait until a token is completed or its time is over. Raises TokenNotFound."""
        ...

    async def keep_schedules(self, schedules: Sequence[ScheduleState]) -> list[ScheduleState]:
        """Declare schedules; return them as they are known. A worker does it again and again, with the same `planned`:
        when it began to. That counts for a schedule that is new. Where task, cron or timezone differ, the declaration
        counts whose `planned` is the newest, and nothing planned before it is caught up with."""
        ...

    async def schedules(self) -> list[ScheduleState]: ...

    async def pause_schedule(self, schedule_id: str, *, paused: bool = True) -> None:
        """Run it no more, or (`paused=False`) from now on again. Raises ScheduleNotFound."""
        ...

    async def fire(self, schedule_id: str, planned: int, run: NewRun | None) -> bool:
        """Queue the run of a planned time, and remember the time, in one commit; without a run remember it only. False
        if that time or a later one was served, or the schedule is paused: nothing is done then."""
        ...

    async def prune(self, ended_before: int) -> int:
        """Forget runs that ended before this time, but for those whose idempotency key stands, and tokens with them;
        return how many runs."""
        ...

    async def close(self) -> None:
        """Give up the leases still held (their runs are queued again, no attempt used) and release everything."""
        ...
