"""What was asked for, as a run for the engine."""

from __future__ import annotations

import os
import time
from typing import Any

from runlog.engines.base import Debounce, NewRun
from runlog.executor.attempt import Attempt
from runlog.executor.keys import resolve_key, scope_of
from runlog.system.ids import new_run_id
from runlog.tasks.submitter import RunRequest


def new_run(
    request: RunRequest,
    parent: Attempt | None = None,
    *,
    trace_id: bytes | None = None,
    parent_span_id: bytes | None = None,
    waited: bool = False,
    links: tuple[tuple[bytes, bytes], ...] = (),
    batch_id: str | None = None,
) -> NewRun:
    """A run with a new id, in a trace of its own unless one is given. Raises TaskError; see `resolve_key`."""
    now = time.time_ns()
    available = now + _ns(request.delay) if request.run_at is None else request.run_at
    above = parent.delivery.run if parent is not None else None
    return NewRun(
        run_id=new_run_id(now // 1_000_000),
        task=request.task,
        queue=request.queue,
        queue_is_guess=request.queue_is_guess,
        payload=request.payload,
        available=available,
        created=now,
        trace_id=os.urandom(16) if trace_id is None else trace_id,
        span_id=os.urandom(8),
        parent_run_id=above.run_id if above else None,
        root_run_id=(above.root_run_id or above.run_id) if above else None,
        parent_span_id=parent_span_id,
        waited=waited,
        links=links,
        tags=request.tags,
        concurrency_key=request.concurrency_key,
        priority=_ns(request.priority),
        expires=None if request.ttl is None else max(available, now) + _ns(request.ttl),
        idempotency=None if request.idempotency is None else resolve_key(request.idempotency, parent),
        debounce=_debounce(request),
        version=request.version,
        metadata=request.metadata,
        options=_options(request, parent, batch_id),
    )


def _debounce(request: RunRequest) -> Debounce | None:
    asked = request.debounce
    if asked is None:
        return None
    return Debounce(asked.key, asked.mode == "trailing", None if asked.max_delay is None else _ns(asked.max_delay))


def _options(request: RunRequest, parent: Attempt | None, batch_id: str | None) -> dict[str, Any] | None:
    """What was asked for beyond the defaults; see `Run.options`."""
    key = request.idempotency
    options = {
        "concurrency_key": request.concurrency_key,
        "priority": request.priority or None,
        "ttl": request.ttl,
        "max_attempts": request.max_attempts,
        "max_duration": request.max_duration,
        "idempotency_key": key and key.key,
        "idempotency_scope": key and scope_of(key, parent),
        "debounce_key": request.debounce and request.debounce.key,
        "batch_id": batch_id,
        "replay_of": request.replay_of,
        "schedule_id": request.schedule_id,
        "version": request.version,
    }
    return {name: value for name, value in options.items() if value is not None} or None


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
