"""The attempts of a run, and what of it is not in the log."""

from __future__ import annotations

import apsw

from runlog.stores.base import Event, Run
from runlog.stores.one_run import ATTEMPT, Losses
from runlog.stores.sqlite.rows import SELECT_EVENT, event_of
from runlog.stores.sqlite.schema import LOG

_OF_RUN = "FROM event e INDEXED BY event_run"
_ATTEMPTS = f"""
    SELECT {SELECT_EVENT} {_OF_RUN} WHERE e.run = :run AND e.kind <> {LOG} AND e.parent_id IS :root
    AND e.name GLOB '{ATTEMPT}*' ORDER BY e.id LIMIT :limit
"""
_REFUSED = f"""
    SELECT substr(j.key, 9), sum(j.value) {_OF_RUN}, json_each(e.attributes) j
    WHERE e.run = ? AND e.kind = {LOG} AND e.name = 'runlog' AND instr(e.attributes, '"refused.') > 0
    AND j.key GLOB 'refused.*' AND j.type = 'integer' GROUP BY 1 ORDER BY 1
"""
_DROPPED = f"""
    SELECT j.key, sum(j.value) {_OF_RUN}, json_each(e.extra, '$.dropped') j
    WHERE e.run = ? AND instr(e.extra, '"dropped"') > 0 AND j.type = 'integer' GROUP BY 1 ORDER BY 1
"""
_TRUNCATED = f"""
    SELECT count(*) {_OF_RUN}, json_each(e.extra, '$.truncated') j WHERE e.run = ? AND instr(e.extra, '"truncated"') > 0
"""


def attempts(connection: apsw.Connection, run: Run, limit: int) -> list[Event]:
    """See RunReader.attempts."""
    bindings = {"run": run.id, "root": run.span_id, "limit": 2 * limit}
    newest: dict[bytes | None, Event] = {}
    for row in connection.execute(_ATTEMPTS, bindings):
        newest[row[4]] = event_of(row, run.run_id)  # the end after the start
    return list(newest.values())[:limit]


def losses(connection: apsw.Connection, run: Run) -> Losses:
    """See RunReader.losses."""
    refused, dropped = (
        {str(key): int(count) for key, count in connection.execute(sql, (run.id,))} for sql in (_REFUSED, _DROPPED)
    )
    return Losses(refused, dropped, int(connection.execute(_TRUNCATED, (run.id,)).get))
