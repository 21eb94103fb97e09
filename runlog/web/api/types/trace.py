"""The events of a run as columns."""

from __future__ import annotations

import msgspec

from runlog.web.api.types.runs import RunRow


class TracePage(msgspec.Struct):
    """Rows of a run's trace as columns, in the order of their ids. Numbers are little-endian arrays in base64.

    An `open` row says that a span has begun; the `span` row of the same span id, in this page or a later one, replaces
    it.
    A page leaves the open rows out whose spans end in the same page; of a span that ends in a later one the open row
    is there, so that what is inside it has its place from the first page on.
    """

    run_id: str
    origin: float
    """The moment that `start` counts from: when the run was created."""
    count: int
    id: str
    """float64: event ids, for /api/events/{id}."""
    kind: str
    """uint8: 0 log, 1 open, 2 span."""
    level: str
    """uint8: 5 debug, 9 info, 13 warn, 17 error, or what OpenTelemetry has between."""
    status: str
    """uint8: 0 unset, 1 ok, 2 error, 3 canceled, 4 unfinished; 0 for logs."""
    flags: str
    """uint8: 1 has an exception, 2 something of it was cut or dropped, 4 the message here is cut, 8 has links."""
    name: str
    """uint32: index into `names`: a span's name, a log's source."""
    start: str
    """float64: nanoseconds after the origin."""
    duration: str
    """float64: nanoseconds; -1 for open spans and logs."""
    span: str
    """8 bytes each: a span's own id; zeros for a log."""
    parent: str
    """8 bytes each: the id of the span it is in; zeros at the top."""
    names: list[str]
    messages: list[str]
    """For each log in order: its message, rendered, cut at 500 characters."""
    accessories: list[tuple[int, str]]
    """(row, text): what a span shows beside its name: its error's title, its HTTP status, its own icon's text. Of a log
    the title of its exception."""
    children: list[RunRow]
    """Runs triggered by this run, on the first page, at most 1,000; /children has all. A live stream tells of them by
    `runs`."""
    children_total: int
    """0 on later pages."""
    cursor: int
    """Pass as `after` for the next page."""
    more: bool
    remaining: int
    """Rows still to come, about."""


class Matches(msgspec.Struct):
    """Events of a run that a query finds, the newest first."""

    ids: str
    """float64, little-endian, in base64: event ids. A span's is that of its end."""
    cursor: str | None
    """For those before; None when there are no more."""
