"""The engine port: what the executor asks of whoever delivers runs.

An engine only delivers: it keeps runs durably, hands them out under a lease, takes them back, redelivers when a worker
dies, and carries a cancel. What a run means (attempts, retries, limits, hooks, outcome) is the executor's.

The words of the contract: a run that `submit` took is never dropped; a run reaches one terminal status and stays there;
every write about an attempt carries its fencing token, and a late writer loses. Times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runlog.stores.base import Run

CRASH_BUDGET = 3
"""A run that took down this many workers is CRASHED."""


@dataclass(frozen=True, slots=True)
class NewRun:
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """An attempt handed to a worker, under a lease."""

    run: NewRun
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


@dataclass(frozen=True, slots=True)
class Outcome:
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


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Why a running attempt has to stop: a cancel was asked for, or its lease is another worker's now."""

    kind: Literal["cancel", "lost"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The newest version of a run, and where it stands in the order of changes."""

    run_id: str
    version: int
    cursor: tuple[int, int]
    """(time, number): grows with every change."""


OnChange = Callable[[Run], None]
"""Called with every committed change of a run, after the commit and before the call that made it returns, from any
thread. `payload` and `output` are JSON in bytes; they are None in a change that does not touch them. It must not wait
for anything."""


class Engine(Protocol):
    """All methods may be called from any event loop; none blocks it.

    Those that talk to the queue raise StoreError where it cannot be read or written.
    """

    async def submit(self, runs: Sequence[NewRun]) -> None:
        """Queue runs, all or none. When it returns they survive a kill and power loss."""
        ...

    async def claim(self, tasks: Sequence[str], limit: int) -> list[Delivery]:
        """Wait until there is work for these tasks and take up to `limit` runs; they are EXECUTING then.

        Cancel the call to stop waiting: what it had taken is queued again, with no attempt used."""
        ...

    def watch(self, delivery: Delivery, callback: Callable[[Interrupt], None]) -> None:
        """Have `callback` called, once and from any thread, when the attempt has to stop; at once if it has to."""
        ...

    def mark(self, delivery: Delivery, status: Literal["EXECUTING", "WAITING"], reason: str | None = None) -> None:
        """Say that a running attempt waits for something, or goes on. Does not wait; kept in the order of calls."""
        ...

    async def finish(self, delivery: Delivery, outcome: Outcome) -> bool:
        """End an attempt; False if its lease is no longer held, and then nothing is changed.

        A run whose cancel was asked for is not queued again: it is CANCELED. Children that the attempt waited for are
        cancelled unless it completed. Does not raise for a queue that is locked, full or gone: it goes on trying."""
        ...

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        """Ask for a cancel of a run and of its children that are waited for; False if it had ended already.

        A queued run is CANCELED when this returns; a running one as soon as its worker has stopped it. Raises
        RunNotFound."""
        ...

    async def get(self, run_id: str) -> Run:
        """The engine's truth about a run, with payload and output (JSON in bytes) and error. Raises RunNotFound."""
        ...

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait until all these runs are terminal; return them in the order asked for. Raises RunNotFound."""
        ...

    async def changes(self, after: tuple[int, int], limit: int) -> list[Change]:
        """The first `limit` runs that changed last after a cursor, oldest change first: for a log that may lack some.

        `(time, 0)` is before whatever changed at this time."""
        ...

    async def prune(self, ended_before: int) -> int:
        """Forget runs that ended before this time; return how many."""
        ...

    async def close(self) -> None:
        """Give up the leases still held (their runs are queued again, no attempt used) and release everything."""
        ...
