# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Reading one run, its events, the tail of the log and completions."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from runlog.errors import RunNotFound
from runlog.stores.base import DEBUG, ERROR, INFO, LEVEL_NAMES, WARN, Event, Run
from runlog.stores.sqlite.rows import SELECT_EVENT, SELECT_RUN, bindable, event_of, fetch, run_of
from runlog.stores.sqlite.schema import IS_LISTED
from runlog.stores.sqlite.tokens import VALUE_LENGTH, decode, encode_key, encode_value
from runlog.system.ids import RUN_ID_PREFIX

_MOST_NAMED = 5
_LAST_ID = "SELECT max(value, coalesce((SELECT max(id) FROM event), 0)) FROM meta WHERE key = 'last_id'"
_LAST_CHANGE = "SELECT max(value, coalesce((SELECT max(change) FROM run), 0)) FROM meta WHERE key = 'last_change'"


def find_run(connection: apsw.Connection, run_id: str, *, data: bool = True) -> Run:
    """Read a run by its id, or by a beginning or end of it that no other run shares. Raises RunNotFound."""
    run_id = bindable(run_id)
    exact = connection.execute("SELECT run_id FROM run WHERE run_id = ?", (run_id,)).get
    found = [exact] if exact is not None else _candidates(connection, run_id)
    if len(found) != 1:
        raise _not_found(connection, run_id, found)
    if not data:
        [row] = fetch(connection, f"SELECT {SELECT_RUN} FROM run r WHERE r.run_id = ?", (found[0],))
        return run_of(row)
    fields = "d.payload, d.output, d.metadata"
    sql = f"SELECT {SELECT_RUN}, {fields} FROM run r LEFT JOIN run_data d ON d.run = r.id WHERE r.run_id = ?"
    [row] = fetch(connection, sql, (found[0],))
    return run_of(row, row[-3:])


def _candidates(connection: apsw.Connection, text: str) -> list[str]:
    text = text.strip().lower()
    if not text or text == RUN_ID_PREFIX:
        return []
    limit = f"LIMIT {_MOST_NAMED + 1}"
    for start in dict.fromkeys((text, RUN_ID_PREFIX + text)):
        between = f"SELECT run_id FROM run WHERE run_id >= ? AND run_id < ? ORDER BY run_id DESC {limit}"
        found = [row[0] for row in connection.execute(between, (start, start + "\U0010ffff"))]
        if found:
            return found
    ends = f"SELECT run_id FROM run WHERE substr(run_id, -length(:text)) = :text ORDER BY run_id DESC {limit}"
    return [row[0] for row in connection.execute(ends, {"text": text})]


def _not_found(connection: apsw.Connection, run_id: str, found: list[str]) -> RunNotFound:
    shown = run_id[:100]
    if found:
        names = "\n".join(f"  {name}" for name in found[:_MOST_NAMED]) + "\n  …" * (len(found) > _MOST_NAMED)
        return RunNotFound(f"more than one run fits {shown!r}", names, "type more of the id")
    newest = connection.execute(f"SELECT run_id FROM run WHERE {IS_LISTED} ORDER BY created DESC, id DESC LIMIT 1").get
    why = f"the newest run is {newest}" if newest else "there are no runs yet"
    return RunNotFound(f"no run {shown!r}", why, "runlog runs   # lists them")


def run_events(connection: apsw.Connection, run_id: str | None, after: int, limit: int) -> list[Event]:
    """See Reader.events."""
    sql = f"SELECT {SELECT_EVENT} FROM event e WHERE e.run IS ? AND e.id > ? ORDER BY e.id LIMIT ?"
    run = None
    if run_id is not None:
        run = connection.execute("SELECT id FROM run WHERE run_id = ?", (bindable(run_id),)).get
        if run is None:
            return []
    return [event_of(row, run_id) for row in connection.execute(sql, (run, after, limit))]


def events_after(connection: apsw.Connection, after: int, limit: int) -> list[tuple[Event, int | None]]:
    """The next events of all runs, with the number of each one's run."""
    sql = (
        f"SELECT {SELECT_EVENT}, r.run_id FROM event e NOT INDEXED LEFT JOIN run r ON r.id = e.run"
        " WHERE e.id > ? ORDER BY e.id LIMIT ?"
    )
    return [(event_of(row, row[-1]), row[1]) for row in connection.execute(sql, (after, limit))]


def last_event_id(connection: apsw.Connection) -> int:
    """The highest id there has been."""
    return int(connection.execute(_LAST_ID).get)


def arrivals(connection: apsw.Connection, after: int | None, limit: int) -> tuple[list[Run], int]:
    """See Reader.arrivals."""
    if after is None:
        return [], int(connection.execute("SELECT coalesce(max(id), 0) FROM run").get)
    rows = fetch(connection, f"SELECT {SELECT_RUN} FROM run r WHERE r.id > ? ORDER BY r.id LIMIT ?", (after, limit))
    runs = [run_of(row) for row in rows]
    return runs, runs[-1].id if runs else after


def changes(connection: apsw.Connection, after: int, limit: int) -> tuple[list[Run], int]:
    """See Reader.changes."""
    sql = f"SELECT {SELECT_RUN}, r.change FROM run r WHERE r.change > ? ORDER BY r.change LIMIT ?"
    rows = fetch(connection, sql, (after, limit))
    return [run_of(row) for row in rows], rows[-1][-1] if rows else after


def last_change(connection: apsw.Connection) -> int:
    """The highest number that a change of a run has had."""
    return int(connection.execute(_LAST_CHANGE).get)


def versions(connection: apsw.Connection, run_ids: Sequence[str]) -> dict[str, int]:
    """See Reader.versions."""
    sql = "SELECT run_id, version FROM run WHERE version > 0 AND run_id IN (SELECT value FROM json_each(?))"
    return {row[0]: row[1] for row in connection.execute(sql, (json.dumps(list(run_ids)),))}


def tasks(connection: apsw.Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """See Reader.tasks."""
    sql = f"SELECT run_id, task FROM run WHERE {IS_LISTED} AND run_id IN (SELECT value FROM json_each(?))"
    return {row[0]: row[1] for row in connection.execute(sql, (json.dumps(list(run_ids)),))}


def level_name(level: int) -> str:
    """The name of the level that a number is of."""
    return LEVEL_NAMES[next((known for known in (ERROR, WARN, INFO) if level >= known), DEBUG)]


def keys(connection: apsw.Connection, prefix: str, limit: int) -> list[str]:
    """See Reader.keys. One seek a key: the values between are jumped over."""
    start = encode_key(prefix)[:-1]
    found: list[str] = []
    position, stop = start, start + "\x7f"
    while len(found) < limit:
        term = connection.execute(
            "SELECT term FROM attr_terms WHERE term >= ? AND term < ? LIMIT 1", (position, stop)
        ).get
        if term is None:
            break
        key = term.partition("=")[0]
        found.append(decode(key))
        position = key + ">"  # right after '=': every term of this key is below
    return found


def values(connection: apsw.Connection, key: str, prefix: str, limit: int) -> list[str]:
    """See Reader.values. Values too long for the index are left out."""
    head = encode_key(key)
    start = head + encode_value(prefix)
    sql = "SELECT term FROM attr_terms WHERE term >= ? AND term < ? AND term <> ? AND length(term) < ? LIMIT ?"
    bindings = (start, start + "\x7f", head + "%", len(head) + VALUE_LENGTH, limit)
    return [decode(row[0][len(head) :]) for row in connection.execute(sql, bindings)]
