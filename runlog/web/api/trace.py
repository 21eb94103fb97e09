"""The trace of a run as columns: what a tree of 100,000 spans can be drawn from at once."""

from __future__ import annotations

from array import array
from binascii import b2a_base64
from dataclasses import fields
from itertools import accumulate, compress
from sys import byteorder
from typing import Any, NamedTuple

import msgspec

from runlog.console.message import render_message
from runlog.stores.base import Reader, Run
from runlog.stores.one_run import ATTRIBUTES_READ, MESSAGE_READ, TraceRows
from runlog.web.api.run import run_children
from runlog.web.api.types import RunRow, TracePage
from runlog.web.endpoint import Call, Endpoint, Parameter, bad_request

ROWS = 25_000
"""Of one page, at most."""
BYTES = 5 * 512 * 1024
"""Of the rows of one page, about."""
CHILDREN_BYTES = 1024 * 1024
MESSAGE = 500
"""Characters of a message in a row."""

LOG, OPEN, SPAN = 0, 1, 2
HAS_EXCEPTION, IS_CUT, MESSAGE_CUT, HAS_LINKS = 1, 2, 4, 8
_STATUS_CODE = 'status_code":'
_STATUS_KEYS = ('"http.response.status_code":', '"http.status_code":')
_PART_SECONDS = 10.0
"""To find what is inside a span, or above it, all of its run is looked through."""
_AT_ONCE = 5000
"""Rows that are in memory before it is known how many of them fit."""
_ROW_BYTES = 64
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode
_COLUMNS = [field.name for field in fields(TraceRows)]


class _Title(msgspec.Struct):
    type: Any = ""
    message: Any = ""


class _Extra(msgspec.Struct):
    """What a row shows of an event's `extra`; the rest is not even decoded."""

    exception: _Title | None = None
    icon: str | None = None
    truncated: Any = None
    dropped: Any = None
    links: Any = None


def trace_page(
    reader: Reader, run: Run, after: int, limit: int, under: bytes | None = None, to: bytes | None = None
) -> TracePage:
    """A page of a run's trace: rows with an id over `after`, as many as fit into one answer; of all of it, of what is
    inside the span `under`, or of the spans on the way to the span `to`."""
    inside = None if under is None else reader.spans_inside(run, under)
    if to is not None:
        inside = reader.spans_above(run, to)
    has_logs = to is None
    columns, cursor, left, more = _Columns(), after, max(1, min(limit, ROWS)), True
    while left > 0 and more and columns.size < BYTES:
        wanted = min(left, _AT_ONCE)
        rows = reader.trace(run, after=cursor, limit=wanted, inside=inside, has_logs=has_logs)
        taken = columns.add(rows)
        cursor = rows.id[taken - 1] if taken else cursor
        left, more = left - taken, taken < len(rows) or len(rows) == wanted
    left = reader.trace_size(run, after=cursor, inside=inside, has_logs=has_logs) if more else 0
    page = columns.page(run, cursor, left)
    if after == 0 and to is None:
        children = run_children(reader, run.run_id)
        page.children = _fitting_runs(children.items)
        page.children_total = len(children.items) if children.cursor is None else reader.relatives(run).children
    return page


def _fitting_runs(rows: list[RunRow]) -> list[RunRow]:
    while len(_encode(rows)) > CHILDREN_BYTES:
        rows = rows[: len(rows) // 2]
    return rows


class _Columns:
    """A page as it grows."""

    def __init__(self) -> None:
        self.size = 0
        self._ids, self._starts, self._durations = array("d"), array("d"), array("d")
        self._kinds, self._levels, self._statuses, self._flags = bytearray(), bytearray(), bytearray(), bytearray()
        self._spans: list[bytes] = []
        self._parents: list[bytes] = []
        self._names: dict[str, int] = {}
        self._name = array("I")
        self._messages: list[str] = []
        self._accessories: list[tuple[int, str]] = []

    def add(self, rows: TraceRows) -> int:
        """Add rows, or as many of them as fit; return how many."""
        texts = _texts(rows)
        count = len(rows)
        size = _size(rows, texts)
        if self.size + size > BYTES:
            count = _fitting(rows, texts, BYTES - self.size)
            rows = TraceRows(*(getattr(rows, column)[:count] for column in _COLUMNS))
            texts = _texts(rows)
        before = len(self._ids)
        self.size += size
        self._ids.extend(rows.id)
        self._starts.extend(rows.start)
        self._durations.extend(rows.duration)
        self._kinds.extend(rows.kind)
        self._levels.extend(rows.level)
        self._statuses.extend(rows.status)
        self._flags.extend(texts.flags)
        self._spans.extend(rows.span)
        self._parents.extend(rows.parent)
        names = self._names
        self._name.extend([names.setdefault(name, len(names)) for name in rows.name])
        self._messages.extend(texts.messages)
        self._accessories.extend([(before + number, text) for number, text in texts.accessories])
        return count

    def page(self, run: Run, cursor: int, remaining: int) -> TracePage:
        self._leave_out_starts()
        return TracePage(
            run_id=run.run_id,
            origin=run.created / 1e6,
            count=len(self._ids),
            id=_packed(self._ids),
            kind=_packed(self._kinds),
            level=_packed(self._levels),
            status=_packed(self._statuses),
            flags=_packed(self._flags),
            name=_packed(self._name),
            start=_packed(self._starts),
            duration=_packed(self._durations),
            span=_packed(b"".join(self._spans)),
            parent=_packed(b"".join(self._parents)),
            names=list(self._names),
            messages=self._messages,
            accessories=self._accessories,
            children=[],
            children_total=0,
            cursor=cursor,
            more=remaining > 0,
            remaining=remaining,
        )

    def _leave_out_starts(self) -> None:
        """Leave out the starts of spans that end in the same page."""
        kinds, spans = self._kinds, self._spans
        if OPEN not in kinds:
            return
        ended = {span for span, kind in zip(spans, kinds, strict=True) if kind == SPAN}
        kept = [kind != OPEN or span not in ended for span, kind in zip(spans, kinds, strict=True)]
        places = [0, *accumulate(kept)]
        self._accessories = [(places[number], text) for number, text in self._accessories if kept[number]]
        self._kinds, self._levels = bytearray(compress(kinds, kept)), bytearray(compress(self._levels, kept))
        self._statuses, self._flags = bytearray(compress(self._statuses, kept)), bytearray(compress(self._flags, kept))
        self._ids, self._name = array("d", compress(self._ids, kept)), array("I", compress(self._name, kept))
        self._starts = array("d", compress(self._starts, kept))
        self._durations = array("d", compress(self._durations, kept))
        self._spans, self._parents = list(compress(spans, kept)), list(compress(self._parents, kept))


class _Texts(NamedTuple):
    """What is made of rows' texts: the flags of each row, the messages of the logs, and what is shown beside names."""

    flags: list[int]
    messages: list[str]
    accessories: list[tuple[int, str]]


def _texts(rows: TraceRows) -> _Texts:
    known = {text: _of_extra(text) for text in set(rows.extra)}
    flags = [known[text][0] for text in rows.extra]
    telling = {text for text, (_, shown) in known.items() if shown}
    messages: list[str] = []
    accessories: list[tuple[int, str]] = []
    for number, (kind, attributes) in enumerate(zip(rows.kind, rows.attributes, strict=True)):
        if kind == LOG:
            message, whole = _rendered(rows.message[number], attributes)
            if not whole:
                flags[number] |= MESSAGE_CUT
            messages.append(message)
            if telling and known[rows.extra[number]][0] & HAS_EXCEPTION:
                accessories.append((number, known[rows.extra[number]][1][-1]))
            continue
        if _STATUS_CODE in attributes and (status := _http_status(attributes)):
            accessories.append((number, status))
        if telling and (extra := rows.extra[number]) in telling:
            accessories += [(number, text) for text in known[extra][1]]
    return _Texts(flags, messages, accessories)


def _rendered(message: str, attributes: str) -> tuple[str, bool]:
    """A log's message as far as a row shows it, and whether that is all of it."""
    whole = len(message) <= MESSAGE_READ
    if "{" in message and len(attributes) <= ATTRIBUTES_READ:
        message = render_message(message, _decode(attributes))
    return message[:MESSAGE], whole and len(message) <= MESSAGE


def _http_status(attributes: str) -> str:
    """Read as text: a tenth of what decoding costs for every HTTP call."""
    for key in _STATUS_KEYS:
        start = attributes.find(key)
        if start >= 0 and (status := attributes[start + len(key) : start + len(key) + 3]).isdecimal():
            return status
    return ""


def _size(rows: TraceRows, texts: _Texts) -> int:
    """Bytes in the answer, about."""
    words = [*texts.messages, *(text for _, text in texts.accessories), *set(rows.name)]
    return len(_encode(words)) + 12 * len(texts.accessories) + _ROW_BYTES * len(rows)


def _fitting(rows: TraceRows, texts: _Texts, room: int) -> int:
    """How many of the rows fit, at least one."""
    names, messages = set[str](), iter(texts.messages)
    beside = [0] * len(rows)
    for number, text in texts.accessories:
        beside[number] += 16 + len(_encode(text))
    size = 0
    for number, name in enumerate(rows.name):
        size += _ROW_BYTES + beside[number]
        if rows.kind[number] == LOG:
            size += len(_encode(next(messages)))
        if name not in names:
            names.add(name)
            size += len(_encode(name))
        if size > room:
            return max(1, number)
    return len(rows)


def _of_extra(text: str | None) -> tuple[int, tuple[str, ...]]:
    """The flags of an event, and what is shown beside its name."""
    if text is None:
        return 0, ()
    try:
        extra = msgspec.json.decode(text, type=_Extra)
    except msgspec.ValidationError:  # of another form than ours
        return 0, ()
    flags = HAS_EXCEPTION if extra.exception is not None else 0
    flags |= IS_CUT if extra.truncated or extra.dropped else 0
    flags |= HAS_LINKS if extra.links else 0
    shown = [extra.icon[:40]] if extra.icon else []
    if extra.exception is not None:
        shown.append(f"{extra.exception.type}: {extra.exception.message}"[:200])
    return flags, tuple(shown)


def _packed(values: array[float] | array[int] | bytes | bytearray) -> str:
    if byteorder == "big" and isinstance(values, array):
        values.byteswap()
    return b2a_base64(values, newline=False).decode()


def _span_id(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        raise bad_request(f"{text[:40]!r} is not the id of a span", "it is 16 hexadecimal digits") from None


async def trace(call: Call) -> TracePage:
    under, to = _span_id(call.text("under")), _span_id(call.text("to"))
    if under and to:
        raise bad_request("what is inside a span and the way to one are two questions", "ask for `under` or for `to`")
    after, limit = call.parameters.get("after") or 0, call.parameters.get("limit") or ROWS

    def read(reader: Reader) -> TracePage:
        return trace_page(reader, reader.run(call.path["run_id"], data=False), after, limit, under, to)

    return await call.read(read, seconds=_PART_SECONDS if under or to else None)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs/{run_id}/trace",
        trace,
        "view",
        "The spans and logs of a run, as columns.",
        TracePage,
        parameters=(
            Parameter("after", "integer", "The cursor of the page before.", 0, 0),
            Parameter("limit", "integer", "Rows at most.", ROWS, 1, ROWS),
            Parameter("under", "text", "A span's id: only what is inside it."),
            Parameter("to", "text", "A span's id: only it and the spans that it is in."),
        ),
    ),
)
