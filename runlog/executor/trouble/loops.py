"""The tasks of an event loop, as another thread sees them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from anyio.lowlevel import current_token

from runlog.executor.attempt import Attempt, current_attempt
from runlog.executor.trouble.chains import hidden_context, is_running


@dataclass(slots=True)
class LoopTask:
    """A task that has not ended."""

    name: str
    coroutine: Any
    context: Context | None
    attempt: Attempt | None = field(init=False)
    """The attempt that it was started in, unless that has ended."""

    def __post_init__(self) -> None:
        self.attempt = None if self.context is None else self.context.get(current_attempt)

    @property
    def runs(self) -> bool:
        """It runs now; the loop's thread has its frames."""
        return is_running(self.coroutine)


class LoopView:
    """Made on the event loop; read from any thread, also while the loop is blocked. Reading never raises."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        native: Any = current_token().native_token
        self._loop: Any = None
        self._root: Any = None
        if isinstance(native, asyncio.AbstractEventLoop):
            self._loop = native
        else:
            self._root = sys.modules["trio"].lowlevel.current_root_task()

    def tasks(self) -> list[LoopTask]:
        """The tasks; fewer than there are where they come and go too fast to be listed."""
        found: list[LoopTask] = []
        with suppress(Exception):
            found.extend(self._asyncio() if self._root is None else self._trio())
        return found

    def running(self) -> LoopTask | None:
        """The task that runs now."""
        return next((task for task in self.tasks() if task.runs), None)

    def _asyncio(self) -> Iterator[LoopTask]:
        for task in asyncio.all_tasks(self._loop):
            told: Any = getattr(task, "get_context", None)
            context = told() if told is not None else hidden_context(task)
            yield LoopTask(task.get_name(), task.get_coro(), context)

    def _trio(self) -> Iterator[LoopTask]:
        waiting = [self._root]
        while waiting:
            task = waiting.pop()
            yield LoopTask(task.name, task.coro, task.context)
            for nursery in list(task.child_nurseries):
                waiting.extend(list(nursery.child_tasks))
