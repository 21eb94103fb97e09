# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""What the runs that match have in common: how many have each value of a field or an attribute."""

from __future__ import annotations

import json
import time as clock
from collections import Counter
from collections.abc import Sequence

import apsw
import msgspec

from runlog.stores.lists import NEWEST_EVENTS, FacetCounts
from runlog.stores.query import Query, attribute_text, field_of, is_run_field
from runlog.stores.sqlite.compiler import column_of
from runlog.stores.sqlite.rows import bindable, fetch
from runlog.stores.sqlite.run_walk import Walk
from runlog.stores.sqlite.schema import ERROR_TYPE, IS_LISTED, OPEN

_FEW = 50_000  # runs that are sooner read than counted in an index of all

_BY_INDEX = {
    "status": f"SELECT status, count(*) FROM run INDEXED BY run_status WHERE {IS_LISTED} AND {{}} GROUP BY 1",
    "task": f"SELECT task, count(*) FROM run INDEXED BY run_task WHERE {IS_LISTED} AND {{}} GROUP BY 1",
    "queue": f"SELECT queue, count(*) FROM run INDEXED BY run_queue WHERE {IS_LISTED} AND {{}} GROUP BY 1",
    "tag": "SELECT tag, count(*) FROM run_tag WHERE {} GROUP BY 1",
    "run.version": f"""
        SELECT code_version, count(*) FROM run INDEXED BY run_code
        WHERE {IS_LISTED} AND code_version IS NOT NULL AND {{}} GROUP BY 1
    """,
    "run.error": f"""
        SELECT {ERROR_TYPE}, count(*) FROM run INDEXED BY run_error
        WHERE {IS_LISTED} AND error IS NOT NULL AND {{}} GROUP BY 1
    """,
}
# The values that a run has: a list of JSON texts.
_VALUES = f"""
    (SELECT json_group_array(DISTINCT value) FROM (
        SELECT attributes -> :path AS value FROM (
            SELECT attributes, kind FROM event INDEXED BY event_run WHERE run = r.id
            ORDER BY id DESC LIMIT {NEWEST_EVENTS}
        ) WHERE kind <> {OPEN} AND value IS NOT NULL
    ))
"""
_IN_TIME = "created >= :low AND created < :high"


def run_facets(
    connection: apsw.Connection, query: Query | None, keys: Sequence[str], most: int, budget: float
) -> list[FacetCounts]:
    """See Reader.run_facets. Attributes share the time that is left when the fields are counted."""
    deadline = clock.monotonic() + budget
    fields = [key for key in dict.fromkeys(keys) if is_run_field(key)]
    found = {counts.key: counts for counts in _fields(connection, query, fields, most, deadline)}
    attributes = [key for key in dict.fromkeys(keys) if not is_run_field(key)]
    for number, key in enumerate(attributes):
        share = max(0.0, deadline - clock.monotonic()) / (len(attributes) - number)
        found[key] = _attribute(connection, query, key, most, clock.monotonic() + share)
    return [found[key] for key in dict.fromkeys(keys)]


def _fields(
    connection: apsw.Connection, query: Query | None, keys: Sequence[str], most: int, deadline: float
) -> list[FacetCounts]:
    if not keys:
        return []
    walk = Walk(connection, query, deadline)
    whole = walk.whole
    if whole is not None and walk.plan is not None and walk.plan.lead is None:
        [(counted,)] = whole.fetch("count(*)")
        if counted > _FEW:
            found = [_by_index(connection, key, walk, most, counted, deadline) for key in keys if key in _BY_INDEX]
            return found + _read(walk, [key for key in keys if key not in _BY_INDEX], most)
    return _read(walk, keys, most)


def _by_index(
    connection: apsw.Connection, key: str, walk: Walk, most: int, counted: int, deadline: float
) -> FacetCounts:
    if clock.monotonic() > deadline:
        return FacetCounts(key, [], more=True, counted=0, searched_to=clock.time_ns())
    counts: Counter[str] = Counter(dict(fetch(connection, _BY_INDEX[key].format(_IN_TIME), walk.range)))
    return _counted(key, counts, most, counted, None)


def _read(walk: Walk, keys: Sequence[str], most: int) -> list[FacetCounts]:
    if not keys:
        return []
    counts: dict[str, Counter[str]] = {key: Counter() for key in keys}
    columns, counted = ", ".join(column_of(field_of(key)) for key in keys), 0
    for piece in walk:
        rows = piece.fetch(columns)
        counted += len(rows)
        for column, key in enumerate(keys):
            counts[key].update(_values(key, Counter(row[column] for row in rows if row[column] is not None)))
    return [_counted(key, counts[key], most, counted, walk.searched_to) for key in keys]


def _values(key: str, found: Counter[str]) -> Counter[str]:
    if field_of(key).kind != "list":
        return found
    tags: Counter[str] = Counter()
    for text, count in found.items():
        for tag in set(json.loads(text)):
            tags[tag] += count
    return tags


def _attribute(connection: apsw.Connection, query: Query | None, key: str, most: int, deadline: float) -> FacetCounts:
    """Runs are read a few at a time: each has its events."""
    walk = Walk(connection, query, deadline, by_events=True)
    path = "$." + json.dumps(bindable(field_of(key).name), ensure_ascii=False)
    counts: Counter[str] = Counter()
    counted = 0
    for piece in walk:
        found = Counter(row[0] for row in piece.fetch(_VALUES, path=path))
        counted += found.total()
        for values, runs in found.items():
            for text in _texts(values):
                counts[text] += runs
    return _counted(key, counts, most, counted, walk.searched_to)


def _texts(values: str) -> set[str]:
    """The values that a query can ask for: those of a list are its elements."""
    texts: set[str] = set()
    for text in msgspec.json.decode(values):
        value = msgspec.json.decode(text)
        texts.update(map(attribute_text, value if isinstance(value, list) else (value,)))
    return texts


def _counted(key: str, counts: Counter[str], most: int, counted: int, searched_to: int | None) -> FacetCounts:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return FacetCounts(key, ordered[:most], len(ordered) > most, counted, searched_to)
