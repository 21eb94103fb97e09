"""What runs beside the attempts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import Event
from anyio.abc import TaskGroup

Function = Callable[[], Coroutine[Any, Any, None]]


class Beside:
    """Starts tasks on the event loop of the attempts, also for callbacks of the loop, which are no tasks and can start
    none. They are cancelled when the last attempt has ended."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._asked: deque[Function] = deque()
        self._news = Event()

    def start(self, function: Function) -> None:
        """In the loop's thread."""
        self._asked.append(function)
        self._news.set()

    async def run(self) -> None:
        while True:
            while self._asked:
                self._tasks.start_soon(self._asked.popleft())
            self._news = Event()
            await self._news.wait()
