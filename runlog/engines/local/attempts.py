"""The attempts that this process has, and whom to tell when one has to stop. Used from any thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runlog.engines.base import Delivery, Interrupt
from runlog.engines.local.queue import Held, Queue
from runlog.engines.local.reading import is_held

Callback = Callable[[Interrupt], None]

GONE = "its lease is no longer held"
TAKEN = "its lease ran out, and another worker took the run"
_RECENT = 1 / 3
"""Who was seen to have a lease has it for this part of one: nobody takes it earlier."""


@dataclass(slots=True)
class _Attempt:
    held: Held
    callback: Callback | None = None
    interrupt: Interrupt | None = None
    asked: int = 0
    """How often its stacks were asked for, as far as that was told."""


class Attempts:
    def __init__(self, lease: float) -> None:
        self._lock = threading.Lock()
        self._attempts: dict[tuple[str, int], _Attempt] = {}
        self._confirmed, self._certain_for = -math.inf, lease * _RECENT

    def __len__(self) -> int:
        return len(self._attempts)

    def add(self, items: Iterable[Held]) -> None:
        with self._lock:
            for held in items:
                self._attempts[held.delivery.run.run_id, held.delivery.token] = _Attempt(held)

    def find(self, delivery: Delivery) -> Held | None:
        attempt = self._attempts.get((delivery.run.run_id, delivery.token))
        return attempt.held if attempt else None

    def end(self, delivery: Delivery) -> Held | None:
        """`find`, for an attempt that is being ended: it is told nothing any more."""
        attempt = self._attempts.get((delivery.run.run_id, delivery.token))
        if attempt is None:
            return None
        attempt.callback = None
        return attempt.held

    def confirm(self) -> None:
        """What is lost has been told, as of now."""
        self._confirmed = time.monotonic()

    def lost(self, delivery: Delivery) -> str | Callable[[Queue], str | None] | None:
        """Why an attempt has no lease any more, if it has none; or what to ask the queue, which was not seen for too
        long."""
        attempt = self._attempts.get((delivery.run.run_id, delivery.token))
        if attempt is None:
            return GONE
        held, interrupt = attempt.held, attempt.interrupt
        if interrupt is not None and interrupt.kind == "lost":
            return interrupt.reason
        if time.monotonic() - self._confirmed < self._certain_for:
            return None
        return lambda queue: None if is_held(queue, held) else TAKEN

    def drop(self, delivery: Delivery) -> None:
        with self._lock:
            self._attempts.pop((delivery.run.run_id, delivery.token), None)

    def all(self) -> list[Held]:
        with self._lock:
            return [attempt.held for attempt in self._attempts.values()]

    def watch(self, delivery: Delivery, callback: Callback) -> None:
        """Call back when the attempt has to stop, or is asked for its stacks; now, if it has been."""
        with self._lock:
            attempt = self._attempts.get((delivery.run.run_id, delivery.token))
            interrupt = attempt.interrupt if attempt else Interrupt("lost", GONE)
            unasked = attempt is not None and attempt.callback is None and attempt.asked > 0
            if attempt is not None:
                attempt.callback = callback
        if interrupt is not None:
            callback(interrupt)
        if unasked:
            callback(Interrupt("stacks"))

    def cancel(self, run_id: str, reason: str) -> None:
        """A cancel of this run was asked for."""
        with self._lock:
            found = [attempt for key, attempt in self._attempts.items() if key[0] == run_id]
        for attempt in found:
            self._interrupt(attempt, Interrupt("cancel", reason))

    def ask_for_stacks(self, run_id: str) -> None:
        """The stacks of this run were asked for, here."""
        with self._lock:
            found = [attempt for key, attempt in self._attempts.items() if key[0] == run_id]
        for attempt in found:
            self._ask(attempt, attempt.asked + 1)

    def compare(self, known: Iterable[tuple[int, int, str | None, int]]) -> None:
        """Compare with (row, token, cancel, times asked for stacks) of the queue: what is missing there is lost."""
        by_row = {row: (token, cancel, asked) for row, token, cancel, asked in known}
        with self._lock:
            attempts = list(self._attempts.values())
        for attempt in attempts:
            token, cancel, asked = by_row.get(attempt.held.row, (None, None, 0))
            if token != attempt.held.delivery.token:
                self._interrupt(attempt, Interrupt("lost", TAKEN))
            elif cancel is not None:
                self._interrupt(attempt, Interrupt("cancel", cancel))
            elif asked > attempt.asked:
                self._ask(attempt, asked)

    def lose(self, run_ids: Iterable[str], reason: str) -> None:
        """These runs are no longer theirs."""
        lost = set(run_ids)
        with self._lock:
            found = [attempt for key, attempt in self._attempts.items() if key[0] in lost]
        for attempt in found:
            self._interrupt(attempt, Interrupt("lost", reason))

    def _ask(self, attempt: _Attempt, asked: int) -> None:
        with self._lock:
            attempt.asked = asked
            callback = attempt.callback
        if callback is not None:
            callback(Interrupt("stacks"))

    def _interrupt(self, attempt: _Attempt, interrupt: Interrupt) -> None:
        with self._lock:
            if attempt.interrupt is not None:
                return
            attempt.interrupt = interrupt
            callback = attempt.callback
        if callback is not None:
            callback(interrupt)
