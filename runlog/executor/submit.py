"""Triggers and waits, and the submitter of an open project, which is what tasks and handles reach."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from opentelemetry.trace import Link, Span, SpanKind

from runlog.config import Settings
from runlog.engines.base import Engine, NewRun, Submitted
from runlog.errors import PayloadError, TaskError
from runlog.executor.attempt import Attempt, running_attempt
from runlog.executor.manage import Manager
from runlog.executor.newruns import new_run
from runlog.executor.spans import span_context
from runlog.executor.subscribe import Subscriptions
from runlog.executor.waits import Waits, away
from runlog.stores.base import Page, Run
from runlog.stores.query import Query
from runlog.system.ids import RUN_ID_PREFIX, new_run_id
from runlog.tasks.states import QueueState, ScheduleState, TaskDeclaration, Token
from runlog.tasks.submitter import KeyRequest, News, RunRequest, TokenRequest
from runlog.tracing.provider import TracerProvider
from runlog.tracing.tracer import Tracer

CHILD_ATTRIBUTE = "runlog.child.run_id"
"""On trigger and wait spans: the run, or the list of runs, that they are about."""
BATCH_ATTRIBUTE = "runlog.batch.id"
_STANDS_FOR = {"idempotency": "cached", "debounce": "debounced"}
_NAMED = 20
"""Runs that are named where a run waits for many."""


class Triggers:
    """The part of the submitter that makes runs and waits for them."""

    def __init__(self, engine: Engine, tracer: Tracer, settings: Settings) -> None:
        self._engine, self._tracer, self._limit = engine, tracer, settings.limits.payload

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        """See Submitter.submit."""
        self._check(requests)
        parent, batch_id = running_attempt(), _batch_id(verb)
        with self._span(requests, verb, batch_id) as span:
            trace_id, span_id = _ids(span)
            links = () if trace_id is None else ((trace_id, span_id),)
            runs = [new_run(request, parent, links=links, batch_id=batch_id) for request in requests]
            submitted = await self._submit(runs, span)
            for made in submitted:
                if made.cached is None:
                    span.add_link(span_context(made.trace_id, made.span_id))
        return [made.run_id for made in submitted]

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        """See Submitter.submit_and_wait."""
        self._check(requests)
        parent, batch_id = running_attempt(), _batch_id(verb)
        with self._span(requests, verb, batch_id) as span:
            trace_id, span_id = _ids(span)
            place: dict[str, Any] = {}
            if trace_id is not None:
                place = {"trace_id": trace_id, "parent_span_id": span_id, "waited": parent is not None}
            runs = [new_run(request, parent, batch_id=batch_id, **place) for request in requests]
            submitted = await self._submit(runs, span)
            return await self._wait([made.run_id for made in submitted], parent)

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """See Submitter.wait."""
        parent = running_attempt()
        if parent is None:
            return await self._engine.wait(run_ids)
        with self._tracer.start_as_current_span("wait()") as span:
            _name_children(span, run_ids)
            return await self._wait(run_ids, parent)

    def _span(self, requests: Sequence[RunRequest], verb: str, batch_id: str | None) -> Any:
        attributes = {} if batch_id is None else {BATCH_ATTRIBUTE: batch_id}
        name = f"{requests[0].task}.{verb}()"
        return self._tracer.start_as_current_span(name, kind=SpanKind.PRODUCER, attributes=attributes)

    async def _submit(self, runs: list[NewRun], span: Span) -> list[Submitted]:
        _name_children(span, [run.run_id for run in runs])
        submitted = await self._engine.submit(runs)
        if any(made.cached for made in submitted):
            _name_children(span, [made.run_id for made in submitted])
            for run, made in zip(runs, submitted, strict=True):
                if made.cached is not None:
                    self._say_cached(run, made, _STANDS_FOR[made.cached])
        return submitted

    def _say_cached(self, run: NewRun, made: Submitted, word: str) -> None:
        """The span of a trigger that an earlier run stands for, linked to that one's root span."""
        link = Link(span_context(made.trace_id, made.span_id))
        attributes = {CHILD_ATTRIBUTE: made.run_id}
        with self._tracer.start_as_current_span(f"{run.task} ({word})", links=[link], attributes=attributes):
            pass

    async def _wait(self, run_ids: Sequence[str], parent: Attempt | None) -> list[Run]:
        if parent is not None:
            _check_ends(parent.delivery.run, run_ids)
        async with away(parent, {"code": "run", "run_ids": list(run_ids[:_NAMED]), "count": len(run_ids)}):
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


class EngineSubmitter:
    """The submitter of an open project. It needs an engine, and no worker."""

    def __init__(self, engine: Engine, provider: TracerProvider, settings: Settings) -> None:
        self._engine = engine
        tracer = provider.get_tracer("runlog")
        self._triggers = Triggers(engine, tracer, settings)
        self._waits = Waits(engine, tracer, settings)
        self._manager = Manager(engine, settings, self._triggers.submit)
        self._subscriptions = Subscriptions(engine, settings)

    async def declaration(self, task: str) -> TaskDeclaration | None:
        return await self._engine.declaration(task)

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        return await self._triggers.submit(requests, verb=verb)

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        return await self._triggers.submit_and_wait(requests, verb=verb)

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        return await self._triggers.wait(run_ids)

    async def get(self, run_id: str) -> Run:
        return await self._manager.get(run_id)

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        return await self._manager.cancel(run_id, reason)

    async def ask_for_stacks(self, run_id: str) -> bool:
        return await self._engine.ask_for_stacks(run_id)

    async def reschedule(self, run_id: str, *, delay: float | None, run_at: int | None) -> bool:
        return await self._manager.reschedule(run_id, delay=delay, run_at=run_at)

    async def replay(self, run_id: str, payload: bytes | None = None) -> str:
        return await self._manager.replay(run_id, payload)

    async def find(self, query: Query | None, *, cursor: str | None, limit: int) -> Page[Run]:
        return await self._manager.find(query, cursor=cursor, limit=limit)

    def subscribe(self, run_ids: Sequence[str] | None, tags: Sequence[str]) -> AsyncGenerator[News, None]:
        return self._subscriptions.subscribe(run_ids, tags)

    async def sleep(self, until: int, *, verb: str, idempotency: KeyRequest | None) -> None:
        await self._waits.sleep(until, verb=verb, idempotency=idempotency)

    async def create_token(self, request: TokenRequest) -> Token:
        return await self._waits.create_token(request)

    async def callback_url(self, token_id: str) -> str | None:
        return await self._waits.callback_url(token_id)

    async def complete_token(self, token_id: str, output: bytes | None) -> bool:
        return await self._waits.complete_token(token_id, output)

    async def tokens(self, token_ids: Sequence[str] | None, limit: int) -> list[Token]:
        return await self._waits.tokens(token_ids, limit)

    async def wait_for_token(self, token_id: str, timeout: float | None) -> Token:  # noqa: ASYNC109 - no error
        return await self._waits.wait_for_token(token_id, timeout)

    async def queues(self) -> list[QueueState]:
        return await self._engine.queues()

    async def pause_queue(self, queue: str, *, paused: bool) -> None:
        await self._engine.pause(queue, paused=paused)

    async def schedules(self) -> list[ScheduleState]:
        return await self._engine.schedules()

    async def pause_schedule(self, schedule_id: str, *, paused: bool) -> None:
        await self._engine.pause_schedule(schedule_id, paused=paused)


def _check_ends(run: NewRun, run_ids: Sequence[str]) -> None:
    """Raises TaskError for the wait of a run that could never end: for itself, or for the run that waits for it."""
    if run.run_id in run_ids:
        raise TaskError(f"run {run.run_id} would wait for itself", "its idempotency key is its own, or its handle")
    if run.waited and run.parent_run_id in run_ids:
        raise TaskError(f"run {run.run_id} would wait for its parent {run.parent_run_id}", "which waits for it")


def _batch_id(verb: str) -> str | None:
    return f"batch_{new_run_id().removeprefix(RUN_ID_PREFIX)}" if verb.startswith("batch") else None


def _ids(span: Span) -> tuple[bytes, bytes] | tuple[None, bytes]:
    context = span.get_span_context()
    if not context.is_valid:
        return None, b""
    return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)


def _name_children(span: Span, run_ids: Sequence[str]) -> None:
    span.set_attribute(CHILD_ATTRIBUTE, run_ids[0] if len(run_ids) == 1 else list(run_ids))
