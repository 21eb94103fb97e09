# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""What runs have in the columns that a list was told to show: parts of their data, and attributes of their events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from runlog.stores.lists import NEWEST_EVENTS
from runlog.stores.sqlite.rows import bindable, fetch

_DATA = ("payload", "output", "metadata")
_LARGEST = 256 * 1024
"""Bytes of data that is looked into."""

_ATTRIBUTE = f"""
    SELECT run.value, (
        SELECT newest.value FROM (
            SELECT attributes -> :path AS value FROM event INDEXED BY event_run WHERE run = run.value
            ORDER BY id DESC LIMIT {NEWEST_EVENTS}
        ) AS newest WHERE newest.value IS NOT NULL LIMIT 1
    ) AS found FROM json_each(:runs) AS run WHERE found IS NOT NULL
"""


def cells(connection: apsw.Connection, runs: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    """See Reader.cells."""
    found: dict[int, dict[str, Any]] = {}
    numbers = json.dumps(list(runs))
    for column in dict.fromkeys(columns):
        kind, _, name = column.partition(".")
        if kind in _DATA:
            rows = _of_data(connection, numbers, kind, name)
        elif kind == "attr" and name:
            rows = fetch(connection, _ATTRIBUTE, {"path": _path(name), "runs": numbers})
        else:
            continue
        for run, text in rows:
            found.setdefault(run, {})[column] = msgspec.json.decode(text)
    return found


def _of_data(connection: apsw.Connection, numbers: str, kind: str, name: str) -> list[tuple[Any, ...]]:
    """`user.id` is the key of that name, or else `id` in `user`; without a name it is the whole."""
    whole, nested = _path(name), "$" + "".join(_step(part) for part in name.split("."))
    value = f"coalesce({kind} -> :whole, {kind} -> :nested)" if name else kind
    sql = f"""
        SELECT run, {value} AS found FROM run_data WHERE run IN (SELECT value FROM json_each(:runs))
        AND octet_length({kind}) <= {_LARGEST} AND found IS NOT NULL
    """
    bindings = {"whole": whole, "nested": nested} if name else {}
    return fetch(connection, sql, bindings | {"runs": numbers})


def _path(name: str) -> str:
    return "$" + _key(name)


def _step(part: str) -> str:
    return f"[{part}]" if part.isdecimal() and part.isascii() and len(part) < 10 else _key(part)


def _key(name: str) -> str:
    return "." + json.dumps(bindable(name), ensure_ascii=False)
