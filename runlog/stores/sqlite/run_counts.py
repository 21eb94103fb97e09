# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""How many runs match, over time by status, and by what they have in common."""

from __future__ import annotations

import json
import time as clock
from collections import Counter
from collections.abc import Sequence

import apsw

from runlog.stores.base import Bucket
from runlog.stores.lists import Counted, Histogram
from runlog.stores.query import RUN_STATUSES, Query
from runlog.stores.sqlite.rows import Row, fetch
from runlog.stores.sqlite.run_walk import Piece, Walk
from runlog.stores.sqlite.schema import IS_LISTED

_CREATED = f"FROM run INDEXED BY run_created WHERE {IS_LISTED}"
_TIMES = f"SELECT (SELECT min(created) {_CREATED}), (SELECT max(created) {_CREATED})"
# One look at an index for each bar and status is three times as fast as grouping its rows.
_BARS = f"""
    WITH bar(number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM bar WHERE number < :last)
    SELECT number, status.value, (
        SELECT count(*) FROM run INDEXED BY run_status WHERE {IS_LISTED} AND status = status.value
        AND created >= max(:low, :start + number * :width) AND created < min(:high, :start + (number + 1) * :width)
    ) AS found FROM bar, json_each(:statuses) AS status WHERE found > 0
"""


def count_runs(connection: apsw.Connection, query: Query | None, budget: float) -> Counted:
    """See Reader.count_runs."""
    walk = Walk(connection, query, clock.monotonic() + budget)
    if walk.plan is not None and walk.plan.alone is not None:
        return Counted(walk.plan.alone.count(connection, walk.plan.low, walk.plan.high), None)
    whole = walk.whole
    count = sum(int(piece.fetch("count(*)")[0][0]) for piece in ([whole] if whole is not None else walk))
    return Counted(count, walk.searched_to)


def run_times(connection: apsw.Connection) -> tuple[int, int] | None:
    """See Reader.run_times."""
    [(first, last)] = fetch(connection, _TIMES)
    return None if first is None else (first, last)


def run_histogram(
    connection: apsw.Connection, query: Query | None, start: int, width: int, bars: int, budget: float
) -> Histogram:
    """See Reader.run_histogram."""
    walk = Walk(connection, query, clock.monotonic() + budget)
    walk.limit(start, start + width * bars)
    statuses = _statuses(walk)
    if statuses is not None:
        bindings = {**walk.range, "start": start, "width": width, "last": bars - 1, "statuses": json.dumps(statuses)}
        found = fetch(connection, _BARS, bindings)
    else:
        found = [row for piece in walk for row in _by_status(piece, start, width)]
    counts: dict[int, Counter[str]] = {}
    for number, status, count in found:
        counts.setdefault(number, Counter())[status] += count
    return Histogram(
        [Bucket(start + number * width, dict(counts[number])) for number in sorted(counts)], walk.searched_to
    )


def _statuses(walk: Walk) -> Sequence[str] | None:
    """The statuses of which all runs match, where that is all that is asked for."""
    if walk.plan is None or not walk.plan.covered:
        return None
    lead = walk.plan.lead
    if lead is None:
        return RUN_STATUSES
    return lead.values if lead.name == "status" else None


def _by_status(piece: Piece, start: int, width: int) -> list[Row]:
    select = "(r.created - :bar_start) / :bar_width, r.status, count(*)"
    return piece.fetch(select, "GROUP BY 1, 2", bar_start=start, bar_width=width)
