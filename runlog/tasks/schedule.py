"""`@schedule`: a task is run at the times of a cron expression."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from runlog.errors import PayloadError, TaskError
from runlog.tasks.checks import check_name
from runlog.tasks.cron import Cron
from runlog.tasks.options import MISSING
from runlog.tasks.registry import registry
from runlog.tasks.submitter import RunRequest
from runlog.tasks.task import Task

T = TypeVar("T", bound=Task[Any, Any])

Misfire = Literal["run_once", "skip"]

_UPCOMING = 5


@dataclass(frozen=True)
class ScheduledTime:
    """The payload of a scheduled run, for tasks that take one. Its times are in the schedule's time zone."""

    timestamp: datetime
    """When the run was planned for; it may have started later."""
    last_timestamp: datetime | None = None
    """The planned time of the run before, if there was one."""
    upcoming: tuple[datetime, ...] = ()
    """The next five planned times."""
    schedule_id: str = ""
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        zone = ZoneInfo(self.timezone)
        for name in ("timestamp", "last_timestamp"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, moment.astimezone(zone))
        object.__setattr__(self, "upcoming", tuple(moment.astimezone(zone) for moment in self.upcoming))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of a task, as its code declares it."""

    id: str
    task: Task[Any, Any]
    cron: Cron
    misfire: Misfire = "run_once"
    version: str | None = None
    payload: Any = field(default=MISSING, repr=False)

    def check(self) -> None:
        """Find now what would go wrong when it is due. Raises TaskError."""
        try:
            self.request(self.cron.next(0) or 0, None, self.cron)
        except PayloadError as error:
            raise TaskError(
                f"the schedule {self.id!r} has no payload that fits task {self.task.id!r}",
                str(error),
                "@schedule(cron=..., payload=...)   # or let the task take a ScheduledTime",
            ) from error

    def request(self, planned: int, last: int | None, cron: Cron) -> RunRequest:
        """The run of a planned time, where the one before was at `last`. Raises PayloadError."""
        payload = self.payload
        if payload is MISSING and _takes_time(self.task):
            payload = ScheduledTime(
                cron.local(planned),
                None if last is None else cron.local(last),
                tuple(cron.local(moment) for moment in cron.upcoming(planned, _UPCOMING)),
                self.id,
                cron.tz,
            )
        options = {} if self.version is None else {"version": self.version}
        return replace(self.task.request(payload, options), schedule_id=self.id)


def schedule(
    *,
    cron: str,
    tz: str = "UTC",
    id: str | None = None,  # noqa: A002 - the word of the API
    payload: Any = MISSING,
    misfire: Misfire = "run_once",
    version: str | None = None,
) -> Callable[[T], T]:
    """Run a task at the times of a cron expression (minute hour day month weekday) in a time zone.

    It stands above `@task`, and may stand there several times. Workers that know the task start its runs, each planned
    time once over all of them. The run gets `payload`, or else a `ScheduledTime` where the task takes one. `id` is the
    task's id unless given: under it workers agree on what was run, so a second schedule of a task needs one.

    Of the times that passed while no worker ran (more than a minute ago) the newest is run once, or none with
    `misfire="skip"`. `version` is that of `trigger`. Raises TaskError for what cannot be a schedule.
    """
    if misfire not in get_args(Misfire):
        raise TaskError(f"misfire is {misfire!r}", "there is run_once and skip", 'misfire="skip"')

    def declare(task: T) -> T:
        if not isinstance(task, Task):
            raise TaskError(
                f"{getattr(task, '__qualname__', task)!r} is no task", "a schedule runs a task", "@schedule(...)\n@task"
            )
        name = check_name(task.id if id is None else id, "a schedule's id", '@schedule(id="nightly", cron=...)')
        _check_free(name, task)
        made = Schedule(name, task, Cron(cron, tz), misfire, version, payload)
        try:
            made.check()
        except TaskError as error:
            if not isinstance(error.__cause__, NameError):  # a type that is defined further down: a worker checks it
                raise
        task.schedules = (*task.schedules, made)
        return task

    return declare


def _check_free(schedule_id: str, task: Task[Any, Any]) -> None:
    others = [other for other in registry if other.id != task.id]
    for other in (task, *others):
        if any(one.id == schedule_id for one in other.schedules):
            raise TaskError(
                f"two schedules have the id {schedule_id!r}",
                f"{other.place} and {task.place}",
                f'@schedule(id="{schedule_id}-2", ...)   # on one of them',
            )


def _takes_time(task: Task[Any, Any]) -> bool:
    annotation = task.signature.payload_type
    return annotation is ScheduledTime or ScheduledTime in typing.get_args(annotation)
