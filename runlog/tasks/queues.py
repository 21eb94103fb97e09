"""The queues that runs are in: `from runlog import queues`."""

from __future__ import annotations

import builtins

from runlog.tasks.queue import Queue, queue_name
from runlog.tasks.states import QueueState
from runlog.tasks.submitter import get_submitter


async def list() -> builtins.list[QueueState]:  # noqa: A001 - queues.list()
    """The queues that a worker has declared or that have runs which have not ended, by name. Raises ProjectNotOpen."""
    return await get_submitter().queues()


async def pause(queue: str | Queue) -> None:
    """Hand out no more runs of a queue; what executes goes on. Raises TaskError and ProjectNotOpen."""
    await get_submitter().pause_queue(queue_name(queue), paused=True)


async def resume(queue: str | Queue) -> None:
    """Hand out its runs again. Raises as `pause` does."""
    await get_submitter().pause_queue(queue_name(queue), paused=False)
