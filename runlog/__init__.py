"""The run log of background tasks: for every run, exactly what happened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runlog.logger import logger
from runlog.system.forking import importing

if TYPE_CHECKING:
    from runlog.app import open
    from runlog.errors import (
        AbortRun,
        ChildRunError,
        ConfigError,
        InstrumentationError,
        PayloadError,
        ProjectNotOpen,
        QueryError,
        RetryAfter,
        RunlogError,
        RunNotFound,
        ScheduleNotFound,
        StoreError,
        StoreTooNew,
        TaskError,
        TokenNotFound,
    )
    from runlog.recording.scrub import mask
    from runlog.tasks import queues, runs, schedules, wait
    from runlog.tasks import retrying as retry
    from runlog.tasks.context import Context, current_run
    from runlog.tasks.decorator import task
    from runlog.tasks.hooks import hooks
    from runlog.tasks.keys import Debounce, IdempotencyKey
    from runlog.tasks.lifespan import lifespan
    from runlog.tasks.locals import Local
    from runlog.tasks.middleware import middleware
    from runlog.tasks.options import Item
    from runlog.tasks.queue import Queue
    from runlog.tasks.results import BatchHandle, RunHandle, RunResult
    from runlog.tasks.retry import Retry
    from runlog.tasks.schedule import ScheduledTime, schedule
    from runlog.tasks.streams import stream
    from runlog.tasks.task import Task
    from runlog.tasks.trigger import trigger
    from runlog.tasks.wait import Token, TokenResult
    from runlog.tracing.propagation import copy_context

__version__ = "0.1.0"

__all__ = [
    "AbortRun",
    "BatchHandle",
    "ChildRunError",
    "ConfigError",
    "Context",
    "Debounce",
    "IdempotencyKey",
    "InstrumentationError",
    "Item",
    "Local",
    "PayloadError",
    "ProjectNotOpen",
    "QueryError",
    "Queue",
    "Retry",
    "RetryAfter",
    "RunHandle",
    "RunNotFound",
    "RunResult",
    "RunlogError",
    "ScheduleNotFound",
    "ScheduledTime",
    "StoreError",
    "StoreTooNew",
    "Task",
    "TaskError",
    "Token",
    "TokenNotFound",
    "TokenResult",
    "copy_context",
    "current_run",
    "hooks",
    "lifespan",
    "logger",
    "mask",
    "middleware",
    "open",
    "queues",
    "retry",
    "runs",
    "schedule",
    "schedules",
    "stream",
    "task",
    "trigger",
    "wait",
]

# Where each public name lives. They are imported when first asked for, so that a program that only logs stays light.
_HOMES = {
    "runlog.app": ("open",),
    "runlog.recording.scrub": ("mask",),
    "runlog.tasks": (
        "BatchHandle",
        "Context",
        "Debounce",
        "IdempotencyKey",
        "Item",
        "Local",
        "Queue",
        "Retry",
        "RunHandle",
        "RunResult",
        "Task",
        "current_run",
        "hooks",
        "lifespan",
        "middleware",
        "task",
        "trigger",
    ),
    "runlog.tasks.schedule": ("ScheduledTime", "schedule"),
    "runlog.tasks.streams": ("stream",),
    "runlog.tasks.wait": ("Token", "TokenResult"),
    "runlog.tracing.propagation": ("copy_context",),
    "runlog.errors": (
        "AbortRun",
        "ChildRunError",
        "ConfigError",
        "InstrumentationError",
        "PayloadError",
        "ProjectNotOpen",
        "QueryError",
        "RetryAfter",
        "RunlogError",
        "RunNotFound",
        "ScheduleNotFound",
        "StoreError",
        "StoreTooNew",
        "TaskError",
        "TokenNotFound",
    ),
}
_MODULES = {
    "queues": "runlog.tasks.queues",
    "retry": "runlog.tasks.retrying",
    "runs": "runlog.tasks.runs",
    "schedules": "runlog.tasks.schedules",
    "wait": "runlog.tasks.wait",
}
"""Public names that are modules."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home, module = _HOME_OF.get(name), _MODULES.get(name)
    if home is None and module is None:
        raise AttributeError(f"module 'runlog' has no attribute {name!r}")
    with importing:
        value = import_module(module) if module is not None else getattr(import_module(home or ""), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
