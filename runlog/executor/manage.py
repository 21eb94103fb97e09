"""Looking at runs, and changing what becomes of them, through the open project."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

import msgspec
from anyio import to_thread

from runlog.config import Settings
from runlog.engines.base import Engine
from runlog.errors import PayloadError, RunNotFound, StoreError
from runlog.executor.payloads import is_whole
from runlog.recording import get_recorder
from runlog.stores import open_reader
from runlog.stores.base import Page, Run
from runlog.stores.query import Query
from runlog.tasks.submitter import RunRequest

_FLUSH = 1.0
"""Seconds that a look at the log waits for what this process has just recorded."""


class Submit(Protocol):
    async def __call__(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]: ...


class Manager:
    """The part of the submitter that is about runs that exist already; `submit` is for those that a replay makes."""

    def __init__(self, engine: Engine, settings: Settings, submit: Submit) -> None:
        self._engine, self._settings, self._submit = engine, settings, submit

    async def get(self, run_id: str) -> Run:
        """The engine's truth with the reason of now; a run that the queue has forgotten, as the log has it."""
        try:
            return await self._engine.explain(run_id)
        except RunNotFound:
            logged = await to_thread.run_sync(self._logged, run_id)
            if logged is None:
                raise
            return logged

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        return await self._engine.cancel(run_id, reason)

    async def reschedule(self, run_id: str, *, delay: float | None, run_at: int | None) -> bool:
        available = time.time_ns() + int((delay or 0.0) * 1e9) if run_at is None else run_at
        return await self._engine.reschedule(run_id, available)

    async def replay(self, run_id: str, payload: bytes | None = None) -> str:
        """See Submitter.replay. Metadata, idempotency key and the version asked for are not taken over."""
        run = await self.get(run_id)
        options = run.options or {}
        request = RunRequest(
            run.task,
            payload if payload is not None else _whole_payload(run),
            run.queue,
            queue_is_guess=run.queue == run.task,  # what it is where neither trigger nor task say another
            ttl=options.get("ttl"),
            tags=run.tags,
            concurrency_key=options.get("concurrency_key"),
            priority=options.get("priority", 0.0),
            max_attempts=options.get("max_attempts"),
            max_duration=options.get("max_duration"),
            replay_of=run.run_id,
        )
        return (await self._submit([request], verb="replay"))[0]

    async def find(self, query: Query | None, *, cursor: str | None, limit: int) -> Page[Run]:
        """See Submitter.find. Knows what this process has recorded before the call."""
        return await to_thread.run_sync(self._find, query, cursor, limit)

    def _find(self, query: Query | None, cursor: str | None, limit: int) -> Page[Run]:
        get_recorder().flush(_FLUSH)
        if not self._has_log():
            return Page([], None)
        with closing(open_reader(self._settings)) as log:
            return log.runs(query, cursor=cursor, limit=limit)

    def _has_log(self) -> bool:
        try:
            return self._settings.log_path.stat().st_size > 0
        except OSError:
            return False

    def _logged(self, run_id: str) -> Run | None:
        """The run as the log has it; None where that does not know it, or cannot be read."""
        get_recorder().flush(_FLUSH)
        try:
            with closing(open_reader(self._settings)) as log:
                run = log.run(run_id)
        except (RunNotFound, StoreError):
            return None
        return run if run.run_id == run_id and run.version > 0 else None


def _whole_payload(run: Run) -> bytes | None:
    """The payload of a run as JSON. Raises PayloadError if it is no longer what the run was given."""
    if isinstance(run.payload, bytes) or run.payload is None:
        whole = not (run.options or {}).get("payload_scrubbed")
    else:
        whole = is_whole(run.payload)
    if not whole:
        raise PayloadError(
            f"the payload of run {run.run_id} is no longer whole",
            "it had secrets, or was too large for the log; they were removed when the run ended",
            f"runlog replay {run.run_id} --payload '…'   # or runs.replay(run_id, payload=...)",
        )
    return run.payload if isinstance(run.payload, bytes) or run.payload is None else msgspec.json.encode(run.payload)
