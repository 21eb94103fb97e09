"""Triggering a task by its id, without importing it."""

from __future__ import annotations

from typing import Any, Unpack

from runlog.tasks.options import MISSING, TriggerKeywords, TriggerOptions
from runlog.tasks.payload import ANY
from runlog.tasks.registry import check_id, registry
from runlog.tasks.results import RunHandle
from runlog.tasks.submitter import get_submitter


async def trigger(task_id: str, payload: Any = MISSING, /, **options: Unpack[TriggerKeywords]) -> RunHandle[Any]:
    """Queue a run of the task with this id; see `Task.trigger`.

    If the task is not known in this process, its payload is not validated before it runs, and its queue, ttl, tags,
    priority and version are those that a worker declared last. Where none did yet, the run waits (PENDING_VERSION) for
    one that knows the task, and goes to the queue that it declares. Raises PayloadError, TaskError and ProjectNotOpen.
    """
    known = registry.find(task_id)
    if known is not None:
        handle: RunHandle[Any] = await known.trigger(payload, **options)
        return handle
    submitter = get_submitter()
    data = None if payload is MISSING else ANY.encode_payload(payload)
    asked = TriggerOptions.of(options)
    request = asked.request(check_id(task_id), data, await submitter.declaration(task_id))
    ids = await submitter.submit([request], verb="trigger")
    return RunHandle(ids[0], task_id, ANY, submitter)
