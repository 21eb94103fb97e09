"""The engine's thread: it owns the connection, commits in groups and looks after what other processes do."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import apsw

from runlog.engines.base import Delivery, OnChange, Outcome, Refused
from runlog.engines.local.answers import answer_reads, begin_waits, refuse, store_error, tell_changes
from runlog.engines.local.attempts import Attempts
from runlog.engines.local.care import Care
from runlog.engines.local.ending import mark
from runlog.engines.local.erasing import Erasing
from runlog.engines.local.file import OpenedQueue
from runlog.engines.local.leaving import REASON, OnLost
from runlog.engines.local.operations import Claim, Item, Operation, Stop, Wait, Waits, finishing
from runlog.engines.local.place import Spare
from runlog.engines.local.queue import Queue, Scrub
from runlog.engines.local.reading import own_attempts
from runlog.engines.local.replies import Reply, wake
from runlog.engines.local.resuming import Resume, go_on_waiting
from runlog.engines.local.serving import Served, Serving
from runlog.engines.local.tokens import TokenWait
from runlog.engines.local.workers import WorkerFiles, new_worker_name
from runlog.engines.local.workforce import unregister
from runlog.errors import ProjectNotOpen, RunlogError, StoreError

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
    """`put`, `mark`, `finish`, `pause`, `go_on` and `attempts` are for other threads; the rest happens in this one."""

    def __init__(
        self,
        path: Path,
        on_change: OnChange,
        *,
        lease: float,
        poll: float,
        spare: Spare = None,
        scrub: Scrub | None = None,
        lost: OnLost = None,
    ) -> None:
        super().__init__(name="runlog-engine", daemon=True)
        self.worker = new_worker_name()
        self._path, self._on_change, self._poll_every, self._lease = path, on_change, poll, lease
        self._file, self._on_lost = OpenedQueue(path, self.worker, int(lease * 1e9), spare, scrub), lost
        self._erasing = Erasing()
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self.attempts = Attempts(lease)
        self._busy = threading.Lock()
        self._paused = threading.local()
        self._care = Care(self.files, lease)
        self._backlog: list[Operation] = []
        self._serving = Serving()
        self._waits = Waits()
        self._data_version = -1
        self._polled = 0.0
        self._stops: list[Stop] = []
        self._stopping_by = 0.0
        self._stopped = False

    # For other threads.

    @property
    def files(self) -> WorkerFiles:
        return self._file.files

    @property
    def moved_aside(self) -> Path | None:
        return self._file.moved_aside

    def put(self, item: Item) -> None:
        self._inbox.put(item)
        if self._stopped:
            self._refuse_all()

    def mark(
        self,
        delivery: Delivery,
        status: Literal["EXECUTING", "WAITING"],
        reason: str | None,
        cause: dict[str, Any] | None,
    ) -> None:
        held = self.attempts.find(delivery)
        if held is not None:
            self.put(Operation(lambda queue: mark(queue, held, status, reason, cause, time.time_ns()), keep=True))

    def resume(self, delivery: Delivery, reply: Reply[None]) -> Resume | None:
        """Have the reply given when the attempt goes on; None if it is not held any more."""
        held = self.attempts.find(delivery)
        if held is None:
            return None
        resume = Resume(held, time.time_ns(), reply)
        self.put(resume)
        return resume

    def go_on_waiting(self, resume: Resume) -> None:
        """The attempt was, or may have been, let go on, and nobody wants it to."""
        self.put(Operation(lambda queue: go_on_waiting(queue, resume, time.time_ns()), keep=True))

    def finish(
        self, delivery: Delivery, outcome: Outcome, reply: Reply[bool] | None = None, refused: Refused | None = None
    ) -> None:
        held = self.attempts.end(delivery)
        self.put(finishing(held, outcome, reply, partial(self._finished, delivery, refused)))

    def pause(self) -> None:
        """Wait (a second at most) until no statement runs, and let none begin."""
        self._paused.here = self._busy.acquire(timeout=1.0)

    def go_on(self) -> None:
        if self._paused.here:
            self._busy.release()

    def leave_to_parent(self) -> None:
        """In a forked child: the files are the parent's."""
        self.files.leave_to_parent()

    # In this thread.

    def run(self) -> None:
        while not self._stopped:
            items = self._take()
            with self._busy:
                operations, reads, waits = self._sorted(items)
                try:
                    self._turn(operations, reads, waits)
                except Exception as error:  # noqa: BLE001 - the thread has to live: without it every run stands still
                    print("runlog: the engine goes on after an error of its own", file=sys.stderr)  # noqa: T201
                    traceback.print_exc()
                    self._fail(operations, reads, waits, store_error(self._path, error))
                    time.sleep(_RETRY)
                if self._stops:
                    self._end()
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
        if self._stops:
            return 0
        if not (self._serving or self._waits or self.attempts):
            return self._erasing.patience if self._file.database is not None else None
        patience = self._serving.patience
        return self._poll_every if patience is None else min(self._poll_every, patience)

    def _turn(self, operations: list[Operation], reads: list[Operation], waits: list[Wait | TokenWait]) -> None:
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
                self._refuse_claims(error)
            return
        self._write(operations)
        answer_reads(reads, queue, self._path)
        begin_waits(waits, self._waits, queue, self._path)
        if self._serving or self._waits or self.attempts:
            self._poll(queue)
            due = self._waits.due(time.time_ns())
            claims = bool(self._serving) and self._serving.is_registered
            self._write(due + self._care.look(queue, works=bool(self.attempts) or claims))
        assert self._file.database is not None
        self._file.database.checkpoint_if_due()
        self._erasing.run(self._file.database)

    def _sorted(self, items: list[Item]) -> tuple[list[Operation], list[Operation], list[Wait | TokenWait]]:
        operations, self._backlog = self._backlog, []
        reads: list[Operation] = []
        waits: list[Wait | TokenWait] = []
        for item in items:
            match item:
                case Operation():
                    (reads if item.reads else operations).append(item)
                case Claim() | Resume():
                    self._serving.add(item)
                case Wait() | TokenWait():
                    waits.append(item)
                case Stop() if self._stops:
                    self._stops.append(item)
                case Stop():
                    self._stops, self._stopping_by = [item], time.monotonic() + _LAST_TRIES
                    operations += [
                        finishing(held, GIVEN_BACK, None, partial(self._finished, held.delivery, None))
                        for held in self.attempts.all()
                    ]
                case None:
                    self._waits.drop_abandoned()
        self._serving.drop_abandoned()
        return operations, reads, waits

    def _opened(self) -> Queue:
        queue = self._file.open()
        if self._file.path != self._path:
            self._path, self._care = self._file.path, Care(self.files, self._lease)
        self._adopt()
        return queue

    def _adopt(self) -> None:
        """Go on with the file that is open now. Another one than before knows nothing of this worker."""
        if self._file.is_another:
            lost = self._file.adopt()
            self._data_version = -1
            self._serving.begin_anew()
            if lost is not None:
                self.attempts.lose([run.run_id for run in lost.runs], REASON)
                tell_changes(lost.runs, self._on_change)
                if self._on_lost is not None:
                    self._on_lost(lost)

    def _fail(
        self, operations: list[Operation], reads: list[Operation], waits: list[Wait | TokenWait], error: RunlogError
    ) -> None:
        """What must not be lost is kept; who else waits is told."""
        self._backlog = [operation for operation in operations if operation.keep and not operation.done]
        refuse([*(operation for operation in operations if not operation.keep), *reads, *waits], error)

    def _write(self, operations: list[Operation]) -> None:
        """Commit the operations, and claims that can be served, together; each alone if one of them is in the way."""
        queue = self._file.queue
        if not operations and (self._stops or queue is None or not self._serving.is_worth_it(queue)):
            return
        try:
            self._commit(operations)
        except _BUSY:
            self._backlog += operations
            self._undone()
        except Exception as error:
            if any(operation.done for operation in operations):
                raise  # what went wrong came after the commit: nothing of it is done twice
            if isinstance(error, _DAMAGED) and self._file.database is not None:
                with suppress(RunlogError):  # it is tried again when the file is used next
                    self._file.database.replace_damaged()
                    self._adopt()
            self._undone()
            if len(operations) > 1:
                for operation in operations:
                    self._write([operation])
            elif operations:
                self._failed(operations[0], error)
            else:
                self._refuse_claims(store_error(self._path, error))

    def _failed(self, operation: Operation, error: Exception) -> None:
        if operation.keep:
            self._backlog.append(operation)
        else:
            refuse([operation], store_error(self._path, error))

    def _undone(self) -> None:
        """A transaction was rolled back. Who waits is served with the next look."""
        self._data_version = -1
        self._serving.not_committed()
        if self._file.queue is not None:
            self._file.queue.forget_settings()

    def _commit(self, operations: list[Operation]) -> None:
        assert self._file.database is not None
        assert self._file.queue is not None
        queue, now = self._file.queue, time.time_ns()
        effects = queue.begin()
        with self._file.database.transaction(durable=any(operation.durable for operation in operations)):
            self._adopt()
            if self._serving.claims and not self._serving.is_registered:
                self._take_lock()
            results = [operation.result(queue) for operation in operations]
            served = Served() if self._stops else self._serving.serve(queue, now, operations=bool(operations))
        self._erasing.committed(erased=effects.erased)
        for operation in operations:
            operation.done = True
        tell_changes(effects.runs, self._on_change)
        replies = [reply for run in effects.runs if run.is_terminal for reply in self._waits.settle(run)]
        replies += self._waits.settle_tokens(effects.tokens) + self._hand_over(served)
        for run_id, reason in effects.canceled:
            self.attempts.cancel(run_id, reason)
        for run_id in effects.asked:
            self.attempts.ask_for_stacks(run_id)
        for operation, result in zip(operations, results, strict=True):
            if operation.after is not None:
                operation.after(result)
            reply = operation.reply
            if reply is not None and (reply.put_error(result) if isinstance(result, Exception) else reply.put(result)):
                replies.append(reply)
        wake(replies)

    def _take_lock(self) -> None:
        """Without the lock that proves it alive, this worker must not have runs."""
        try:
            self.files.hold(self.worker)
        except OSError as error:
            self._refuse_claims(StoreError(f"cannot keep a lock file beside the queue {self._path}", str(error)))

    def _refuse_claims(self, error: RunlogError) -> None:
        claims, self._serving.claims = self._serving.claims, []
        refuse(claims, error)

    def _finished(self, delivery: Delivery, refused: Refused | None, ended: bool) -> None:
        self.attempts.drop(delivery)
        if refused is not None and not ended:
            refused(delivery)

    def _hand_over(self, served: Served) -> list[Reply[Any]]:
        replies: list[Reply[Any]] = []
        self._serving.done(served)
        for claim, held in served.claims:
            self.attempts.add(held)
            if claim.reply.put([item.delivery for item in held]):
                replies.append(claim.reply)
                continue
            for item in held:  # nobody waits any more
                self.finish(item.delivery, GIVEN_BACK)
        for resume in served.resumes:
            if resume.reply.put(None):
                replies.append(resume.reply)
            else:
                self.go_on_waiting(resume)
        return replies

    def _poll(self, queue: Queue) -> None:
        """Look at what other processes have done, if they have done anything."""
        clock = time.monotonic()
        if clock - self._polled < self._poll_every:
            return
        self._polled = clock
        if self._waits and not self._file.is_in_place:
            wake(self._waits.lose())
        with suppress(*_BUSY):
            version = queue.data_version()
            if version != self._data_version:
                self._serving.look()
                if self.attempts:
                    self.attempts.compare(own_attempts(queue))
                wake(self._waits.look(queue))
                self._data_version = version  # only now: a look that fails is tried again
            self.attempts.confirm()

    def _end(self) -> None:
        """Close, when everything is written or it has taken too long."""
        if (self._backlog or not self._inbox.empty()) and time.monotonic() < self._stopping_by:
            return
        if self._file.database is not None and self._file.queue is not None:
            with suppress(apsw.Error, RunlogError, OSError):
                if self._serving.is_registered and self._file.database.is_in_place:
                    with self._file.database.transaction() as connection:
                        self._file.queue.connection = connection
                        unregister(self._file.queue, self.worker)
                self._file.database.checkpoint(truncate=True)
            with suppress(apsw.Error, OSError):
                self._file.close()
        self.files.release()
        self._file.remove_spare()
        self._stopped = True
        refuse(self._stops, ProjectNotOpen("the project is closed"))

    def _refuse_all(self) -> None:
        """Nobody serves any more: tell those who wait."""
        error = ProjectNotOpen("the project is closed", "its engine was closed while this call waited")
        items: list[Item] = [*self._backlog, *self._serving.claims, *self._serving.resumes]
        with suppress(Empty):
            while True:
                items.append(self._inbox.get_nowait())
        refuse(items, error, also=self._waits.refuse(error))
