# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Failed runs and logged exceptions, in the order of time."""

from __future__ import annotations

import apsw

from runlog.stores.failures import FAILED, FailedRun, LoggedError
from runlog.stores.sqlite.connected import Connected, reading
from runlog.stores.sqlite.schema import ENDED_AT, IS_LISTED, LOG

_FIELDS = f"id, run_id, task, status, created, {ENDED_AT}, error, reason, change"
# One ordered walk of an index for each status, merged: no more is read than is asked for.
_WALKS = " UNION ALL ".join(
    f"""SELECT {_FIELDS} FROM run INDEXED BY run_status WHERE {IS_LISTED} AND status = '{status}'
    AND created <= :created AND (created < :created OR id < :id)"""
    for status in FAILED
)
_FAILED = f"{_WALKS} ORDER BY 5 DESC, 1 DESC LIMIT :limit"
_STATUSES = ", ".join(f"'{status}'" for status in FAILED)
_SINCE = f"""
    SELECT {_FIELDS} FROM run INDEXED BY run_change WHERE change > ? AND status IN ({_STATUSES}) AND {IS_LISTED}
    ORDER BY change LIMIT ?
"""
_LOGGED = f"""
    SELECT e.id, e.time + coalesce(e.duration, 0), r.run_id, r.task, iif(e.kind = {LOG}, e.extra -> '$.exception', NULL)
    FROM event e INDEXED BY event_error LEFT JOIN run r ON r.id = e.run
    WHERE e.level >= 17 AND e.id > :above AND e.id < :below ORDER BY e.id DESC LIMIT :limit
"""
_LAST = 2**63 - 1


class FailureViews(Connected):
    """See stores.failures.FailureReader."""

    @reading
    def failed_runs(self, before: tuple[int, int] | None, *, limit: int = 500) -> list[FailedRun]:
        created, number = before or (_LAST, _LAST)
        return _failed(self._connection, _FAILED, {"created": created, "id": number, "limit": limit})

    @reading
    def runs_failed_since(self, change: int, *, limit: int = 500) -> list[FailedRun]:
        return _failed(self._connection, _SINCE, (change, limit))

    @reading
    def logged_errors(self, *, above: int = 0, below: int | None = None, limit: int = 500) -> list[LoggedError]:
        bindings = {"above": above, "below": _LAST if below is None else below, "limit": limit}
        return [LoggedError._make(row) for row in self._connection.execute(_LOGGED, bindings)]


def _failed(connection: apsw.Connection, sql: str, bindings: dict[str, int] | tuple[int, int]) -> list[FailedRun]:
    return [FailedRun._make(row) for row in connection.execute(sql, bindings)]
