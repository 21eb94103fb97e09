"""The schedules that workers have declared: `from runlog import schedules`."""

from __future__ import annotations

import builtins

from runlog.tasks.states import ScheduleState
from runlog.tasks.submitter import get_submitter


async def list() -> builtins.list[ScheduleState]:  # noqa: A001 - schedules.list()
    """All schedules, by id. Raises ProjectNotOpen."""
    return await get_submitter().schedules()


async def pause(schedule_id: str) -> None:
    """Start no more runs of a schedule. Raises ScheduleNotFound and ProjectNotOpen."""
    await get_submitter().pause_schedule(schedule_id, paused=True)


async def resume(schedule_id: str) -> None:
    """Start its runs again from now on; what was planned meanwhile is left out. Raises as `pause` does."""
    await get_submitter().pause_schedule(schedule_id, paused=False)
