"""What blocks the event loop: seen while it does, and a span of the run that does it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from runlog.executor.attempt import Attempt
from runlog.executor.trouble.beat import THRESHOLD
from runlog.executor.trouble.chains import inside, thread_chain
from runlog.executor.trouble.loops import LoopTask, LoopView
from runlog.executor.trouble.records import Block, place_of
from runlog.executor.trouble.stacks import Stack, describe_stack, place_in, stacktrace
from runlog.logger import Place
from runlog.recording import get_recorder
from runlog.recording.clean import cut_mark

_STACK_LENGTH = 16_000
_MACHINERY = ("asyncio", "trio", "anyio", "uvloop", "selectors.py")
"""Parts of paths where an event loop is that waits for something to do."""

_CALLS_BACK = "<TrioToken.run_sync_soon task>"
"""trio's own task in which it calls functions that other threads gave it."""


class Blocked:
    """Notices that the loop does not answer. For the watchdog's thread."""

    def __init__(self, view: LoopView) -> None:
        self._view = view
        self._block: Block | None = None
        self._before = 0.0
        """Seconds for which the loop owed its answer when the block began: another one came first."""
        self._next: tuple[Attempt, float] | None = None
        """What was seen to run instead, and for how long the answer was owed then."""
        self._since = 0.0
        self._is_stalled = False
        self.attempt: Attempt | None = None
        """What blocks it now, if that is known."""

    @property
    def is_open(self) -> bool:
        return self._block is not None

    def look(self, silent: float, lag: float | None, attempts: Sequence[Attempt], *, held: bool) -> None:
        """The loop owes an answer for `silent` seconds, or has answered after `lag`. `held`: nothing but the loop's
        thread could run, this one neither, so what is seen now is what came right after."""
        if self._block is not None:
            if lag is not None:
                self._close(lag)
            elif not held and self._is_another(silent):
                assert self._next is not None
                self._close(before := self._next[1])
                self._begin(silent, attempts, before=before, held=False)
        elif silent >= THRESHOLD:
            self._begin(silent, attempts, held=held)
        elif held and lag is not None and lag >= THRESHOLD:
            self._begin(lag, attempts, held=held)
            self._close(lag)

    def _close(self, silent: float) -> None:
        if self._block is not None:
            self._block.close(silent - self._before)
        self._block = self.attempt = self._next = None

    def _is_another(self, silent: float) -> bool:
        """Whether code of another attempt has blocked the loop for long enough now, in the same turn of the loop."""
        running = self._view.running()
        attempt = None if running is None else running.attempt
        if attempt is None or attempt is self.attempt:
            self._next = None
        elif self._next is None or self._next[0] is not attempt:
            self._next = attempt, silent
        return self._next is not None and silent - self._next[1] >= THRESHOLD

    def stalled(self, seconds: float) -> bool:
        """It is blocked for so long; true once."""
        if self._block is None or self._is_stalled or time.monotonic() - self._since < seconds:
            return False
        self._is_stalled = True
        return True

    def _begin(self, silent: float, attempts: Sequence[Attempt], *, before: float = 0.0, held: bool) -> None:
        view = self._view
        running = view.running()
        if running is not None and running.name == _CALLS_BACK:
            running = None
        frame = sys._current_frames().get(view.thread)
        if frame is None or (running is None and _is_machinery(frame.f_code)):
            if not held:
                return  # it is ready to go on, and only lacks the CPU
            frame = running = None
        attempt, candidates = _guilty(running, attempts)
        lasts, self._before = silent - before, before
        self._since, self._is_stalled = time.monotonic() - lasts, False
        self.attempt = attempt
        place: Place | None = None
        if attempt is not None:
            place = place_of(running, attempt.delivery.run)
        attributes = _attributes(frame, running, held=held)
        if candidates:
            attributes["runlog.candidates"] = [candidate.delivery.run.run_id for candidate in candidates]
        self._block = Block(get_recorder(), place, time.time_ns() - int(lasts * 1e9), attributes)
        self._block.open()


def _guilty(running: LoopTask | None, attempts: Sequence[Attempt]) -> tuple[Attempt | None, Sequence[Attempt]]:
    """The attempt that the running task is of; else who it may be."""
    if running is not None:
        return running.attempt, ()
    return (attempts[0], ()) if len(attempts) == 1 else (None, attempts)


def _is_machinery(code: CodeType) -> bool:
    """Code of an event loop itself, which waits for something to do."""
    return any(part in _MACHINERY for part in Path(code.co_filename).parts)


def _attributes(frame: FrameType | None, running: LoopTask | None, *, held: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if frame is not None:
        stack = _stack(frame, running)
        where = place_in(stack)
        if where is not None:
            attributes |= {"blocked.by": where.words, **where.attributes}
        text = stacktrace(stack["frames"])
        if len(text) > _STACK_LENGTH:
            text = f"{cut_mark(len(text) - _STACK_LENGTH)}{text[-_STACK_LENGTH:]}"
        attributes["code.stacktrace"] = text
    if held:
        attributes["blocked.interpreter"] = True
    return attributes


def _stack(frame: FrameType, running: LoopTask | None) -> dict[str, Any]:
    """The stack of the task that runs: without the event loop that it is called by."""
    chain = thread_chain(frame)
    if running is not None:
        chain = inside(chain, running.coroutine)
    described, _ = describe_stack(Stack([""], chain, runs=True))
    return described
