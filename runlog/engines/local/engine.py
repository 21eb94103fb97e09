"""The embedded engine: the queue in one SQLite file, for any number of worker processes on one machine."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from anyio import move_on_after

from runlog.engines.base import (
    Change,
    Delivery,
    Interrupt,
    NewRun,
    OnChange,
    Outcome,
    Refused,
    Submitted,
    Work,
    WorkerState,
)
from runlog.engines.local import admission, declaring, ending, reading, submitting, workforce
from runlog.engines.local.extras import Extras
from runlog.engines.local.leaving import OnLost
from runlog.engines.local.looking import explained
from runlog.engines.local.operations import Claim, Operation, Stop, Wait
from runlog.engines.local.queue import Queue, Scrub
from runlog.engines.local.replies import Reply
from runlog.engines.local.thread import GIVEN_BACK, EngineThread
from runlog.errors import ProjectNotOpen, RunlogError, StoreError
from runlog.stores.base import Run
from runlog.tasks.states import MetadataChange, QueueState, TaskDeclaration

T = TypeVar("T")

_PRUNED_AT_ONCE = 500
_PATIENCE = 2.0
"""Seconds for a queue that is locked to say whether an attempt has its lease."""


class LocalEngine(Extras):
    """The engine port on `path` (`queue.db`); see `Engine` for what each method promises.

    One thread of its own talks to SQLite. What arrives while it commits shares the next commit, so the more work there
    is, the cheaper each operation. Work in the same process is known at once; that of other processes by a look at
    the file's version every `poll` seconds. A fork leaves the child with an engine that starts anew at its first use,
    without any of the parent's work.
    """

    def __init__(
        self,
        path: Path,
        on_change: OnChange,
        *,
        lease: float = 12.0,
        poll: float = 0.05,
        spare: Callable[[StoreError], None] | None = None,
        scrub: Scrub | None = None,
        lost: OnLost = None,
    ) -> None:
        """`lease` (seconds) is for how long a worker that shows no sign of life keeps its runs where its death cannot
        be seen; it is renewed every third of it. Nothing is opened before the first use.

        With `spare`, where `path` cannot be written (a read-only folder, a full disk), the queue is a temporary one of
        this process alone, and `spare` is told why, in the engine's thread. Without, every call raises StoreError.

        `scrub` takes the secrets out of a payload when its run has ended.

        A queue that is deleted or replaced while it is in use is noticed within seconds if this process works or waits.
        It goes on with the new one; the runs that are lost are told as CRASHED, and `lost` is told of them."""
        self.path, self._on_change, self._lease, self._poll = path, on_change, lease, poll
        self._spare, self._scrub, self._lost = spare, scrub, lost
        self._thread: EngineThread | None = None
        self._starting = threading.Lock()
        self._closed = False
        _engines.add(self)

    @property
    def worker_name(self) -> str | None:
        """See Engine.worker_name."""
        return self._thread.worker if self._thread else None

    @property
    def moved_aside(self) -> Path | None:
        """Where a damaged queue was moved to, if one was found."""
        return self._thread.moved_aside if self._thread else None

    def _running(self) -> EngineThread:
        if self._closed:
            raise ProjectNotOpen("the project is closed", "its engine was used after the end of runlog.open()")
        with self._starting:
            thread = self._thread
            if thread is None:
                thread = EngineThread(
                    self.path,
                    self._on_change,
                    lease=self._lease,
                    poll=self._poll,
                    spare=self._spare,
                    scrub=self._scrub,
                    lost=self._lost,
                )
                self._thread = thread
                thread.start()
        return thread

    async def _ask(self, action: Callable[[Queue], T], *, durable: bool = False, keep: bool = False) -> T:
        reply: Reply[T] = Reply()
        self._running().put(Operation(action, reply, durable=durable, keep=keep))
        return await reply.wait()

    async def _read(self, action: Callable[[Queue], T]) -> T:
        reply: Reply[T] = Reply()
        self._running().put(Operation(action, reply, reads=True))
        return await reply.wait()

    async def declaration(self, task: str) -> TaskDeclaration | None:
        return await self._read(lambda queue: declaring.declaration(queue, task))

    async def submit(self, runs: Sequence[NewRun]) -> list[Submitted]:
        runs = list(runs)
        return await self._ask(lambda queue: submitting.submit(queue, runs, time.time_ns()), durable=True)

    async def claim(self, work: Work, limit: int) -> list[Delivery]:
        reply: Reply[list[Delivery]] = Reply()
        thread = self._running()
        thread.put(Claim(work, limit, reply))
        try:
            return await reply.wait()
        except BaseException:
            if reply.abandon():
                thread.put(None)  # it drops what nobody waits for
            else:
                with suppress(Exception):
                    for delivery in reply.result():
                        thread.finish(delivery, GIVEN_BACK)
            raise

    def watch(self, delivery: Delivery, callback: Callable[[Interrupt], None]) -> None:
        self._running().attempts.watch(delivery, callback)

    def mark(
        self,
        delivery: Delivery,
        status: Literal["EXECUTING", "WAITING"],
        reason: str | None = None,
        cause: dict[str, Any] | None = None,
    ) -> None:
        self._running().mark(delivery, status, reason, cause)

    async def resume(self, delivery: Delivery) -> None:
        reply: Reply[None] = Reply()
        thread = self._running()
        resume = thread.resume(delivery, reply)
        if resume is None:
            return
        try:
            await reply.wait()
        except BaseException:
            reply.abandon()
            thread.go_on_waiting(resume)
            raise

    async def finish(self, delivery: Delivery, outcome: Outcome) -> bool:
        reply: Reply[bool] = Reply()
        self._running().finish(delivery, outcome, reply)
        return await reply.wait()

    async def lost(self, delivery: Delivery) -> str | None:
        try:
            lost = self._running().attempts.lost(delivery)
            if not callable(lost):
                return lost
            with move_on_after(_PATIENCE):
                return await self._read(lost)
        except RunlogError:  # it will be seen when the attempt is to be ended there
            pass
        return None

    def finish_soon(self, delivery: Delivery, outcome: Outcome, refused: Refused | None = None) -> None:
        self._running().finish(delivery, outcome, refused=refused)

    async def flush(self) -> None:
        if self._thread is not None:
            await self._ask(lambda _: None, keep=True)

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        return await self._ask(lambda queue: ending.cancel(queue, run_id, reason, time.time_ns()), durable=True)

    async def reschedule(self, run_id: str, available: int) -> bool:
        return await self._ask(
            lambda queue: submitting.reschedule(queue, run_id, available, time.time_ns()), durable=True
        )

    async def ask_for_stacks(self, run_id: str) -> bool:
        return await self._ask(lambda queue: submitting.ask_for_stacks(queue, run_id))

    async def change_metadata(self, run_id: str, changes: Sequence[MetadataChange], tags: Sequence[str] = ()) -> None:
        changes, tags = list(changes), list(tags)
        await self._ask(lambda queue: submitting.change_metadata(queue, run_id, changes, tags, time.time_ns()))

    async def get(self, run_id: str) -> Run:
        return await self._read(lambda queue: reading.get(queue, run_id))

    async def explain(self, run_id: str) -> Run:
        thread = self._running()
        return await self._read(lambda queue: explained(queue, run_id, thread.files, time.time_ns()))

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        reply: Reply[dict[str, Run]] = Reply()
        thread = self._running()
        thread.put(Wait(frozenset(run_ids), reply))
        try:
            ended = await reply.wait()
        finally:
            if reply.abandon():
                thread.put(None)
        return [ended[run_id] for run_id in run_ids]

    async def changes(self, after: tuple[int, int], limit: int) -> list[Change]:
        return await self._read(lambda queue: reading.changes(queue, after, limit))

    async def queues(self) -> list[QueueState]:
        thread = self._running()
        return await self._read(lambda queue: reading.queues(queue, thread.files))

    async def pause(self, queue: str, *, paused: bool = True) -> None:
        await self._ask(lambda connected: admission.pause(connected, queue, paused=paused), durable=True)

    async def workers(self) -> list[WorkerState]:
        thread = self._running()
        return await self._read(lambda queue: workforce.workers(queue, thread.files))

    async def prune(self, ended_before: int) -> int:
        total, after = 0, (0, 0)
        while True:
            step = partial(_prune, ended_before=ended_before, after=after)
            count, reached = await self._ask(step)
            total += count
            if reached == after:
                break
            after = reached
        await self._prune_extras(ended_before)
        return total

    async def close(self) -> None:
        self._closed = True
        thread = self._thread
        if thread is not None:
            reply: Reply[None] = Reply()
            thread.put(Stop(reply))
            await reply.wait()

    def _before_fork(self) -> None:
        if self._thread is not None:
            self._thread.pause()

    def _after_fork_in_parent(self) -> None:
        if self._thread is not None:
            self._thread.go_on()

    def _after_fork_in_child(self) -> None:
        thread, self._thread, self._starting = self._thread, None, threading.Lock()
        if thread is not None:
            thread.leave_to_parent()


def _prune(queue: Queue, ended_before: int, after: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    return workforce.prune(queue, ended_before, after, _PRUNED_AT_ONCE, time.time_ns())


_engines: weakref.WeakSet[LocalEngine] = weakref.WeakSet()


def _each(action: Callable[[LocalEngine], Any]) -> Callable[[], None]:
    def run() -> None:
        for engine in list(_engines):
            action(engine)

    return run


# The lock that SQLite holds inside a call would stay locked in the child for ever: no fork during one.
os.register_at_fork(
    before=_each(LocalEngine._before_fork),
    after_in_parent=_each(LocalEngine._after_fork_in_parent),
    after_in_child=_each(LocalEngine._after_fork_in_child),
)
