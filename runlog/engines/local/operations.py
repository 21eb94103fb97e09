"""What the engine's thread is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runlog.engines.base import Delivery, Outcome, Work
from runlog.engines.local.ending import finish as finish_attempt
from runlog.engines.local.queue import Held, Queue, not_found
from runlog.engines.local.reading import get, statuses
from runlog.engines.local.replies import Reply
from runlog.engines.local.resuming import Resume
from runlog.engines.local.tokens import TokenWait, TokenWaits, expire
from runlog.errors import RunlogError, RunNotFound
from runlog.stores.base import TERMINAL_STATUSES, Run
from runlog.tasks.states import Token


@dataclass(slots=True)
class Operation:
    """One thing to do to the queue."""

    action: Callable[[Queue], Any]
    reply: Reply[Any] | None = None
    durable: bool = False
    """Its commit has to survive power loss."""
    keep: bool = False
    """It is tried until it works, whatever is wrong with the file."""
    reads: bool = False
    after: Callable[[Any], None] | None = None
    """Called in the engine's thread with the result, when it is committed."""
    done: bool = False
    """It is committed."""

    def result(self, queue: Queue) -> Any:
        """Do it; return what comes of it, or the error that it raised before anything was written."""
        try:
            return self.action(queue)
        except RunlogError as error:
            return error


def finishing(
    held: Held | None, outcome: Outcome, reply: Reply[bool] | None, after: Callable[[bool], None]
) -> Operation:
    """The end of an attempt; nothing, if it is not held any more."""

    def finish(queue: Queue) -> bool:
        return held is not None and finish_attempt(queue, held, outcome, time.time_ns())

    return Operation(finish, reply, keep=True, after=after)


@dataclass(slots=True, eq=False)
class Claim:
    """Somebody waits for work."""

    work: Work
    limit: int
    reply: Reply[list[Delivery]]


@dataclass(slots=True, eq=False)
class Wait:
    """Somebody waits until all these runs are terminal."""

    run_ids: frozenset[str]
    reply: Reply[dict[str, Run]]
    ended: dict[str, Run] = field(default_factory=dict)


@dataclass(slots=True)
class Stop:
    reply: Reply[None]


Item = Operation | Claim | Resume | Wait | TokenWait | Stop | None


class Waits:
    """Who waits for which runs and tokens. Used by the engine's thread only."""

    def __init__(self) -> None:
        self._by_run: dict[str, list[Wait]] = {}
        self._tokens = TokenWaits()

    def __bool__(self) -> bool:
        return bool(self._by_run or self._tokens)

    def begin(self, wait: Wait | TokenWait, queue: Queue) -> None:
        """Answer at once, or remember the wait."""
        if isinstance(wait, TokenWait):
            self._tokens.begin(wait, queue)
            return
        try:
            runs = [get(queue, run_id) for run_id in wait.run_ids]
        except RunlogError as error:
            wait.reply.put_error(error)
            return
        for run in runs:
            if run.is_terminal:
                wait.ended[run.run_id] = run
            else:
                self._by_run.setdefault(run.run_id, []).append(wait)
        if len(wait.ended) == len(wait.run_ids):
            wait.reply.put(wait.ended)

    def settle(self, run: Run) -> list[Reply[Any]]:
        """A run has ended: return the replies that are complete with it."""
        complete: list[Reply[Any]] = []
        for wait in self._by_run.pop(run.run_id, ()):
            wait.ended[run.run_id] = run
            if len(wait.ended) == len(wait.run_ids) and wait.reply.put(wait.ended):
                complete.append(wait.reply)
        return complete

    def settle_tokens(self, tokens: list[Token]) -> list[Reply[Any]]:
        """These tokens have ended: return the replies of those who waited."""
        return self._tokens.settle(tokens)

    def due(self, now: int) -> list[Operation]:
        """What has to be done for them at this time."""
        return [Operation(lambda queue: expire(queue, now))] if self._tokens.is_due(now) else []

    def lose(self) -> list[Reply[Any]]:
        """The queue was deleted, with all runs: return the replies of all who wait."""
        lost, self._by_run = self._by_run, {}
        return self._tokens.lose() + [
            wait.reply for run_id, waits in lost.items() for wait in waits if wait.reply.put_error(not_found(run_id))
        ]

    def look(self, queue: Queue) -> list[Reply[Any]]:
        """Find what ended in other processes, or is no longer there; return the replies that are complete now."""
        found = statuses(queue, list(self._by_run)) if self._by_run else {}
        complete = self._tokens.look(queue)
        for run_id in list(self._by_run):
            if run_id in found and found[run_id] not in TERMINAL_STATUSES:
                continue
            try:
                complete += self.settle(get(queue, run_id))
            except RunNotFound as error:
                complete += [wait.reply for wait in self._by_run.pop(run_id) if wait.reply.put_error(error)]
        if complete:
            self.drop_abandoned()
        return complete

    def drop_abandoned(self) -> None:
        self._tokens.drop_abandoned()
        for run_id, waits in list(self._by_run.items()):
            waits[:] = [wait for wait in waits if not wait.reply.is_settled]
            if not waits:
                del self._by_run[run_id]

    def refuse(self, error: BaseException) -> list[Reply[Any]]:
        replies = [wait.reply for waits in self._by_run.values() for wait in waits]
        self._by_run.clear()
        return self._tokens.refuse(error) + [reply for reply in replies if reply.put_error(error)]
