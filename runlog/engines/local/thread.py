"""The engine's thread: it owns the connection, commits in groups and looks after what other processes do."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import apsw

from runlog.engines.base import Delivery, Interrupt, OnChange, Outcome
from runlog.engines.local.attempts import Attempts
from runlog.engines.local.care import Care
from runlog.engines.local.erasing import Erasing
from runlog.engines.local.operations import Claim, Item, Operation, Stop, Wait, Waits, finishing
from runlog.engines.local.place import Place, Spare, say_moved
from runlog.engines.local.queue import Effects, Held, Queue, Scrub
from runlog.engines.local.replies import Reply, wake
from runlog.engines.local.workers import WorkerFiles, new_worker_name
from runlog.errors import ProjectNotOpen, RunlogError, StoreError
from runlog.system.sqlite import Database

GIVEN_BACK = Outcome("QUEUED", uses_attempt=False, reason="given back by its worker before it had ended")

_AT_ONCE = 1000
"""Operations in one transaction, at most."""
_RETRY = 0.1
"""Seconds until a queue that is locked, full or gone is tried again."""
_LAST_TRIES = 5.0
"""Seconds that an engine which is closed goes on trying; what is left then is healed by the next worker."""
_DAMAGED = (apsw.NotADBError, apsw.CorruptError)
_BUSY = (apsw.BusyError, apsw.LockedError)


class EngineThread(threading.Thread):
    """`put`, `watch`, `mark`, `finish`, `pause` and `go_on` are for other threads; the rest happens in this one."""

    def __init__(
        self,
        path: Path,
        on_change: OnChange,
        *,
        lease: float,
        poll: float,
        spare: Spare = None,
        scrub: Scrub | None = None,
    ) -> None:
        super().__init__(name="runlog-engine", daemon=True)
        self.worker = new_worker_name()
        self.moved_aside: Path | None = None
        self._path, self._on_change, self._poll_every = path, on_change, poll
        self._place, self._scrub = Place(path, spare), scrub
        self._erasing = Erasing()
        self._lease = int(lease * 1e9)
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._attempts = Attempts()
        self._busy = threading.Lock()
        self._paused = threading.local()
        self._files = WorkerFiles(path)
        self._care = Care(self._files, lease)
        self._database: Database | None = None
        self._queue: Queue | None = None
        self._backlog: list[Operation] = []
        self._claims: list[Claim] = []
        self._registered: tuple[str, ...] | None = None
        self._waits = Waits()
        self._data_version = -1
        self._polled = 0.0
        self._look = True
        self._due: int | None = None
        self._stopping: Stop | None = None
        self._stopping_by = 0.0
        self._stopped = False

    # For other threads.

    def put(self, item: Item) -> None:
        self._inbox.put(item)
        if self._stopped:
            self._refuse_all()

    def watch(self, delivery: Delivery, callback: Callable[[Interrupt], None]) -> None:
        self._attempts.watch(delivery, callback)

    def mark(self, delivery: Delivery, status: Literal["EXECUTING", "WAITING"], reason: str | None) -> None:
        held = self._attempts.find(delivery)
        if held is not None:
            self.put(Operation(lambda queue: queue.mark(held, status, reason, time.time_ns()), keep=True))

    def finish(self, delivery: Delivery, outcome: Outcome, reply: Reply[bool] | None = None) -> None:
        held = self._attempts.find(delivery)
        self.put(finishing(held, outcome, reply, partial(self._attempts.drop, delivery)))

    def pause(self) -> None:
        """Wait (a second at most) until no statement runs, and let none begin."""
        self._paused.here = self._busy.acquire(timeout=1.0)

    def go_on(self) -> None:
        if self._paused.here:
            self._busy.release()

    def leave_to_parent(self) -> None:
        """In a forked child: the files are the parent's."""
        self._files.leave_to_parent()

    # In this thread.

    def run(self) -> None:
        while not self._stopped:
            items = self._take()
            with self._busy:
                try:
                    self._turn(items)
                except Exception:  # noqa: BLE001 - the thread has to live: without it every run stands still
                    print("runlog: the engine goes on after an error of its own", file=sys.stderr)  # noqa: T201
                    traceback.print_exc()
                    time.sleep(_RETRY)
        self._refuse_all()

    def _take(self) -> list[Item]:
        items: list[Item] = []
        with suppress(Empty):
            patience = self._patience()
            items.append(self._inbox.get(timeout=patience) if patience != 0 else self._inbox.get_nowait())
            while len(items) < _AT_ONCE:
                items.append(self._inbox.get_nowait())
        return items

    def _patience(self) -> float | None:
        """Seconds to wait for the next operation; None is for ever."""
        if self._backlog:
            return _RETRY
        if self._stopping is not None or (self._look and self._claims):
            return 0
        if not (self._claims or self._waits or self._attempts):
            return self._erasing.patience if self._database is not None else None
        if self._claims and self._due is not None:
            return min(self._poll_every, max(0.0, (self._due - time.time_ns()) / 1e9))
        return self._poll_every

    def _turn(self, items: list[Item]) -> None:
        operations, reads, waits = self._sorted(items)
        operations = [*self._backlog, *operations]
        self._backlog = []
        try:
            queue = self._opened()
        except RunlogError as error:
            if isinstance(error.__cause__, _BUSY):  # locked: nobody's work is lost for that
                self._backlog = operations
                again: list[Item] = [*reads, *waits]
                for item in again:
                    self._inbox.put(item)
            else:
                self._fail(operations, reads, waits, error)
            if self._stopping is not None:
                self._end()
            return
        self._write(operations)
        self._read(queue, reads)
        for wait in waits:
            self._waits.begin(wait, queue)
        wake(wait.reply for wait in waits if wait.reply.is_settled)
        if self._claims or self._waits or self._attempts:
            self._poll(queue)
            self._write(self._care.look(queue, has_attempts=bool(self._attempts)))
        assert self._database is not None
        self._database.checkpoint_if_due()
        self._erasing.run(self._database)
        if self._stopping is not None:
            self._end()

    def _sorted(self, items: list[Item]) -> tuple[list[Operation], list[Operation], list[Wait]]:
        operations: list[Operation] = []
        reads: list[Operation] = []
        waits: list[Wait] = []
        for item in items:
            match item:
                case Operation():
                    (reads if item.reads else operations).append(item)
                case Claim():
                    self._claims.append(item)
                    self._look = True
                case Wait():
                    waits.append(item)
                case Stop():
                    self._stopping, self._stopping_by = item, time.monotonic() + _LAST_TRIES
                    operations += [
                        finishing(held, GIVEN_BACK, None, partial(self._attempts.drop, held.delivery))
                        for held in self._attempts.all()
                    ]
                case None:
                    self._waits.drop_abandoned()
        self._claims = [claim for claim in self._claims if not claim.reply.is_settled]
        return operations, reads, waits

    def _opened(self) -> Queue:
        if self._queue is None:
            self._database = self._place.open()
            if self._place.path != self._path:
                self._path = self._place.path
                self._files = WorkerFiles(self._path)
                self._care = Care(self._files, self._lease / 1e9)
            self.moved_aside = say_moved(self._database.moved_aside)
            self._queue = Queue(self._database.connection, self.worker, self._lease, self._scrub)
        return self._queue

    def _fail(self, operations: list[Operation], reads: list[Operation], waits: list[Wait], error: RunlogError) -> None:
        """There is no queue. What must not be lost is kept; who waits is told."""
        self._backlog = [operation for operation in operations if operation.keep]
        replies: list[Reply[Any] | None] = [item.reply for item in (*operations, *reads) if not item.keep]
        replies += [item.reply for item in waits]
        replies += [item.reply for item in self._claims]
        self._claims = []
        wake([reply for reply in replies if reply is not None and reply.put_error(error)])

    def _write(self, operations: list[Operation]) -> None:
        """Commit the operations, and claims that can be served, together; each alone if one of them is in the way."""
        if not operations and not self._worth_claiming():
            return
        try:
            self._commit(operations)
        except _BUSY:
            self._backlog += operations
            self._look = False  # the claims come again with the next look
            self._data_version = -1
        except Exception as error:  # noqa: BLE001 - told to whom it belongs
            if isinstance(error, _DAMAGED) and self._database is not None:
                self._database.replace_damaged()
                self.moved_aside = say_moved(self._database.moved_aside)
                self._queue = None
                self._opened()
            self._look = False
            self._data_version = -1
            if len(operations) > 1:
                for operation in operations:
                    self._write([operation])
            elif operations:
                self._failed(operations[0], error)
            else:
                self._refuse_claims(_store_error(self._path, error))

    def _failed(self, operation: Operation, error: Exception) -> None:
        if operation.keep:
            self._backlog.append(operation)
        elif operation.reply is not None:
            told = error if isinstance(error, RunlogError) else _store_error(self._path, error)
            if operation.reply.put_error(told):
                wake([operation.reply])

    def _worth_claiming(self) -> bool:
        if not self._claims or self._stopping is not None or self._queue is None:
            return False
        now = time.time_ns()
        if self._registered != self._claims[-1].tasks:
            return True
        if self._look or (self._due is not None and self._due <= now):
            self._look = False
            self._due = self._queue.next_available(self._registered)
        return self._due is not None and self._due <= now

    def _commit(self, operations: list[Operation]) -> None:
        assert self._database is not None
        assert self._queue is not None
        queue, now = self._queue, time.time_ns()
        queue.effects = effects = Effects()
        if self._claims and self._registered is None:
            self._take_lock()
        with self._database.transaction(durable=any(operation.durable for operation in operations)) as connection:
            if connection is not queue.connection:  # the file was replaced: it knows nothing of this worker
                queue.connection, self._registered = connection, None
            results = [operation.result(queue) for operation in operations]
            served = self._serve(queue, now)
        self._erasing.committed(erased=effects.erased)
        self._tell(effects)
        replies = [reply for run in effects.runs if run.is_terminal for reply in self._waits.settle(run)]
        replies += self._hand_over(served)
        for run_id, reason in effects.canceled:
            self._attempts.cancel(run_id, reason)
        for operation, result in zip(operations, results, strict=True):
            if operation.after is not None:
                operation.after()
            reply = operation.reply
            if reply is not None and (reply.put_error(result) if isinstance(result, Exception) else reply.put(result)):
                replies.append(reply)
        wake(replies)

    def _take_lock(self) -> None:
        """Without the lock that proves it alive, this worker must not have runs."""
        try:
            self._files.hold(self.worker)
        except OSError as error:
            self._refuse_claims(StoreError(f"cannot keep a lock file beside the queue {self._path}", str(error)))

    def _refuse_claims(self, error: StoreError) -> None:
        claims, self._claims = self._claims, []
        wake([claim.reply for claim in claims if claim.reply.put_error(error)])

    def _serve(self, queue: Queue, now: int) -> list[tuple[Claim, list[Held]]]:
        """Serve those who wait for work, in the transaction that may have brought it."""
        if not self._claims or self._stopping is not None:
            return []
        tasks = self._claims[-1].tasks
        if self._registered != tasks:
            queue.register(tasks, now)
            self._registered = tasks
        elif not (queue.effects.ready or self._look or (self._due is not None and self._due <= now)):
            return []
        claimed = [(claim, queue.claim(claim.tasks, claim.limit, now)) for claim in self._claims]
        served = [(claim, held) for claim, held in claimed if held]
        self._look = False
        self._due = queue.next_available(tasks) if len(served) < len(self._claims) else None
        return served

    def _hand_over(self, served: list[tuple[Claim, list[Held]]]) -> list[Reply[Any]]:
        replies = []
        for claim, held in served:
            self._claims.remove(claim)
            self._attempts.add(held)
            if claim.reply.put([item.delivery for item in held]):
                replies.append(claim.reply)
                continue
            for item in held:  # nobody waits any more
                self.finish(item.delivery, GIVEN_BACK)
        return replies

    def _tell(self, effects: Effects) -> None:
        for run in effects.runs:
            try:
                self._on_change(run)
            except Exception:  # noqa: BLE001 - the queue goes on, whatever becomes of its history
                print(f"runlog: a change of run {run.run_id} could not be recorded", file=sys.stderr)  # noqa: T201
                traceback.print_exc()

    def _read(self, queue: Queue, reads: list[Operation]) -> None:
        replies = []
        for operation in reads:
            reply = operation.reply
            assert reply is not None
            try:
                settled = reply.put(operation.action(queue))
            except RunlogError as error:
                settled = reply.put_error(error)
            except apsw.Error as error:
                settled = reply.put_error(_store_error(self._path, error))
            if settled:
                replies.append(reply)
        wake(replies)

    def _poll(self, queue: Queue) -> None:
        """Look at what other processes have done, if they have done anything."""
        clock = time.monotonic()
        if clock - self._polled < self._poll_every:
            return
        self._polled = clock
        with suppress(*_BUSY):
            version = queue.data_version()
            if version != self._data_version:
                self._data_version, self._look = version, True
                if self._attempts:
                    self._attempts.compare(queue.own_attempts())
                wake(self._waits.look(queue))

    def _end(self) -> None:
        """Close, when everything is written or it has taken too long."""
        if (self._backlog or not self._inbox.empty()) and time.monotonic() < self._stopping_by:
            return
        assert self._stopping is not None
        if self._database is not None and self._queue is not None:
            with suppress(apsw.Error, RunlogError, OSError):
                if self._registered is not None:
                    with self._database.transaction() as connection:
                        self._queue.connection = connection
                        self._queue.unregister(self.worker)
                self._database.checkpoint(truncate=True)
                self._database.close()
        self._files.release()
        self._place.remove()
        self._stopped = True
        self._stopping.reply.put(None)
        wake([self._stopping.reply])

    def _refuse_all(self) -> None:
        """Nobody serves any more: tell those who wait."""
        error = ProjectNotOpen("the project is closed", "its engine was closed while this call waited")
        items: list[Item] = [*self._backlog, *self._claims]
        with suppress(Empty):
            while True:
                items.append(self._inbox.get_nowait())
        closes = [item.reply for item in items if isinstance(item, Stop) and item.reply.put(None)]
        replies = [item.reply for item in items if item is not None and item.reply is not None]
        wake([*closes, *self._waits.refuse(error), *(reply for reply in replies if reply.put_error(error))])


def _store_error(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot use the queue {path}", f"{type(error).__name__}: {error}")
