"""A queue, and how many runs of it may execute at once."""

from __future__ import annotations

import sys

from runlog.errors import TaskError
from runlog.tasks.checks import check_count, check_name


class Queue:
    """A queue that tasks may share: `mail = Queue("mail", concurrency=5)`, `@task(queue=mail)`.

    `concurrency` is how many of its runs execute at once, over all workers; for each `concurrency_key` by itself.
    Without it there is no limit. Without a name it is the task's own queue, whose name is the task's id. Declare a
    queue once, at the top of a module; one that is made in a function is known by the tasks that use it. Raises
    TaskError for a wrong name or limit, and if another declaration of the name has another limit.
    """

    __slots__ = ("concurrency", "name", "place")

    def __init__(self, name: str | None = None, *, concurrency: int | None = None) -> None:
        self.name = name if name is None else check_queue_name(name)
        self.concurrency = concurrency if concurrency is None else check_count(concurrency, "concurrency")
        frame = sys._getframe(1)
        self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if name is not None and frame.f_code.co_name == "<module>":
            from runlog.tasks.registry import registry

            registry.declare(self)

    def named(self, task_id: str) -> Queue:
        """This queue, or if it has no name, the one of a task."""
        if self.name is not None:
            return self
        own = Queue(task_id, concurrency=self.concurrency)
        own.place = self.place
        return own

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Queue):
            return NotImplemented
        return (self.name, self.concurrency) == (other.name, other.concurrency)

    def __hash__(self) -> int:
        return hash((self.name, self.concurrency))

    def __repr__(self) -> str:
        return f"Queue({self.name!r}, concurrency={self.concurrency})"


def check_queue_name(name: str) -> str:
    """Raises TaskError."""
    return check_name(name, "a queue's name", 'Queue("mail", concurrency=5)')


def queue_name(queue: str | Queue) -> str:
    """The name of a queue that a trigger asks for. Raises TaskError, also for a queue without a name."""
    name = queue.name if isinstance(queue, Queue) else queue
    if name is None:
        raise TaskError(f"{queue!r} has no name", "it is the own queue of each task that has it", 'Queue("mail")')
    return check_queue_name(name)
