"""Triggering a task by its id, without importing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from runlog.tasks.payload import ANY
from runlog.tasks.registry import check_id, registry
from runlog.tasks.results import RunHandle
from runlog.tasks.retry import delay_seconds
from runlog.tasks.submitter import RunRequest, get_submitter
from runlog.tasks.task import DEFAULT_QUEUE, MISSING, check_tags


async def trigger(
    task_id: str, payload: Any = MISSING, /, *, delay: float | timedelta = 0, tags: Sequence[str] = ()
) -> RunHandle[Any]:
    """Queue a run of the task with this id; see `Task.trigger`.

    If the task is not known in this process its payload is not validated before it runs, and the run waits
    (PENDING_VERSION) until a worker knows the task. Raises PayloadError, TaskError and ProjectNotOpen.
    """
    known = registry.find(task_id)
    if known is not None:
        handle: RunHandle[Any] = await known.trigger(payload, delay=delay, tags=tags)
        return handle
    submitter = get_submitter()
    data = None if payload is MISSING else ANY.encode_payload(payload)
    request = RunRequest(check_id(task_id), data, DEFAULT_QUEUE, delay_seconds(delay), check_tags(tags))
    ids = await submitter.submit([request], verb="trigger")
    return RunHandle(ids[0], task_id, ANY, submitter)
