"""The tasks that this process knows, by their ids."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runlog.errors import TaskError
from runlog.tasks.checks import check_name

if TYPE_CHECKING:
    from runlog.tasks.queue import Queue
    from runlog.tasks.states import TaskDeclaration
    from runlog.tasks.task import Task


def check_id(task_id: str) -> str:
    """Return the id. Raises TaskError unless it has 1 to 128 characters, none of them blank or a control."""
    return check_name(task_id, "a task's id", '@task(id="send-email")')


class Registry:
    """Task id → task; and the queues that are declared beside them."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[Any, Any]] = {}
        self._queues: dict[str, Queue] = {}
        self._lock = threading.Lock()

    def add(self, task: Task[Any, Any]) -> None:
        """Make a task known. A module imported again replaces its own; another function raises TaskError."""
        with self._lock:
            known = self._tasks.get(task.id)
            if known is not None and known.origin != task.origin:
                raise TaskError(
                    f"two tasks have the id {task.id!r}",
                    f"{known.place} and {task.place}",
                    f'@task(id="{task.id}-2")   # on one of them',
                )
            if task.queue_is_declared:
                self._declare(task.queue)
            self._tasks[task.id] = task

    def declare(self, queue: Queue) -> None:
        """Make a queue and its limit known. Raises TaskError if it was declared with another limit elsewhere."""
        with self._lock:
            self._declare(queue)

    def _declare(self, queue: Queue) -> None:
        assert queue.name is not None
        known = self._queues.get(queue.name)
        if known is not None and known.place != queue.place and known.concurrency != queue.concurrency:
            raise TaskError(
                f"the queue {queue.name!r} is declared with two limits",
                f"{known.concurrency} ({known.place}) and {queue.concurrency} ({queue.place})",
                f'mail = Queue("{queue.name}", concurrency={queue.concurrency})   # once, for all tasks that share it',
            )
        self._queues[queue.name] = queue

    def limits(self) -> dict[str, int | None]:
        """Queue → how many of its runs may execute at once, None for any number: of the queues that are declared, and
        the own ones of tasks that name none."""
        own = {task.id: None for task in self if task.has_own_queue}
        return own | {name: queue.concurrency for name, queue in list(self._queues.items())}

    def declared(self) -> dict[str, TaskDeclaration]:
        """Task → what it declares."""
        return {task.id: task.declaration for task in self}

    def find(self, task_id: str) -> Task[Any, Any] | None:
        return self._tasks.get(task_id)

    def get(self, task_id: str) -> Task[Any, Any]:
        """Return the task with this id. Raises TaskError."""
        task = self._tasks.get(task_id)
        if task is None:
            close = difflib.get_close_matches(task_id, self._tasks, 1)
            known = (
                f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(self._tasks)) or 'none'}"
            )
            raise TaskError(
                f"there is no task {task_id!r}", known, 'tasks = ["tasks"]   # modules to import, in runlog.toml'
            )
        return task

    def ids(self) -> list[str]:
        return list(self._tasks)

    def check(self) -> None:
        """Read what each task takes and returns, so that a wrong annotation is found now. Raises TaskError."""
        for task in self:
            task.check()

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._tasks


registry = Registry()
"""Where `@task` puts its tasks."""
