"""Log lines across runs: a list, how many over time, and what is beside one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from runlog.reading.own import asks_for_own, only_own, without_own
from runlog.stores.base import Event, Reader
from runlog.stores.lists import Histogram
from runlog.stores.query import And, Query, Term, format_time
from runlog.web.answers import MOST
from runlog.web.api.lines import log_row
from runlog.web.api.lists import ASKED, BARS, CURSOR, Grid, grid_asked, of_logs, page_size, query_asked
from runlog.web.api.rows import milliseconds
from runlog.web.api.types import LevelBucket, LevelHistogram, Log, LogsPage
from runlog.web.endpoint import Call, Endpoint, Parameter, bad_request
from runlog.web.live.position import Position

_TIME = "time"
_MOST_BESIDE = 200
OWN_TOO = Parameter(
    "own", "flag", "with what runlog tells of its workers and instrumentations; also where the query is about `name`"
)
_BESIDE = 64 * 1024
"""Bytes of an answer that are not its lines, at most."""


def log_rows(reader: Reader, events: Sequence[Event]) -> list[Log]:
    """Events as lines, each with its run's task."""
    tasks = reader.tasks(list({event.run_id for event in events if event.run_id is not None}))
    return [log_row(event, tasks.get(event.run_id) if event.run_id else None) for event in events]


def logs_page(reader: Reader, query: Query, cursor: str | None, limit: int) -> LogsPage:
    """A page of lines, newest first."""
    position = str(Position(*reader.position()))
    page = reader.search(query, cursor=cursor, limit=limit)
    rows = log_rows(reader, page.items)
    fitting = _fitting(rows)
    if fitting < len(rows):
        return LogsPage(rows[:fitting], str(rows[fitting - 1].id), None, position)
    return LogsPage(rows, page.cursor, milliseconds(page.searched_to), position)


def _fitting(rows: Sequence[Log]) -> int:
    """How many of the rows fit into one answer, at least one."""
    left = MOST - _BESIDE
    for number, row in enumerate(rows):
        left -= len(msgspec.json.encode(row, enc_hook=str)) + 1
        if left < 0:
            return max(1, number)
    return len(rows)


async def logs(call: Call) -> LogsPage:
    cursor, limit = call.text("cursor") or None, call.parameters["limit"]

    def read(reader: Reader) -> LogsPage:
        query = of_logs(query_asked(call, _TIME))
        wanted = query if call.parameters["own"] or asks_for_own(query) else without_own(query)
        return logs_page(reader, wanted, cursor, limit)

    return await call.read(read)


async def histogram(call: Call) -> LevelHistogram:
    def read(reader: Reader) -> LevelHistogram:
        query = of_logs(query_asked(call, _TIME))
        grid = grid_asked(call, reader.event_times())
        found = reader.event_histogram(query, grid.origin, grid.width, grid.bars)
        if call.parameters["own"] or asks_for_own(query):
            return _levels(grid, found, None)
        since = () if found.searched_to is None else (Term(_TIME, ">=", format_time(found.searched_to)),)
        own = only_own(query)
        own = Query(own.text, And((own.node, *since))) if own.node is not None else own
        return _levels(grid, found, reader.event_histogram(own, grid.origin, grid.width, grid.bars))

    return await call.read(read)


def _levels(grid: Grid, found: Histogram, own: Histogram | None) -> LevelHistogram:
    """What was found, less runlog's own lines: counting all of them reads the minutes' tally, and these an index."""
    less = {} if own is None else {bucket.time: Counter(bucket.counts) for bucket in own.buckets}
    counted = {bucket.time: Counter(bucket.counts) - less.get(bucket.time, Counter()) for bucket in found.buckets}
    buckets = [LevelBucket(time / 1e6, dict(counts)) for time, counts in counted.items() if counts]
    total = sum(sum(bucket.counts.values()) for bucket in buckets)
    left_out = 0 if own is None else own.total
    return LevelHistogram(*grid.ms, buckets, total, milliseconds(found.searched_to), left_out)


async def around(call: Call) -> LogsPage:
    number, before, after = (call.parameters[name] for name in ("event", "before", "after"))
    if number is None:
        raise bad_request("the parameter 'event' is missing", "it is the number of a line")

    def read(reader: Reader) -> LogsPage:
        position = str(Position(*reader.position()))
        events = reader.around(number, before, after, call.text("run") or None)
        return LogsPage(log_rows(reader, events), None, None, position)

    return await call.read(read)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/logs",
        logs,
        "view",
        "Log lines that match, newest first; spans too, where the query says `kind:span`. `from` and `to` are about"
        " their time.",
        LogsPage,
        parameters=(*ASKED, OWN_TOO, CURSOR, page_size(100, 1000)),
    ),
    Endpoint(
        "GET",
        "/api/logs/histogram",
        histogram,
        "view",
        "How many of the lines that match were logged when, by level.",
        LevelHistogram,
        parameters=(*ASKED, OWN_TOO, BARS),
    ),
    Endpoint(
        "GET",
        "/api/logs/around",
        around,
        "view",
        "The lines beside one, oldest first.",
        LogsPage,
        parameters=(
            Parameter("event", "integer", "the number of the line", least=1, most=2**63 - 1),
            Parameter("before", "integer", "how many before it", default=20, least=0, most=_MOST_BESIDE),
            Parameter("after", "integer", "how many after it", default=20, least=0, most=_MOST_BESIDE),
            Parameter("run", about="a run's id: lines of this run only"),
        ),
    ),
)
