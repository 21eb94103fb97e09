"""The tasks that this process knows, by their ids."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runlog.errors import TaskError

if TYPE_CHECKING:
    from runlog.tasks.task import Task

_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")


def check_id(task_id: str) -> str:
    """Return the id. Raises TaskError unless it has 1 to 128 characters, none of them blank or a control."""
    if not _ID.fullmatch(task_id):
        raise TaskError(
            f"{task_id!r} cannot be a task's id",
            "an id has 1 to 128 characters, without blanks",
            '@task(id="send-email")',
        )
    return task_id


class Registry:
    """Task id → task."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[Any, Any]] = {}
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
            self._tasks[task.id] = task

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
