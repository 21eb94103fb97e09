"""From segments to batches: read, decode, order, coalesce. The writer and recovery share it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from runlog.errors import StoreError
from runlog.stores.base import INFO, Batch, Event, Run

SPAN_START_TAG = 3
BATCH_RECORDS = 2000
BATCH_BYTES = 8 << 20
_FEWEST, _FEWEST_BYTES = 64, 256 << 10  # read from each segment at a time, however many there are

decode: Callable[[bytes], Event | Run] = msgspec.msgpack.Decoder(Event | Run).decode


class SpanStart(msgspec.Struct, array_like=True, tag=SPAN_START_TAG, gc=False):
    """An Event of kind `open`, as a span puts it on the road: what it is told by comes first, as most are not even
    decoded, for the end of the span stands behind it."""

    span_id: bytes
    sequence: int
    run_id: str | None
    trace_id: bytes
    parent_id: bytes | None
    time: int
    name: str
    attributes: dict[str, Any]
    extra: dict[str, Any] | None

    def event(self) -> Event:
        return Event(
            self.sequence, "open", self.run_id, self.trace_id, self.span_id, self.parent_id, self.time, None, INFO,
            None, self.name, "", self.attributes, self.extra,
        )  # fmt: skip


_START_HEAD = bytes((0x90 + 1 + len(SpanStart.__struct_fields__), SPAN_START_TAG, 0xC4, 8))
"""How the payload of a SpanStart begins: an array, its tag, 8 bytes that are the span's id."""
_ID = slice(len(_START_HEAD), len(_START_HEAD) + 8)
_decode_start = msgspec.msgpack.Decoder(SpanStart).decode


class Finishes(Protocol):
    """The writer's half of cleaning and scrubbing; changes records in place."""

    def event(self, event: Event) -> None: ...

    def run(self, run: Run) -> None: ...


class Source(Protocol):
    """A segment, of this process or of a dead one."""

    number: int

    def has_records(self, start: int) -> bool: ...

    def read(self, start: int, most: int, room: int = ...) -> list[tuple[bytes | None, int]]: ...


class Item(msgspec.Struct, gc=False):
    """A record read: where it was, and what it is (None: it is damaged, or superseded by a later one)."""

    order: int
    """Sequence number, never less than that of the record before it in its segment."""
    source: Any
    """The segment; None for what the writer itself adds."""
    end: int
    record: Any
    """An Event, a Run or None; while a batch is being read also the payload of a span's start whose end was read."""


@dataclass(slots=True)
class Drained:
    """Records read and finished, in order."""

    items: list[Item] = field(default_factory=list)
    damaged: int = 0
    damage: str = ""
    """What was wrong with the last damaged record."""
    ended: set[bytes | None] = field(default_factory=set)
    """Spans whose end was read."""
    more: bool = False
    """There was more to read than went into this batch."""
    held: int = 0
    """The sequence number of a record that was made after the reading began, and was left for the next time."""


def drain(
    sources: Iterable[tuple[Source, int]], finisher: Finishes, until: int = sys.maxsize, *, by_age: bool = False
) -> Drained:
    """Read about a batch from these segments, each from an offset on; `by_age` says that they are in the order in which
    they were taken into use.

    Nothing is read before what was made before it: the end of a span never goes into an earlier batch than its start,
    though they may come from two threads. That is so for records up to the sequence number `until`, taken before the
    segments are looked at; what is newer is left for the next time.
    """
    drained = Drained()
    heads = _heads(sources, by_age=by_age)
    near = sum(first <= heads[0][0] + BATCH_RECORDS for first, _, _ in heads)  # of a backlog most are for later
    share = max(_FEWEST, BATCH_RECORDS // max(1, near))
    left = BATCH_BYTES
    cut = until
    for first, source, start in heads:
        if first <= cut:
            cut, taken = _read(source, start, (share, max(_FEWEST_BYTES, left // 2)), cut, drained)
            left -= taken
        else:
            drained.more = True
            drained.held = max(drained.held, first)
    if len(heads) > 1:
        drained.items = sorted((item for item in drained.items if item.order <= cut), key=_by_order)
    _finish(drained, finisher)
    return drained


def _finish(drained: Drained, finisher: Finishes) -> None:
    """Scrub what is to be kept: of a span that opened and ended here, only its end."""
    ended, finish_event = drained.ended, finisher.event
    for item in drained.items:
        record = item.record
        try:
            if type(record) is Event:
                if record.kind == "open" and record.span_id in ended:
                    item.record = None
                else:
                    finish_event(record)
            elif type(record) is bytes:
                item.record = None
            elif record is not None:
                finisher.run(record)
            else:
                drained.damaged += 1
        except Exception as error:  # noqa: BLE001  # whatever is in one record must not stop the others
            item.record = None
            drained.damaged += 1
            drained.damage = f"{type(error).__name__}: {error}"


def _read(source: Source, start: int, most: tuple[int, int], cut: int, drained: Drained) -> tuple[int, int]:
    """Read from one segment; return the order up to which all of it has been read, at most `cut`, and the bytes."""
    share, room = most
    records = source.read(start, share, room)
    taken = records[-1][1] - start
    append, ended = drained.items.append, drained.ended
    starts: list[Item] = []
    order = 0
    for payload, end in records:
        record: Event | Run | None = None
        try:
            if payload.startswith(_START_HEAD):  # type: ignore[union-attr]  # None raises, as damage does
                starts.append(Item(order, source, end, payload))
                append(starts[-1])
                continue
            record = decode(payload)  # type: ignore[arg-type]
            if type(record) is Event and record.sequence > order:
                order = record.sequence
        except Exception as error:  # noqa: BLE001  # whatever is in one record must not stop the others
            drained.damage = f"{type(error).__name__}: {error}" if payload is not None else "its checksum is wrong"
        if order > cut:
            break
        append(Item(order, source, end, record))
        if type(record) is Event and record.kind == "span":
            ended.add(record.span_id)
    order = max(order, _decode_starts(starts, drained))
    if order > cut:
        drained.more = True
        drained.held = max(drained.held, order)
        while drained.items and drained.items[-1].source is source and drained.items[-1].order > cut:
            drained.items.pop()
        return cut, taken
    if len(records) < share and taken < room:
        return cut, taken
    drained.more = True
    return min(cut, order), taken


def _decode_starts(starts: list[Item], drained: Drained) -> int:
    """Decode those of spans whose end was not read; return the highest order among them."""
    highest = 0
    for item in starts:
        if item.record[_ID] not in drained.ended:
            try:
                item.record = _decode_start(item.record).event()
                item.order = highest = max(item.order, highest, item.record.sequence)
            except Exception as error:  # noqa: BLE001  # whatever is in one record must not stop the others
                item.record = None
                drained.damage = f"{type(error).__name__}: {error}"
    return highest


class _EventHead(msgspec.Struct, array_like=True, tag=1):
    sequence: int


class _RunHead(msgspec.Struct, array_like=True, tag=2):
    run_id: str


class _StartHead(msgspec.Struct, array_like=True, tag=SPAN_START_TAG):
    span_id: bytes
    sequence: int


_decode_head = msgspec.msgpack.Decoder(_EventHead | _RunHead | _StartHead).decode


def _first_order(source: Source, start: int) -> int:
    """The sequence number at the head of a segment; 0 where there is none."""
    payload = source.read(start, 1)[0][0]
    try:
        head = _decode_head(payload or b"")
    except msgspec.MsgspecError:
        return 0
    return 0 if type(head) is _RunHead else head.sequence


def _heads(sources: Iterable[tuple[Source, int]], *, by_age: bool) -> list[tuple[int, Source, int]]:
    """(the sequence number that it begins with, segment, offset) of those that have something, lowest first.

    A segment that begins with a run's state tells none: it begins where the one before it did, or anywhere."""
    heads, before = [], 0
    for source, start in sources:
        if source.has_records(start):
            first = _first_order(source, start)
            if by_age:
                before = first = first or before
            heads.append((first, source, start))
    heads.sort(key=_by_first)
    return heads


def _by_first(head: tuple[int, Source, int]) -> int:
    return head[0]


def _by_order(item: Item) -> int:
    return item.order


def make_batch(items: Sequence[Item], spool_id: str, closed_segments: Sequence[int] = ()) -> Batch:
    """Put records into one batch."""
    events: list[Event] = []
    runs: list[Run] = []
    for item in items:
        record = item.record
        if type(record) is Event:
            events.append(record)
        elif record is not None:
            runs.append(record)
    return Batch(events, runs, spool_id, positions(items), closed_segments)


def positions(items: Iterable[Item]) -> dict[int, int]:
    """Segment number → offset up to which these items go."""
    return {source.number: end for source, end in reached(items).items()}


def reached(items: Iterable[Item]) -> dict[Any, int]:
    """Segment → offset up to which these items go."""
    ends = {item.source: item.end for item in items}
    ends.pop(None, None)
    return ends


@dataclass(slots=True)
class Dropped:
    """Records that a store can never take."""

    records: int = 0
    reason: str = ""


def store_items(
    items: list[Item],
    spool_id: str,
    write: Callable[[Batch], None],
    stored: Callable[[Batch, Sequence[Item]], None],
    closed_segments: Sequence[int] = (),
) -> Dropped:
    """Write items with their positions, and take from `items` what is stored; `stored` is called after each commit.

    Raises StoreError when the store cannot be written: what is left in `items` is for the next try. A record that makes
    the store fail in any other way is dropped, once the same write without it has succeeded.
    """
    dropped = Dropped()
    sizes = [len(items)]
    suspect: Event | Run | None = None
    while items:
        part = items[: sizes[-1]]
        batch = make_batch(part, spool_id, closed_segments)
        try:
            write(batch)
        except StoreError:
            raise
        except Exception as error:
            if len(part) > 1:
                sizes[-1:] = [len(part) - len(part) // 2, len(part) // 2]
            elif part[0].record is not None:
                suspect, part[0].record = part[0].record, None
                dropped.reason = f"{type(error).__name__}: {error}"
            else:  # it is not the record
                part[0].record = suspect
                raise StoreError("cannot write the run log", f"{type(error).__name__}: {error}") from error
            continue
        dropped.records += suspect is not None
        suspect = None
        del items[: len(part)]
        sizes = sizes[:-1] or [len(items)]
        stored(batch, part)
    return dropped
