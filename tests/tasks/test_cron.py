"""The planned times of schedules, against a reference that looks at every minute there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlog.errors import TaskError
from runlog.tasks.cron import SECOND, Cron
from tests.helpers import times

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Tehran",
)
RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(7))


@dataclass(frozen=True)
class Field:
    text: str
    values: frozenset[int]

    @property
    def is_starred(self) -> bool:
        return self.text.startswith("*")


@dataclass(frozen=True)
class Expression:
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    def __str__(self) -> str:
        return " ".join(field.text for field in (self.minute, self.hour, self.day, self.month, self.weekday))

    def fits(self, local: datetime) -> bool:
        """Whether a time of the wall clock is meant."""
        day, weekday = local.day in self.day.values, local.isoweekday() % 7 in self.weekday.values
        on_day = day and weekday if self.day.is_starred or self.weekday.is_starred else day or weekday
        on_time = local.minute in self.minute.values and local.hour in self.hour.values
        return on_day and on_time and local.month in self.month.values


def reference(expression: Expression, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """The planned times, found by asking each minute."""
    at_times_of_day = not (expression.minute.is_starred or expression.hour.is_starred)
    found = []
    moment = after.replace(second=0, microsecond=0)
    while (moment := moment + MINUTE) <= until:
        local = moment.astimezone(zone)
        wall = [local.replace(tzinfo=None)]
        if at_times_of_day:
            before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
            while wall[-1] - before > MINUTE:  # the clock was put forward: these minutes never came
                wall.append(wall[-1] - MINUTE)
            if local.fold:  # it was put back: these came before
                wall = []
        if any(map(expression.fits, wall)):
            found.append(moment)
    return found


@cache
def changes_of_the_clock(zone: str) -> tuple[datetime, ...]:
    """The hours in which a zone's offset changes."""
    moment, end, found = datetime(2006, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC), []
    place = ZoneInfo(zone)
    while moment < end:
        if moment.astimezone(place).utcoffset() != (moment + HOUR).astimezone(place).utcoffset():
            found.append(moment)
        moment += HOUR
    return tuple(found)


def field(span: range) -> st.SearchStrategy[Field]:
    numbers = st.sampled_from(span)
    steps = st.integers(2, max(2, len(span) // 2))

    def of_list(values: list[int]) -> Field:
        return Field(",".join(map(str, values)), frozenset(values))

    def of_range(pair: tuple[int, int]) -> Field:
        low, high = sorted(pair)
        return Field(f"{low}-{high}", frozenset(range(low, high + 1)))

    return st.one_of(
        st.just(Field("*", frozenset(span))),
        steps.map(lambda step: Field(f"*/{step}", frozenset(span[::step]))),
        st.lists(numbers, min_size=1, max_size=4).map(of_list),
        st.tuples(numbers, numbers).map(of_range),
    )


every = [Field("*", frozenset(span)) for span in RANGES]
night = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(
    lambda hours: Field(",".join(map(str, hours)), frozenset(hours))
)
expressions = st.builds(
    Expression,
    field(RANGES[0]),
    night | field(RANGES[1]),
    st.just(every[2]) | field(RANGES[2]),
    st.just(every[3]) | field(RANGES[3]),
    st.just(every[4]) | field(RANGES[4]),
)


@settings(max_examples=times(60, 800), deadline=None)
@given(st.data(), st.sampled_from(ZONES), expressions)
def test_the_planned_times_are_those_of_a_wall_clock_that_is_looked_at_each_minute(
    data: st.DataObject, zone: str, expression: Expression
) -> None:
    change = data.draw(st.sampled_from(changes_of_the_clock(zone)))
    after = (
        change + data.draw(st.integers(-30 * 60, 6 * 60)) * MINUTE + timedelta(seconds=data.draw(st.integers(0, 59)))
    )
    until = change + DAY + 6 * HOUR
    try:
        cron = Cron(str(expression), zone)
    except TaskError:  # such as February 30
        assert not reference(expression, ZoneInfo(zone), after, until)
        return
    expected = [int(moment.timestamp()) * SECOND for moment in reference(expression, ZoneInfo(zone), after, until)]
    start, end = int(after.timestamp()) * SECOND, int(until.timestamp()) * SECOND
    found = []
    for planned in cron.after(start):
        if planned > end:
            break
        found.append(planned)
    assert found == expected
    assert cron.newest(start, end) == (expected[-1] if expected else None)
    assert cron.next(start) == (found[0] if found else cron.next(end))


def told(expression: str, zone: str, start: str, count: int) -> list[str]:
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    cron = Cron(expression, zone)
    return [f"{cron.local(one):%d %H:%M %z}" for one in cron.upcoming(int(moment.timestamp()) * SECOND, count)]


def test_a_time_of_day_that_is_skipped_is_planned_for_the_change_and_one_that_comes_twice_once() -> None:
    assert told("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", 3) == [
        "28 02:30 +0100",
        "29 03:00 +0200",
        "30 02:30 +0200",
    ]
    assert told("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00", 2) == ["25 02:30 +0200", "26 02:30 +0100"]
    assert told("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00", 2) == ["29 03:00 +0200", "29 03:30 +0200"]


def test_what_goes_by_the_hour_is_left_out_when_it_is_skipped_and_comes_twice_when_the_hour_does() -> None:
    assert told("0 * * * *", "Europe/Berlin", "2026-03-29T00:30", 2) == ["29 01:00 +0100", "29 03:00 +0200"]
    assert told("0 * * * *", "Europe/Berlin", "2026-10-25T01:30", 3) == [
        "25 02:00 +0200",
        "25 02:00 +0100",
        "25 03:00 +0100",
    ]
    assert told("*/20 2 * * *", "Australia/Lord_Howe", "2026-10-04T01:00", 2) == ["04 02:40 +1100", "05 02:00 +1100"]


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "a * * * *", "*/0 * * * *"],
)
def test_what_is_no_expression_is_refused_with_a_line_that_is_one(expression: str) -> None:
    with pytest.raises(TaskError, match="is no cron expression") as raised:
        Cron(expression)
    assert raised.value.fix is not None
    assert "@schedule(" in raised.value.fix


@pytest.mark.parametrize("zone", ["Europe/Nix", "Europe", "", "/etc/passwd", "CEST"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(TaskError, match="there is no time zone"):
        Cron("* * * * *", zone)


def test_times_that_never_come_are_refused() -> None:
    with pytest.raises(TaskError):
        Cron("0 0 30 2 *")


def test_a_long_time_without_a_worker_is_passed_at_once() -> None:
    now = int(datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC).timestamp()) * SECOND
    assert Cron("* * * * *", "Europe/Berlin").newest(0, now) == now - 30 * SECOND
    leap = Cron("0 0 29 2 *")
    assert f"{leap.local(leap.newest(0, now) or 0):%F}" == "2024-02-29"
