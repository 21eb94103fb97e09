"""`@schedule`: what may be declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runlog.errors import TaskError
from runlog.tasks import Registry, TaskDecorator
from runlog.tasks.schedule import ScheduledTime, schedule

task = TaskDecorator(Registry())


def test_a_schedule_has_the_id_of_its_task_and_a_second_one_needs_its_own() -> None:
    @schedule(cron="0 10 * * *", id="report-late", tz="Europe/Berlin", misfire="skip")
    @schedule(cron="0 9 * * *")
    @task
    def report() -> None: ...

    assert [(one.id, one.cron.tz, one.misfire) for one in report.schedules] == [
        ("report", "UTC", "run_once"),
        ("report-late", "Europe/Berlin", "skip"),
    ]
    with pytest.raises(TaskError, match="two schedules have the id 'report'"):
        schedule(cron="0 11 * * *")(report)


def test_what_is_no_task_is_refused() -> None:
    def plain() -> None: ...

    with pytest.raises(TaskError, match="is no task") as raised:
        schedule(cron="0 9 * * *")(plain)  # type: ignore[type-var]
    assert "@schedule(...)\n@task" in str(raised.value)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cron": "0 9 * *"}, "is no cron expression"),
        ({"cron": "0 9 * * *", "tz": "Mars/Base"}, "there is no time zone 'Mars/Base'"),
        ({"cron": "0 9 * * *", "misfire": "always"}, "misfire is 'always'"),
        ({"cron": "0 9 * * *", "id": "two words"}, "cannot be a schedule's id"),
        ({"cron": "0 9 * * *", "payload": "text"}, "no payload that fits task 'numbered'"),
        ({"cron": "0 9 * * *"}, "no payload that fits task 'numbered'"),
    ],
)
def test_a_wrong_schedule_is_refused_where_it_is_written(options: dict[str, Any], why: str) -> None:
    @task(id="numbered")
    def numbered(number: int) -> None: ...

    with pytest.raises(TaskError, match=why):
        schedule(**options)(numbered)
    assert numbered.schedules == ()
    task._registry._tasks.clear()


def test_a_payload_of_a_type_that_is_defined_further_down_is_checked_later() -> None:
    @schedule(cron="0 9 * * *", payload={"name": "eu"})
    @task
    def regional(region: Region) -> None: ...

    (declared,) = regional.schedules
    declared.check()


@dataclass
class Region:
    name: str


def test_a_scheduled_time_is_in_its_zone() -> None:
    moment = datetime(2026, 7, 1, 7, 0, tzinfo=UTC)
    at = ScheduledTime(moment, moment - timedelta(days=1), (moment + timedelta(days=1),), "morning", "Europe/Berlin")
    assert [f"{one:%d %H:%M}" for one in (at.timestamp, at.last_timestamp or moment, *at.upcoming)] == [
        "01 09:00",
        "30 09:00",
        "02 09:00",
    ]
