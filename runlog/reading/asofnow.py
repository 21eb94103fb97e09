"""Runs with the reason as of now why they do not execute, read from the queue beside the log."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runlog.config import Settings
from runlog.errors import RunNotFound, StoreError
from runlog.stores.base import Run


def explained(settings: Settings, runs: Sequence[Run]) -> list[Run]:
    """These runs; those that have not ended with `reason` and `cause` as of now.

    The log's own reason stays where the queue cannot be read, does not know the run, or has gone on from what the log
    says.
    """
    waiting = [run.run_id for run in runs if not run.is_terminal]
    told = _asked(settings, waiting) if waiting else {}
    return [_with_reason(run, told.get(run.run_id)) for run in runs]


def _asked(settings: Settings, run_ids: Sequence[str]) -> dict[str, Run]:
    from runlog.engines.local.looking import QueueFile

    told: dict[str, Run] = {}
    try:
        with QueueFile(settings.queue_path) as queue:
            for run_id in run_ids:
                try:
                    told[run_id] = queue.explain(run_id)
                except RunNotFound:
                    continue
    except StoreError:
        pass
    return told


def _with_reason(run: Run, told: Run | None) -> Run:
    if told is None or told.status != run.status or told.version < run.version:
        return run
    return msgspec.structs.replace(run, reason=told.reason, cause=told.cause)
