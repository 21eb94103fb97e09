"""The trace of a run as columns: what a tree of 100,000 spans can be drawn from at once."""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from sys import byteorder
from typing import Any, NamedTuple

import msgspec

from runlog.console.message import render_message
from runlog.stores.base import Reader, Run
from runlog.stores.one_run import TraceRow
from runlog.web.api.run import run_children
from runlog.web.api.types import TracePage
from runlog.web.endpoint import Call, Endpoint, Parameter, bad_request

ROWS = 25_000
"""Of one page, at most."""
BYTES = 4 * 1024 * 1024
MESSAGE = 500
"""Characters of a message in a row."""

LOG, OPEN, SPAN = 0, 1, 2
HAS_EXCEPTION, IS_CUT, MESSAGE_CUT, HAS_LINKS = 1, 2, 4, 8
_STATUS = {None: 0, "unset": 0, "ok": 1, "error": 2, "canceled": 3, "unfinished": 4}
_ROW_BYTES = 64
_NOWHERE = bytes(8)
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode


class _Title(msgspec.Struct):
    type: str = ""
    message: Any = ""


class _Extra(msgspec.Struct):
    """What a row shows of an event's `extra`; the rest is not even decoded."""

    exception: _Title | None = None
    icon: str | None = None
    truncated: msgspec.Raw | None = None
    dropped: msgspec.Raw | None = None
    links: list[msgspec.Raw] | None = None


class _Shown(NamedTuple):
    """What is made of a row beside its numbers."""

    flags: int
    message: str | None
    accessories: tuple[str, ...]


def trace_page(reader: Reader, run: Run, after: int, limit: int, under: bytes | None = None) -> TracePage:
    """A page of a run's trace: rows with an id over `after`, as many as fit into 4 MiB."""
    found = reader.trace(run, after=after, limit=max(1, min(limit, ROWS)), under=under)
    size, names = 0, set[str]()
    page: list[tuple[TraceRow, _Shown]] = []
    for row in found.rows:
        shown = _shown(row)
        page.append((row, shown))
        size += _size(row, shown, names)
        if size > BYTES:
            break
    ended = {row.span_id for row, _ in page if row.kind == SPAN}
    left = len(found.rows) - len(page)
    cursor = page[-1][0].id if page else found.cursor
    page = [pair for pair in page if pair[0].kind != OPEN or pair[0].span_id not in ended]
    packed = _packed(run, page, cursor, found.remaining + left)
    if after == 0:
        children = run_children(reader, run.run_id)
        packed.children = children.items
        packed.children_total = len(children.items) if children.cursor is None else reader.relatives(run).children
    return packed


def _shown(row: TraceRow) -> _Shown:
    flags, accessories = _of_extra(row.extra) if row.extra is not None else (0, ())
    if row.kind != LOG:
        return _Shown(
            flags, None, accessories if row.http_status is None else (str(row.http_status)[:20], *accessories)
        )
    message = row.message if row.attributes is None else render_message(row.message, _decode(row.attributes))
    if len(message) > MESSAGE or row.length > len(row.message):
        message, flags = message[:MESSAGE], flags | MESSAGE_CUT
    return _Shown(flags, message, ())


def _size(row: TraceRow, shown: _Shown, names: set[str]) -> int:
    """Bytes of a row in the answer, about."""
    size = _ROW_BYTES
    if shown.message is not None:
        size += 4 + _bytes(shown.message)
    for text in shown.accessories:
        size += 16 + _bytes(text)
    if row.name not in names:
        names.add(row.name)
        size += 4 + _bytes(row.name)
    return size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() and text.isprintable() else len(_encode(text))


def _of_extra(extra: str) -> tuple[int, tuple[str, ...]]:
    """The flags of an event, and what is shown beside its name. Most events have one of a few."""
    return _of_few(extra) if len(extra) < 200 else _decoded(extra)


def _decoded(text: str) -> tuple[int, tuple[str, ...]]:
    try:
        extra = msgspec.json.decode(text, type=_Extra)
    except msgspec.ValidationError:  # of another form than ours
        return 0, ()
    flags = HAS_EXCEPTION if extra.exception is not None else 0
    flags |= IS_CUT if extra.truncated is not None or extra.dropped is not None else 0
    flags |= HAS_LINKS if extra.links else 0
    shown = [extra.icon[:40]] if extra.icon else []
    if extra.exception is not None:
        title = f"{extra.exception.type}: {extra.exception.message}"
        shown.append(title[:200])
    return flags, tuple(shown)


_of_few = lru_cache(4096)(_decoded)


def _packed(run: Run, page: list[tuple[TraceRow, _Shown]], cursor: int, remaining: int) -> TracePage:
    origin, names = run.created, dict[str, int]()
    rows = [row for row, _ in page]
    return TracePage(
        run_id=run.run_id,
        origin=origin / 1e6,
        count=len(page),
        id=_numbers("d", [row.id for row in rows]),
        kind=_numbers("B", [row.kind for row in rows]),
        level=_numbers("B", [min(max(row.level, 0), 255) for row in rows]),
        status=_numbers("B", [_STATUS.get(row.status, 0) for row in rows]),
        flags=_numbers("B", [shown.flags for _, shown in page]),
        name=_numbers("I", [names.setdefault(row.name, len(names)) for row in rows]),
        start=_numbers("d", [row.time - origin for row in rows]),
        duration=_numbers("d", [-1 if row.duration is None else row.duration for row in rows]),
        span=_ids([row.span_id for row in rows]),
        parent=_ids([row.parent_id for row in rows]),
        names=list(names),
        messages=[shown.message for _, shown in page if shown.message is not None],
        accessories=[(number, text) for number, (_, shown) in enumerate(page) for text in shown.accessories],
        children=[],
        children_total=0,
        cursor=cursor,
        more=remaining > 0,
        remaining=remaining,
    )


def _numbers(code: str, values: Iterable[float]) -> str:
    packed = array(code, values)
    if byteorder == "big":
        packed.byteswap()
    return b64encode(packed).decode()


def _ids(values: Iterable[bytes | None]) -> str:
    joined = b"".join(_NOWHERE if value is None else value[:8].ljust(8, b"\0") for value in values)
    return b64encode(joined).decode()


async def trace(call: Call) -> TracePage:
    under = call.text("under")
    try:
        top = bytes.fromhex(under) if under else None
    except ValueError:
        raise bad_request(f"{under[:40]!r} is not the id of a span", "it is 16 hexadecimal digits") from None
    after, limit = call.parameters.get("after") or 0, call.parameters.get("limit") or ROWS
    return await call.read(
        lambda reader: trace_page(reader, reader.run(call.path["run_id"], data=False), after, limit, top)
    )


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
        ),
    ),
)
