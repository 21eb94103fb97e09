"""Starts the runs of schedules: each planned time once over all workers."""

from __future__ import annotations

import math
import time

from anyio import Event, move_on_after

from runlog.engines.base import Engine
from runlog.errors import ProjectNotOpen, RunlogError, TaskError
from runlog.executor.newruns import new_run
from runlog.logger import logger
from runlog.tasks.cron import SECOND, Cron
from runlog.tasks.registry import Registry
from runlog.tasks.schedule import Schedule
from runlog.tasks.states import ScheduleState

_DECLARE_EVERY = 30.0
_LOOK_EVERY = 2.0
"""Seconds after which a step of the clock, or that a schedule was paused or goes on, is noticed at the latest."""
_MISSED = 60 * SECOND
"""A planned time this long ago was missed: no worker ran."""


class Scheduler:
    """Starts the runs of the schedules that the tasks in `registry` have."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine, self._registry = engine, registry
        self._crons: dict[tuple[str, str], Cron] = {}
        self._said: dict[str, str] = {}  # schedule (or none) → the error that was told of it last

    async def run(self, stop: Event) -> None:
        """Start runs until `stop`. What goes wrong is named once, and tried again."""
        schedules = self._schedules()
        if not schedules:
            return
        since, declared = time.time_ns(), -math.inf
        while not stop.is_set():
            patience = _LOOK_EVERY
            try:
                if time.monotonic() - declared >= _DECLARE_EVERY:
                    await self._declare(schedules, since)
                    declared = time.monotonic()
                patience = await self._look(schedules)
                self._said.pop("", None)
            except ProjectNotOpen:
                return
            except Exception as error:  # noqa: BLE001 - the runs go on without it
                self._say("", error)
            with move_on_after(patience):
                await stop.wait()

    def _schedules(self) -> dict[str, Schedule]:
        """Id → schedule, of those that can be run."""
        found: dict[str, Schedule] = {}
        for schedule in [one for task in self._registry for one in task.schedules]:
            try:
                schedule.check()
                if schedule.id in found:
                    raise TaskError(f"two schedules have the id {schedule.id!r}", f"of {schedule.task.place} too")
                found[schedule.id] = schedule
            except RunlogError as error:
                self._say(schedule.id, error)
        return found

    async def _declare(self, schedules: dict[str, Schedule], since: int) -> None:
        now = time.time_ns()
        await self._engine.keep_schedules(
            [
                ScheduleState(one.id, one.task.id, one.cron.expression, one.cron.tz, since, now)
                for one in schedules.values()
            ]
        )

    async def _look(self, schedules: dict[str, Schedule]) -> float:
        """Start what is due; return for how many seconds there is nothing to do."""
        patience = _LOOK_EVERY
        for state in await self._engine.schedules():
            schedule = schedules.get(state.schedule_id)
            if schedule is None or state.paused or state.task != schedule.task.id:
                continue
            try:
                cron = self._cron(state)
                await self._serve(schedule, state, cron)
                upcoming = cron.next(max(state.planned, time.time_ns()))
                if upcoming is not None:
                    patience = min(patience, (upcoming - time.time_ns()) / SECOND)
                self._said.pop(schedule.id, None)
            except ProjectNotOpen:
                raise
            except Exception as error:  # noqa: BLE001 - the other schedules go on
                self._say(schedule.id, error)
        return max(patience, 0)

    async def _serve(self, schedule: Schedule, state: ScheduleState, cron: Cron) -> None:
        """Start the run of the newest planned time that is due; those before it are left out."""
        now = time.time_ns()
        planned = cron.newest(state.planned, now)
        if planned is None:
            return
        if schedule.misfire == "skip" and now - planned > _MISSED:
            await self._engine.fire(schedule.id, planned, None)
        else:
            run = new_run(schedule.request(planned, state.last, cron))
            await self._engine.fire(schedule.id, planned, run)

    def _cron(self, state: ScheduleState) -> Cron:
        """The expression that the newest version of the code declared, whatever this process's says."""
        key = state.cron, state.timezone
        if key not in self._crons:
            self._crons[key] = Cron(*key)
        return self._crons[key]

    def _say(self, schedule_id: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, RunlogError) else f"{type(error).__name__}: {error}"
        if self._said.get(schedule_id) == reason:
            return
        self._said[schedule_id] = reason
        what = f"the schedule {schedule_id!r}" if schedule_id else "schedules"
        logger.error("{what} cannot be run now: {reason}", what=what, reason=reason)
