"""What the lists of runs and of logs are asked for alike: a query, a time, columns, a page."""

from __future__ import annotations

import time

from runlog.stores.query import And, Node, Query, Term, format_time, leaves, parse
from runlog.web.endpoint import Call, Parameter, bad_request

MOST_COLUMNS = 20
MOST_BARS = 400
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_000  # the years 1 to 9999, as ms
_MS = 1_000_000
_HOUR = 3_600_000 * _MS
_WIDTHS = tuple(
    number * unit
    for unit, numbers in (
        (_MS, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1000 * _MS, (1, 2, 5, 10, 15, 30)),
        (60_000 * _MS, (1, 2, 5, 10, 15, 30)),
        (3_600_000 * _MS, (1, 2, 3, 6, 12)),
        (86_400_000 * _MS, (1, 2, 7, 14, 28)),
    )
    for number in numbers
)

ASKED = (
    Parameter("q", about="a query; empty: everything"),
    Parameter("from", "number", "the time from which on, in ms since 1970 UTC", least=_FIRST, most=_LAST),
    Parameter("to", "number", "the time before which, in ms since 1970 UTC", least=_FIRST, most=_LAST),
)
CURSOR = Parameter("cursor", about="of the last page", most=100)
BARS = Parameter("buckets", "integer", "bars, about so many", default=60, least=1, most=MOST_BARS)


def page_size(default: int, most: int) -> Parameter:
    return Parameter("limit", "integer", f"how many, {most} at most", default=default, least=1, most=most)


def time_asked(call: Call) -> tuple[int | None, int | None]:
    """The time asked for, in ns: from and before. Raises Refused."""
    asked = (call.parameters["from"], call.parameters["to"])
    start, end = (None if at is None else round(at * _MS) for at in asked)
    if start is not None and end is not None and start >= end:
        raise bad_request("there is no time in it", "`from` is not before `to`", "leave one of them out")
    return start, end


def query_asked(call: Call, time_key: str) -> Query:
    """The query asked for, in the time asked for. Raises QueryError and Refused."""
    start, end = time_asked(call)
    query = parse(call.text("q"))
    nodes: list[Node] = [] if query.node is None else [query.node]
    if start is not None:
        nodes.append(Term(time_key, ">=", format_time(start)))
    if end is not None:
        nodes.append(Term(time_key, "<", format_time(end)))
    if not nodes:
        return query
    return Query(query.text, nodes[0] if len(nodes) == 1 else And(tuple(nodes)))


def of_logs(query: Query) -> Query:
    """Log lines only, unless the query is about kinds."""
    if query.node is not None and any(isinstance(leaf, Term) and leaf.key == "kind" for leaf in leaves(query.node)):
        return query
    logs = Term("kind", "=", "log")
    return Query(query.text, logs if query.node is None else And((query.node, logs)))


def names_asked(text: str) -> list[str]:
    """Names separated by commas, in which `%2C` is a comma and `%25` a `%`."""
    names = (name.replace("%2C", ",").replace("%2c", ",").replace("%25", "%") for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))


def columns_asked(call: Call) -> list[str]:
    """The columns asked for. Raises Refused."""
    columns = names_asked(call.text("columns"))
    if len(columns) > MOST_COLUMNS:
        raise bad_request(f"{len(columns)} columns are too many", f"{MOST_COLUMNS} may be shown")
    for column in columns:
        kind, _, name = column.partition(".")
        if kind not in ("payload", "output", "metadata", "attr") or (kind == "attr" and not name):
            raise bad_request(
                f"there is no column {column[:60]!r}",
                "columns are payload.x, output.x, metadata.x and attr.x; what every run has is always there",
            )
    return columns


class Grid:
    """Equal bars over a time, which begin at round times and so perhaps before it."""

    def __init__(self, start: int, end: int, bars: int) -> None:
        self.start, self.end = start, max(end, start + 1)
        self.width = _width((self.end - start) / bars)
        self.origin = start // self.width * self.width
        self.bars = -((self.origin - self.end) // self.width)

    @property
    def ms(self) -> tuple[float, float, float]:
        """Start, end and width."""
        return self.start / _MS, self.end / _MS, self.width / _MS


def grid_asked(call: Call, times: tuple[int, int] | None) -> Grid:
    """The bars of a histogram over the time asked for; by default all of `times` (of what there is), until now."""
    start, end = time_asked(call)
    if end is None:
        end = time.time_ns() if times is None else max(time.time_ns(), times[1] + 1)
    if start is None:
        start = end - _HOUR if times is None else min(times[0], end - 1)
    return Grid(start, end, call.parameters["buckets"])


def _width(least: float) -> int:
    for width in _WIDTHS:
        if width >= least:
            return width
    return int(-(-least // _WIDTHS[-1])) * _WIDTHS[-1]
