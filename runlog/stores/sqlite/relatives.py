# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""What is beside a run: the ones before and after it, its replays, its children."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from runlog.stores.base import Run
from runlog.stores.one_run import Child, Relatives, RunName
from runlog.stores.sqlite.rows import bindable
from runlog.stores.sqlite.schema import IS_LISTED, REPLAY_OF

_NAME = "run_id, task, status"
_BEFORE = f"""
    SELECT {_NAME} FROM run WHERE {IS_LISTED} AND task = :task
    AND created <= :created AND (created < :created OR id < :id)
    ORDER BY created DESC, id DESC LIMIT 1
"""
_AFTER = f"""
    SELECT {_NAME} FROM run WHERE {IS_LISTED} AND task = :task
    AND created >= :created AND (created > :created OR id > :id)
    ORDER BY created, id LIMIT 1
"""
_REPLAYS = f"SELECT {_NAME} FROM run WHERE {REPLAY_OF} = ? ORDER BY created, id LIMIT ?"
_CHILDREN = "SELECT count(*) FROM run WHERE parent_run_id = ?"
_CHILDREN_INSIDE = """
    SELECT run_id, status, created, ended, parent_span_id FROM run
    WHERE parent_run_id = ? AND parent_span_id IS NOT NULL
"""
_OF_TRACES = f"""
    SELECT {_NAME}, trace_id, span_id FROM run
    WHERE id > (SELECT max(id) FROM run) - 100000 AND trace_id IN (SELECT unhex(value) FROM json_each(?))
    AND {IS_LISTED} ORDER BY created DESC, id DESC
"""
MOST_REPLAYS = 100


def relatives(connection: apsw.Connection, run: Run) -> Relatives:
    """See RunReader.relatives."""
    place = {"task": bindable(run.task), "created": run.created, "id": run.id}
    before, after = (connection.execute(sql, place).fetchone() for sql in (_BEFORE, _AFTER))
    replays = connection.execute(_REPLAYS, (bindable(run.run_id), MOST_REPLAYS)).fetchall()
    return Relatives(
        previous=RunName._make(before) if before else None,
        next=RunName._make(after) if after else None,
        replays=[RunName._make(row) for row in replays],
        children=count_children(connection, run.run_id),
    )


def count_children(connection: apsw.Connection, run_id: str) -> int:
    return int(connection.execute(_CHILDREN, (bindable(run_id),)).get)


def names(connection: apsw.Connection, run_ids: Sequence[str]) -> dict[str, RunName]:
    """See RunReader.names."""
    sql = f"SELECT {_NAME} FROM run WHERE run_id IN (SELECT value FROM json_each(?))"
    wanted = json.dumps([bindable(run_id) for run_id in run_ids])
    return {row[0]: RunName._make(row) for row in connection.execute(sql, (wanted,))}


def children_inside(connection: apsw.Connection, run_id: str) -> list[Child]:
    """See RunReader.children_inside."""
    return [Child._make(row) for row in connection.execute(_CHILDREN_INSIDE, (bindable(run_id),))]


def runs_of_spans(
    connection: apsw.Connection, places: Sequence[tuple[bytes, bytes]]
) -> dict[tuple[bytes, bytes], RunName]:
    """See RunReader.runs_of_spans."""
    first: dict[bytes, RunName] = {}
    roots: dict[tuple[bytes, bytes], RunName] = {}
    wanted = json.dumps([trace.hex() for trace, _ in places])
    for run_id, task, status, trace, span in connection.execute(_OF_TRACES, (wanted,)):
        first[trace] = roots[trace, span] = RunName(run_id, task, status)
    found = {place: roots.get(place, first.get(place[0])) for place in places}
    return {place: name for place, name in found.items() if name is not None}
