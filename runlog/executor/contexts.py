"""What a task is told of the run that it is in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from runlog.engines.base import Delivery
from runlog.tasks.context import AttemptInfo, Context, QueueInfo, RunInfo
from runlog.tasks.metadata import Changes, Metadata, Tags
from runlog.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Live:
    """What changes while the attempt runs."""

    changes: Changes
    resources: Mapping[str, Any]
    stop_check: Callable[[], None]
    time_left: Callable[[], float | None]


class LazyContext:
    """The context of one attempt, made when it is first asked for: most code does without. For any thread."""

    def __init__(self, delivery: Delivery, task: Task[Any, Any], max_attempts: int, live: Live) -> None:
        self._arguments = delivery, task, max_attempts, time.time_ns(), live
        self._made: dict[str, Context] = {}

    def __call__(self) -> Context:
        return self._made.get("it") or self._made.setdefault("it", make_context(*self._arguments))


def make_context(delivery: Delivery, task: Task[Any, Any], max_attempts: int, started: int, live: Live) -> Context:
    run, options = delivery.run, delivery.run.options or {}
    parent, root = run.parent_run_id, run.root_run_id
    return Context(
        task.info,
        RunInfo(
            run.run_id,
            run.tags,
            run.created,
            delivery.started,
            parent,
            root,
            batch_id=options.get("batch_id"),
            idempotency_key=options.get("idempotency_key"),
            replay_of=options.get("replay_of"),
            schedule_id=options.get("schedule_id"),
            version=delivery.version,
            priority=run.priority / 1e9,
        ),
        AttemptInfo(delivery.attempt, max_attempts, delivery.crashes, started),
        live.stop_check,
        QueueInfo(run.queue, run.concurrency_key),
        Metadata(_metadata(run.metadata), live.changes, parent_id=parent, root_id=root),
        Tags(run.tags, live.changes),
        live.resources,
        live.time_left,
    )


def _metadata(data: bytes | None) -> dict[str, Any] | None:
    return msgspec.json.decode(data, type=dict[str, Any]) if data else None
