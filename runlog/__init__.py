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
        RunlogError,
        RunNotFound,
        StoreError,
        StoreTooNew,
        TaskError,
    )
    from runlog.recording.scrub import mask
    from runlog.tasks import BatchHandle, Context, Retry, RunHandle, RunResult, Task, current_run, task, trigger
    from runlog.tracing.propagation import copy_context

__version__ = "0.1.0"

__all__ = [
    "AbortRun",
    "BatchHandle",
    "ChildRunError",
    "ConfigError",
    "Context",
    "InstrumentationError",
    "PayloadError",
    "ProjectNotOpen",
    "QueryError",
    "Retry",
    "RunHandle",
    "RunNotFound",
    "RunResult",
    "RunlogError",
    "StoreError",
    "StoreTooNew",
    "Task",
    "TaskError",
    "copy_context",
    "current_run",
    "logger",
    "mask",
    "open",
    "task",
    "trigger",
]

# Where each public name lives. They are imported when first asked for, so that a program that only logs stays light.
_HOMES = {
    "runlog.app": ("open",),
    "runlog.recording.scrub": ("mask",),
    "runlog.tasks": (
        "BatchHandle",
        "Context",
        "Retry",
        "RunHandle",
        "RunResult",
        "Task",
        "current_run",
        "task",
        "trigger",
    ),
    "runlog.tracing.propagation": ("copy_context",),
    "runlog.errors": (
        "AbortRun",
        "ChildRunError",
        "ConfigError",
        "InstrumentationError",
        "PayloadError",
        "ProjectNotOpen",
        "QueryError",
        "RunlogError",
        "RunNotFound",
        "StoreError",
        "StoreTooNew",
        "TaskError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'runlog' has no attribute {name!r}")
    with importing:
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
