# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Deleting old runs, about a thousand events a transaction, with exactly their entries in the indexes.

An index entry is deleted by giving back the text it was made of, which the event still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import ceil, inf

import apsw
import msgspec

from runlog.stores.base import Pruned
from runlog.stores.sqlite.rows import Row, fetch, searchable
from runlog.stores.sqlite.schema import ENDED_AT, HAS_ENDED, LOG, MINUTE, OPEN
from runlog.stores.sqlite.tokens import token_text
from runlog.stores.sqlite.write_runs import TAKE_TAG, TAKE_TALLY, tag_rows
from runlog.system.sqlite import Database

_EVENTS = 1000  # a transaction: others wait behind it
_RUNS = 100
_VACUUM_PAGES = _MERGE_PAGES = 500
_SHRINK_TO = 0.9
_FOREVER = 2**63 - 1

# A run whose own record never came is over too, once its first event is that old.
_OLDEST_RUNS = f"""
    SELECT * FROM (SELECT id, {ENDED_AT} AS at FROM run WHERE {HAS_ENDED} ORDER BY 2 LIMIT {_RUNS})
    UNION ALL SELECT * FROM (SELECT id, created FROM run WHERE version = 0 ORDER BY created LIMIT {_RUNS})
    ORDER BY at
"""
_SELECT = """
    SELECT e.id, e.kind, e.time, e.level, e.name, e.message, e.attributes, coalesce(r.task, ''), e.span_id
    FROM event e INDEXED BY event_run LEFT JOIN run r ON r.id = e.run
"""
_OF_RUN = f"{_SELECT} WHERE e.run = :run ORDER BY e.id LIMIT :limit"
_OF_NO_RUN = f"""
    {_SELECT} WHERE e.run IS NULL AND e.time + coalesce(e.duration, 0) < :before ORDER BY e.id LIMIT :limit
"""
# A number is never given twice: readers go on from one.
_KEEP_LAST_CHANGE = """
    UPDATE meta SET value = max(value, coalesce((SELECT max(change) FROM run), 0)) WHERE key = 'last_change'
"""
_OLDEST_OF_NO_RUN = "SELECT time + coalesce(duration, 0) FROM event WHERE run IS NULL ORDER BY id LIMIT 1"
_USED = "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)"


@dataclass(slots=True)
class _Deleted:
    runs: int = 0
    events: int = 0


def prune(database: Database, older_than: int | None, max_size: int | None) -> Generator[None, None, Pruned]:
    """See Store.prune_steps. A step is a transaction."""
    database.checkpoint()
    before = database.path.stat().st_size
    total = _Deleted()
    if older_than is not None:
        yield from _repeat(database, total, lambda connection, limit: _delete_runs(connection, older_than, limit))
        yield from _repeat(database, total, lambda connection, limit: _delete_of_no_run(connection, older_than, limit))
    if max_size is not None:
        yield from _shrink(database, total, max_size)
    yield from _give_back(database)
    return Pruned(total.runs, total.events, max(0, before - database.path.stat().st_size))


def _repeat(
    database: Database, total: _Deleted, step: Callable[[apsw.Connection, int], _Deleted], events: float = inf
) -> Generator[None, None, bool]:
    """Delete step by step until there is nothing more, which is False, or so many events are gone."""
    goal = total.events + events
    while total.events < goal:
        with database.transaction() as connection:
            done = step(connection, int(min(_EVENTS, goal - total.events)))
            _count(connection, done)
        if not done.runs and not done.events:
            return False
        total.runs += done.runs
        total.events += done.events
        database.checkpoint_if_due()
        yield
    return True


def _shrink(database: Database, total: _Deleted, max_size: int) -> Generator[None, None, None]:
    """Delete the oldest until the database is smaller than `max_size`, and some more, so as not to begin again at once.

    How many is computed and not waited for: what an index gives up becomes free only when its parts are merged.
    """
    target = max_size * _SHRINK_TO
    while (used := _used(database.connection)) > max_size:
        stored = int(database.connection.execute("SELECT max(1, coalesce(sum(count), 0)) FROM tally").get)
        more = yield from _repeat(database, total, _delete_oldest, ceil(stored * (used - target) / used))
        if _used(database.connection) > max_size:
            yield from _merge_indexes(database)
        if not more:
            break


def _merge_indexes(database: Database) -> Generator[None, None, None]:
    for table in ("word", "attr"):
        pages = -_MERGE_PAGES  # below zero, all parts are to be merged into one; above, a begun merge goes on
        while True:
            with database.transaction() as connection:
                changes = connection.total_changes()
                connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))
                changes = connection.total_changes() - changes
            database.checkpoint_if_due()
            yield
            if changes < 2:
                break
            pages = _MERGE_PAGES


def _used(connection: apsw.Connection) -> int:
    return int(connection.execute(_USED).get) * int(connection.pragma("page_size"))


def _delete_oldest(connection: apsw.Connection, limit: int) -> _Deleted:
    """Delete the oldest of what can be deleted, whether it belongs to a run or not, to the minute."""
    runs = fetch(connection, _OLDEST_RUNS)
    event: int | None = connection.execute(_OLDEST_OF_NO_RUN).get
    if event is not None and (not runs or event < runs[0][1]):
        return _delete_of_no_run(connection, runs[0][1] + MINUTE if runs else _FOREVER, limit)
    return _delete_runs(connection, _FOREVER if event is None else event + MINUTE, limit)


def _delete_runs(connection: apsw.Connection, before: int, limit: int) -> _Deleted:
    """Delete the runs that ended first, whole but for one with too many events for a transaction: it comes again."""
    deleted = _Deleted()
    connection.execute(_KEEP_LAST_CHANGE)
    for run, ended in fetch(connection, _OLDEST_RUNS):
        if ended >= before or deleted.events >= limit:
            break
        room = limit - deleted.events
        found = fetch(connection, _OF_RUN, {"run": run, "limit": room})
        _delete_events(connection, found)
        deleted.events += len(found)
        if len(found) == room:
            break
        for created, tags in fetch(connection, "SELECT created, tags FROM run WHERE id = ?", (run,)):
            connection.executemany(TAKE_TAG, tag_rows(tags, created, run))
        for statement in (
            "DELETE FROM open_span WHERE run = ?",
            "DELETE FROM run_data WHERE run = ?",
            "DELETE FROM run WHERE id = ?",
        ):
            connection.execute(statement, (run,))
        deleted.runs += 1
    return deleted


def _delete_of_no_run(connection: apsw.Connection, before: int, limit: int) -> _Deleted:
    found = fetch(connection, _OF_NO_RUN, {"before": before, "limit": limit})
    _delete_events(connection, found)
    return _Deleted(events=len(found))


def _delete_events(connection: apsw.Connection, rows: list[Row]) -> None:
    if not rows:
        return
    words, pairs, ended = [], [], []
    tally: dict[tuple[int, str, int], list[int]] = {}
    for number, kind, time, level, name, message, attributes, task, span_id in rows:
        if kind == OPEN:
            ended.append((span_id, number))
            continue
        if text := searchable(kind, name, message):
            words.append((number, text))
        if attributes != "{}":
            pairs.append((number, token_text(msgspec.json.decode(attributes))))
        counts = tally.setdefault((time // MINUTE, task, level), [0, 0])
        counts[0] += 1
        counts[1] += kind == LOG
    connection.executemany("INSERT INTO word (word, rowid, body) VALUES ('delete', ?, ?)", words)
    connection.executemany("INSERT INTO attr (attr, rowid, pairs) VALUES ('delete', ?, ?)", pairs)
    connection.executemany("DELETE FROM open_span WHERE span_id = ? AND event = ?", ended)
    connection.executemany(TAKE_TALLY, [(*counts, *key) for key, counts in tally.items()])
    connection.executemany("DELETE FROM tally WHERE minute = ? AND task = ? AND level = ? AND count <= 0", list(tally))
    connection.executemany("DELETE FROM event WHERE id = ?", [(row[0],) for row in rows])
    last = max(row[0] for row in rows)  # an id is never given twice: readers go on from one
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'last_id'", (last,))


def _count(connection: apsw.Connection, deleted: _Deleted) -> None:
    """Keep how much has been deleted in all, so that what is gone is not taken for never recorded."""
    for key, count in (("pruned_runs", deleted.runs), ("pruned_events", deleted.events)):
        if count:
            connection.execute("UPDATE meta SET value = value + ? WHERE key = ?", (count, key))


def _give_back(database: Database) -> Generator[None, None, None]:
    """Return free pages to the file system, slice by slice."""
    while True:
        with database.transaction() as connection:
            free = int(connection.pragma("freelist_count"))
            if free:  # the statement frees one page a step: it must be stepped to its end
                connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
            left = int(connection.pragma("freelist_count"))
        if not left or left >= free:
            break
        database.checkpoint_if_due()
        yield
    database.checkpoint(truncate=True)
