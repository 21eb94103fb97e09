"""From segments to batches: read, decode, order, coalesce. The writer and recovery share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from runlog.errors import StoreError
from runlog.stores.base import Batch, Event, Run

BATCH_RECORDS = 2000
_FEWEST = 64  # records read from each segment at a time, however many there are

decode: Callable[[bytes], Event | Run] = msgspec.msgpack.Decoder(Event | Run).decode


class Finishes(Protocol):
    """The writer's half of cleaning and scrubbing; changes records in place."""

    def event(self, event: Event) -> None: ...

    def run(self, run: Run) -> None: ...


class Source(Protocol):
    """A segment, of this process or of a dead one."""

    number: int

    def has_records(self, start: int) -> bool: ...

    def read(self, start: int, most: int) -> list[tuple[bytes | None, int]]: ...


@dataclass(slots=True)
class Item:
    """A record read: where it was, and what it is (None: it is damaged)."""

    order: int
    """Sequence number, never less than that of the record before it in its segment."""
    source: Any
    end: int
    record: Event | Run | None


@dataclass(slots=True)
class Drained:
    """Records read and finished, in order."""

    items: list[Item] = field(default_factory=list)
    damaged: int = 0
    damage: str = ""
    """What was wrong with the last damaged record."""
    exhausted: bool = True
    """Every source was read to its end."""


def drain(sources: Iterable[tuple[Source, int]], finisher: Finishes) -> Drained:
    """Read about a batch from these segments, each from an offset on."""
    drained = Drained()
    found = [(source, start) for source, start in sources if source.has_records(start)]
    share = max(_FEWEST, BATCH_RECORDS // len(found)) if found else 0
    for source, start in found:
        records = source.read(start, share)
        drained.exhausted &= len(records) < share
        order = 0
        for payload, end in records:
            record = _decode(payload, finisher, drained)
            if type(record) is Event and record.sequence > order:
                order = record.sequence
            drained.items.append(Item(order, source, end, record))
    if len(found) > 1:
        drained.items.sort(key=_by_order)
    return drained


def _by_order(item: Item) -> int:
    return item.order


def _decode(payload: bytes | None, finisher: Finishes, drained: Drained) -> Event | Run | None:
    if payload is None:
        drained.damaged += 1
        drained.damage = "its checksum is wrong"
        return None
    try:
        record = decode(payload)
        if type(record) is Event:
            finisher.event(record)
        else:
            finisher.run(record)  # type: ignore[arg-type]  # the union has two members
    except Exception as error:  # noqa: BLE001  # whatever is in one record must not stop the others
        drained.damaged += 1
        drained.damage = f"{type(error).__name__}: {error}"
        return None
    return record


def make_batch(items: Sequence[Item], spool_id: str, closed_segments: Sequence[int] = ()) -> Batch:
    """Put records into one batch; of a span that opened and ended in it, only its end."""
    events: list[Event] = []
    runs: list[Run] = []
    ended: set[bytes | None] = set()
    opened = False
    for item in items:
        record = item.record
        if type(record) is Event:
            events.append(record)
            if record.kind == "span":
                ended.add(record.span_id)
            elif record.kind == "open":
                opened = True
        elif record is not None:
            runs.append(record)  # type: ignore[arg-type]  # the union has two members
    if opened and ended:
        events = [event for event in events if event.kind != "open" or event.span_id not in ended]
    return Batch(events, runs, spool_id, positions(items), closed_segments)


def positions(items: Iterable[Item]) -> Mapping[int, int]:
    """Segment number → offset up to which these items go."""
    return {item.source.number: item.end for item in items if item.source is not None}


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
                continue
            if part[0].record is None:
                raise StoreError("cannot write the run log", f"{type(error).__name__}: {error}") from error
            part[0].record = None
            dropped.records += 1
            dropped.reason = f"{type(error).__name__}: {error}"
            continue
        del items[: len(part)]
        sizes = sizes[:-1] or [len(items)]
        stored(batch, part)
    return dropped
