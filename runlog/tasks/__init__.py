"""What a task is: `@task`, its options and payload, handles, and the current run."""

from runlog.tasks.context import (
    AttemptInfo,
    Context,
    QueueInfo,
    RunInfo,
    RunStopped,
    TaskInfo,
    current_run,
)
from runlog.tasks.decorator import TaskDecorator, task
from runlog.tasks.hooks import Hooks, hooks
from runlog.tasks.keys import Debounce, IdempotencyKey
from runlog.tasks.lifespan import Resource, lifespan
from runlog.tasks.locals import Local
from runlog.tasks.metadata import Metadata, MetadataWriter, Tags
from runlog.tasks.middleware import middleware
from runlog.tasks.options import Item, TriggerOptions
from runlog.tasks.payload import NotStored
from runlog.tasks.queue import Queue
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
    "Debounce",
    "Hooks",
    "IdempotencyKey",
    "Item",
    "Local",
    "Metadata",
    "MetadataWriter",
    "NotStored",
    "Queue",
    "QueueInfo",
    "Registry",
    "Resource",
    "Retry",
    "RunHandle",
    "RunInfo",
    "RunResult",
    "RunStopped",
    "SyncTask",
    "Tags",
    "Task",
    "TaskDecorator",
    "TaskInfo",
    "TriggerOptions",
    "current_run",
    "hooks",
    "lifespan",
    "middleware",
    "registry",
    "task",
    "trigger",
]
