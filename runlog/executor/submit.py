"""Triggers and waits: what tasks and handles reach through `tasks.submitter`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from opentelemetry.trace import Span, SpanKind

from runlog.engines.base import Engine, NewRun
from runlog.errors import PayloadError
from runlog.executor.attempt import Attempt, running_attempt
from runlog.executor.spans import span_context
from runlog.stores.base import Run
from runlog.system.ids import new_run_id
from runlog.tasks.submitter import RunRequest
from runlog.tracing.provider import TracerProvider

CHILD_ATTRIBUTE = "runlog.child.run_id"
"""On trigger and wait spans: the run, or the list of runs, that they are about."""


class EngineSubmitter:
    """The submitter of an open project. It needs an engine, and no worker."""

    def __init__(self, engine: Engine, provider: TracerProvider, *, payload_limit: int) -> None:
        """`payload_limit` is bytes of JSON."""
        self._engine, self._limit = engine, payload_limit
        self._tracer = provider.get_tracer("runlog")

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        self._check(requests)
        parent = running_attempt()
        with self._tracer.start_as_current_span(f"{requests[0].task}.{verb}()", kind=SpanKind.PRODUCER) as span:
            runs = [_in_own_trace(request, parent, span) for request in requests]
            await self._submit(runs, span)
            for run in runs:
                span.add_link(span_context(run.trace_id, run.span_id))
        return [run.run_id for run in runs]

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        self._check(requests)
        parent = running_attempt()
        with self._tracer.start_as_current_span(f"{requests[0].task}.{verb}()", kind=SpanKind.PRODUCER) as span:
            runs = [_in_this_trace(request, parent, span) for request in requests]
            await self._submit(runs, span)
            return await self._wait([run.run_id for run in runs], parent)

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        parent = running_attempt()
        if parent is None:
            return await self._engine.wait(run_ids)
        with self._tracer.start_as_current_span("wait()") as span:
            _name_children(span, run_ids)
            return await self._wait(run_ids, parent)

    async def get(self, run_id: str) -> Run:
        return await self._engine.get(run_id)

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        return await self._engine.cancel(run_id, reason)

    async def _submit(self, runs: list[NewRun], span: Span) -> None:
        _name_children(span, [run.run_id for run in runs])
        await self._engine.submit(runs)

    async def _wait(self, run_ids: Sequence[str], parent: Attempt | None) -> list[Run]:
        async with AsyncExitStack() as stack:
            if parent is not None and parent.is_here:
                what = f"run {run_ids[0]}" if len(run_ids) == 1 else f"{len(run_ids)} runs"
                await stack.enter_async_context(parent.waiting(f"waiting for {what}"))
            return await self._engine.wait(run_ids)

    def _check(self, requests: Sequence[RunRequest]) -> None:
        for request in requests:
            size = len(request.payload or b"")
            if size > self._limit:
                raise PayloadError(
                    f"the payload for task {request.task!r} is too large",
                    f"it is {size:,} bytes of JSON; the limit is {self._limit:,} (limits.payload)",
                    "store it elsewhere and pass where it is",
                )


def _in_own_trace(request: RunRequest, parent: Attempt | None, span: Span) -> NewRun:
    trace_id, span_id = _ids(span)
    links = () if trace_id is None else ((trace_id, span_id),)
    return _new_run(request, parent, os.urandom(16), None, links=links)


def _in_this_trace(request: RunRequest, parent: Attempt | None, span: Span) -> NewRun:
    trace_id, span_id = _ids(span)
    if trace_id is None:
        return _new_run(request, parent, os.urandom(16), None)
    return _new_run(request, parent, trace_id, span_id, waited=parent is not None)


def _new_run(
    request: RunRequest,
    parent: Attempt | None,
    trace_id: bytes,
    parent_span_id: bytes | None,
    *,
    waited: bool = False,
    links: tuple[tuple[bytes, bytes], ...] = (),
) -> NewRun:
    now = time.time_ns()
    above = parent.delivery.run if parent is not None else None
    return NewRun(
        run_id=new_run_id(now // 1_000_000),
        task=request.task,
        queue=request.queue,
        payload=request.payload,
        available=now + int(request.delay * 1e9),
        created=now,
        trace_id=trace_id,
        span_id=os.urandom(8),
        parent_run_id=above.run_id if above else None,
        root_run_id=(above.root_run_id or above.run_id) if above else None,
        parent_span_id=parent_span_id,
        waited=waited,
        links=links,
        tags=request.tags,
    )


def _ids(span: Span) -> tuple[bytes, bytes] | tuple[None, bytes]:
    context = span.get_span_context()
    if not context.is_valid:
        return None, b""
    return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)


def _name_children(span: Span, run_ids: Sequence[str]) -> None:
    span.set_attribute(CHILD_ATTRIBUTE, run_ids[0] if len(run_ids) == 1 else list(run_ids))
