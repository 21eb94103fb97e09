# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Values that fields have, for completion."""

from __future__ import annotations

import apsw

from runlog.stores.query import field_of
from runlog.stores.sqlite.compiler import column_of
from runlog.stores.sqlite.leads import index_of
from runlog.stores.sqlite.rows import bindable, fetch
from runlog.stores.sqlite.schema import IS_LISTED

_NEWEST_RUNS, _NEWEST_EVENTS = 5000, 10_000
_HIGHEST = "\U0010ffff"

# From one value to the next, whatever the number of runs.
_NEXT = "(SELECT min({column}) FROM {source} AND {column} {operator} {start} AND {column} < :stop)"
_WALK = f"""
    WITH RECURSIVE known(value) AS (
        SELECT {_NEXT.format(column="{column}", source="{source}", operator=">=", start=":start")}
        UNION ALL SELECT {_NEXT.format(column="{column}", source="{source}", operator=">", start="value")}
        FROM known WHERE value IS NOT NULL LIMIT :limit
    ) SELECT value FROM known WHERE value IS NOT NULL
"""
_OF_NEWEST_RUNS = f"""
    SELECT DISTINCT value FROM (
        SELECT {{column}} AS value FROM run r INDEXED BY run_created WHERE {IS_LISTED}
        ORDER BY created DESC LIMIT {_NEWEST_RUNS}
    ) WHERE value >= :start AND value < :stop ORDER BY value LIMIT :limit
"""
_NAMES = f"""
    SELECT DISTINCT name FROM (SELECT name FROM event ORDER BY id DESC LIMIT {_NEWEST_EVENTS})
    WHERE name >= :start AND name < :stop ORDER BY name LIMIT :limit
"""


def run_values(connection: apsw.Connection, key: str, start: str, limit: int) -> list[str]:
    """See Reader.run_values."""
    field = field_of(key)
    source = index_of(field.name)
    if source is not None:
        sql = _WALK.format(column=source.column, source=source.source)
    else:
        sql = _OF_NEWEST_RUNS.format(column=column_of(field))
    return _found(connection, sql, start, limit)


def event_names(connection: apsw.Connection, start: str, limit: int) -> list[str]:
    """See Reader.event_names."""
    return _found(connection, _NAMES, start, limit)


def _found(connection: apsw.Connection, sql: str, start: str, limit: int) -> list[str]:
    bindings = {"start": bindable(start), "stop": bindable(start) + _HIGHEST, "limit": limit}
    return [row[0] for row in fetch(connection, sql, bindings)]
