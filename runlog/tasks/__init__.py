"""What a task is: `@task`, its options and payload, handles, and the current run."""

from runlog.tasks.context import AttemptInfo, Context, RunInfo, RunStopped, TaskInfo, current_run
from runlog.tasks.decorator import TaskDecorator, task
from runlog.tasks.payload import NotStored
from runlog.tasks.registry import Registry, registry
from runlog.tasks.results import BatchHandle, RunHandle, RunResult
from runlog.tasks.retry import Retry
from runlog.tasks.task import AsyncTask, SyncTask, Task
from runlog.tasks.trigger import trigger

__all__ = [
    "AsyncTask",
    "AttemptInfo",
    "BatchHandle",
    "Context",
    "NotStored",
    "Registry",
    "Retry",
    "RunHandle",
    "RunInfo",
    "RunResult",
    "RunStopped",
    "SyncTask",
    "Task",
    "TaskDecorator",
    "TaskInfo",
    "current_run",
    "registry",
    "task",
    "trigger",
]
