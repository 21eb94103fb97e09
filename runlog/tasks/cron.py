"""The planned times of a cron expression in a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from runlog.errors import TaskError

SECOND = 1_000_000_000
_DAY = 86_400
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_EXAMPLE = '@schedule(cron="0 9 * * *", tz="Europe/Berlin")   # minute hour day month weekday'
_WINDOWS = (timedelta(hours=2), timedelta(days=2), timedelta(days=70), timedelta(days=370 * 8 + 2))
"""How far back the newest planned time is looked for: the next one only where there is none in the one before, so that
few times have to be passed. February 29 is 8 years apart at most."""


class Cron:
    """Five fields in a time zone. Times are nanoseconds since 1970 UTC.

    A time of day (neither minute nor hour begins with `*`) that a change of the clock skips is planned for the moment
    of the change, and one that comes twice for the first time. Any other expression goes by the hours as they pass:
    what is skipped is not planned, and what comes twice is planned twice.
    """

    def __init__(self, expression: str, tz: str = "UTC") -> None:
        """Raises TaskError for what is no expression or no time zone, and for times that never come."""
        from cronsim import CronSim, CronSimError

        self.expression, self.tz = " ".join(expression.split()), tz
        self._zone = UTC if tz == "UTC" else _zone(tz)
        fields = self.expression.split(" ")
        if len(fields) != 5:
            raise TaskError(f"{expression!r} is no cron expression", "it has five fields", _EXAMPLE)
        self._at_times_of_day = not (fields[0].startswith("*") or fields[1].startswith("*"))
        try:
            CronSim(self.expression, _SOME_DAY)
        except (CronSimError, ValueError, AssertionError) as error:
            raise TaskError(f"{expression!r} is no cron expression", str(error) or None, _EXAMPLE) from None
        if self.next(int(_SOME_DAY.timestamp()) * SECOND) is None:
            raise TaskError(f"the times of the cron expression {expression!r} never come", fix=_EXAMPLE)

    def after(self, moment: int) -> Iterator[int]:
        """The planned times after a moment, in order."""
        last = moment // SECOND
        for planned in self._times_of_day(last) if self._at_times_of_day else self._by_the_hours(last):
            if planned > last:  # two times of day that were skipped are the same moment
                yield planned * SECOND
                last = planned

    def _times_of_day(self, after: int) -> Iterator[int]:
        for wall in self._walls(after + self._offset(after)):
            local = datetime.fromtimestamp(wall, UTC).replace(tzinfo=self._zone)
            moment = int(local.timestamp())
            skipped = moment + self._offset(moment) != wall
            yield self._change(moment - _DAY, moment) if skipped else moment

    def _by_the_hours(self, after: int) -> Iterator[int]:
        """Day by day, each cut where the clock is changed."""
        start, offset = after + 1, self._offset(after + 1)
        walls = self._walls(start + offset - 1)
        wall = next(walls, None)
        while wall is not None:
            end = self._change(start, start + _DAY)
            while wall is not None and wall - offset < end:
                if wall >= start + offset:  # else the clock was put forward over it
                    yield wall - offset
                wall = next(walls, None)
            start, before, offset = end, offset, self._offset(end)
            if offset < before:  # it was put back: what was passed comes again
                walls = self._walls(start + offset - 1)
                wall = next(walls, None)

    def _walls(self, after: int) -> Iterator[int]:
        """The times that a clock would show which is never changed, in seconds since it showed the start of 1970."""
        from cronsim import CronSim

        for wall in CronSim(self.expression, datetime.fromtimestamp(after, UTC)):
            yield int(wall.timestamp())

    def _offset(self, moment: int) -> int:
        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def _change(self, start: int, end: int) -> int:
        """When the offset changes between two moments, or else `end`."""
        before = self._offset(start)
        if self._offset(end) == before:
            return end
        while end - start > 1:
            middle = (start + end) // 2
            start, end = (middle, end) if self._offset(middle) == before else (start, middle)
        return end

    def next(self, moment: int) -> int | None:
        """The first planned time after a moment."""
        return next(self.after(moment), None)

    def upcoming(self, moment: int, count: int) -> list[int]:
        """The first planned times after a moment."""
        return list(islice(self.after(moment), count))

    def newest(self, since: int, until: int) -> int | None:
        """The last planned time after `since` and not after `until`."""
        for window in _WINDOWS:
            start = max(since, until - int(window.total_seconds()) * SECOND)
            found = None
            for planned in self.after(start):
                if planned > until:
                    break
                found = planned
            if found is not None or start == since:
                return found
        return None

    def local(self, moment: int) -> datetime:
        """A moment as a time in the zone."""
        return datetime.fromtimestamp(moment / SECOND, self._zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        if not available_timezones():
            raise TaskError(
                f"the time zone {name!r} is not known", "this machine has no time zones", "pip install tzdata"
            ) from None
        raise TaskError(f"there is no time zone {name!r}", fix='tz="Europe/Berlin"') from None
