"""From segments to batches: what is read when, in which order, and what of it is kept and stored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runlog.errors import StoreError
from runlog.recording import batches
from runlog.recording.batches import Drained, Item, SpanStart, drain, make_batch, positions, store_items
from runlog.recording.chain import Chain, append
from runlog.recording.notice import Notices
from runlog.recording.segment import HEADER, Arena, record_space
from runlog.recording.spool import Spool
from runlog.stores.base import Batch, Event, Run
from tests.recording.road import new_finisher, numbered


class _Source:
    """A segment with records of these sequence numbers; an offset is an index."""

    def __init__(self, *sequences: int, number: int = 1) -> None:
        self.number = number
        self.drained = 0
        self._payloads: list[bytes | None] = [msgspec.msgpack.encode(numbered(sequence)) for sequence in sequences]

    def has_records(self, start: int) -> bool:
        return start < len(self._payloads)

    def read(self, start: int, most: int, room: int = 2**30) -> list[tuple[bytes | None, int]]:
        part = self._payloads[start : start + min(most, room)]
        return [(payload, start + index) for index, payload in enumerate(part, 1)]


def _sequences(drained: Drained) -> list[int]:
    return [item.record.sequence for item in drained.items if isinstance(item.record, Event)]


def test_records_of_several_threads_are_put_in_their_order() -> None:
    sources = [(_Source(1, 4, 5), 0), (_Source(2, 3, 6), 0)]
    drained = drain(sources, new_finisher())
    assert _sequences(drained) == [1, 2, 3, 4, 5, 6]
    assert not drained.more


def test_what_was_made_after_the_look_began_is_left_for_the_next() -> None:
    """Its cause may be in a segment that was looked at before."""
    drained = drain([(_Source(1, 8), 0), (_Source(2, 7), 0), (_Source(9), 0)], new_finisher(), until=5)
    assert _sequences(drained) == [1, 2]
    assert drained.more
    assert drained.held == 9


def test_a_thread_that_is_far_behind_holds_back_what_was_made_later() -> None:
    behind, ahead = _Source(*range(1, 6000, 2), number=1), _Source(*range(5990, 6100, 2), number=2)
    at, stored = {1: 0, 2: 0}, []
    while items := drain([(source, at[source.number]) for source in (behind, ahead)], new_finisher()).items:
        stored += [item.order for item in items]
        at.update(positions(items))
    assert stored == sorted(stored)
    assert len(stored) == 3055


def _start(sequence: int, span_id: bytes, **changes: object) -> bytes:
    start = SpanStart(span_id, sequence, None, b"t" * 16, None, sequence, "work", {"a": sequence}, None)
    return msgspec.msgpack.encode(msgspec.structs.replace(start, **changes))


def _end(sequence: int, span_id: bytes) -> bytes:
    return msgspec.msgpack.encode(
        Event(sequence, "span", None, b"t" * 16, span_id, None, sequence, 1, 9, "unset", "work", "", {})
    )


def _source(*payloads: bytes | None, number: int = 1) -> _Source:
    source = _Source(number=number)
    source._payloads = list(payloads)
    return source


def test_of_a_span_that_ended_only_its_end_is_kept_and_a_start_alone_is_kept_whole() -> None:
    ended, still_open, elsewhere = b"ended...", b"open....", b"elsewhere"[:8]
    one = _source(_start(1, ended), _start(2, still_open), _end(4, ended), _start(5, elsewhere), number=1)
    two = _source(_end(6, elsewhere), number=2)
    drained = drain([(one, 0), (two, 0)], new_finisher())
    kept = [(event.sequence, event.kind) for event in make_batch(drained.items, "spool").events]
    assert kept == [(2, "open"), (4, "span"), (6, "span")]
    assert positions(drained.items) == {1: 4, 2: 1}
    assert drained.damaged == 0
    opened = drained.items[1].record
    assert opened == Event(2, "open", None, b"t" * 16, still_open, None, 2, None, 9, None, "work", "", {"a": 2}, None)


def test_a_backlog_of_segments_does_not_make_batches_small() -> None:
    """Of many segments one after the other, a batch is read from the first ones."""
    segments = [_Source(*range(start, start + 5000), number=start) for start in range(1, 200_000, 5000)]
    drained = drain([(segment, 0) for segment in segments], new_finisher(), by_age=True)
    assert _sequences(drained) == list(range(1, batches.BATCH_RECORDS + 1))
    assert drained.more


def test_segments_that_begin_with_a_runs_state_are_read_in_their_turn() -> None:
    """A run's state has no number: what is behind it is not older than what the segment before begins with."""
    events = [_Source(*range(start, start + 5000), number=start) for start in range(10_000, 100_000, 5000)]
    runs = [_Source(number=2 + start) for start in range(10_000, 100_000, 5000)]
    state = msgspec.msgpack.encode(Run("run_1", 1, "t", "QUEUED", "t", 1, 1))
    for segment in runs:
        segment._payloads = [state] * 3000
    sources = [(segment, 0) for pair in zip(events, runs, strict=True) for segment in pair]
    drained = drain(sources, new_finisher(), by_age=True)
    assert len(drained.items) >= batches.BATCH_RECORDS // 2
    assert {item.source.number for item in drained.items} <= {10_000, 10_002}


def test_a_start_that_was_made_after_the_look_began_is_left_for_the_next() -> None:
    one, two = (
        _source(_start(1, b"in time."), _start(9, b"too late"), _end(10, b"too late")),
        _source(_start(2, b"x" * 8), number=2),
    )
    drained = drain([(one, 0), (two, 0)], new_finisher(), until=5)
    assert positions(drained.items) == {1: 1, 2: 1}
    assert drained.more
    assert drained.held == 10


def test_a_start_that_cannot_be_read_is_counted_and_in_nobodys_way() -> None:
    source = _source(_start(1, b"damaged.", name=5), _start(2, b"is fine."), None)
    drained = drain([(source, 0)], new_finisher())
    assert [item.record and item.record.sequence for item in drained.items] == [None, 2, None]
    assert drained.damaged == 2


def _items(count: int) -> list[Item]:
    source = _Source()
    return [Item(number, source, number, numbered(number)) for number in range(1, count + 1)]


def test_a_record_that_no_store_can_take_is_dropped_and_all_others_are_stored_once() -> None:
    stored: list[int] = []
    reached: list[int] = []

    def write(batch: Batch) -> None:
        if any(event.sequence in (3, 70) for event in batch.events):
            raise OverflowError("too large")
        stored.extend(event.sequence for event in batch.events)
        reached.append(batch.positions[1])

    items = _items(100)
    dropped = store_items(items, "spool", write, lambda batch, part: None)
    assert (dropped.records, dropped.reason) == (2, "OverflowError: too large")
    assert stored == [number for number in range(1, 101) if number not in (3, 70)]
    assert reached == sorted(reached)
    assert reached[-1] == 100
    assert items == []


def test_large_records_of_several_threads_come_in_their_order_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 16)
    monkeypatch.setattr(batches, "_FEWEST_BYTES", 3)  # of this source, an offset is an index
    sources = [_Source(*range(first, 300, 3), number=first) for first in (1, 2, 3)]
    offsets, found = dict.fromkeys((1, 2, 3), 0), list[int]()
    while (drained := drain([(source, offsets[source.number]) for source in sources], new_finisher())).items:
        assert len(drained.items) <= 16
        offsets.update(positions(drained.items))
        found += _sequences(drained)
    assert found == list(range(1, 300))


def test_what_is_read_of_large_records_is_limited_by_their_size(tmp_path: Path) -> None:
    size = 1000
    arena = Arena(None, 1 << 20, 1)
    segment = arena.segment(0, 1)
    chain = Chain(Spool(tmp_path, 1 << 20, 1 << 16, Notices()))
    chain.mapping, chain.words, chain.seed, chain.offset = arena.mapping, arena.words, 1, HEADER
    for _ in range(100):
        append(chain, bytes(size))
    assert len(segment.read(HEADER, 1000)) == 100
    assert len(segment.read(HEADER, 1000, 10 * record_space(size))) == 10
    assert len(segment.read(HEADER, 1000, 1)) == 1


def test_a_store_that_takes_nothing_at_all_loses_no_record() -> None:
    def write(batch: Batch) -> None:
        raise MemoryError

    items = _items(8)
    with pytest.raises(StoreError, match="MemoryError"):
        store_items(items, "spool", write, lambda batch, part: None)
    assert sum(item.record is not None for item in items) == 8


def test_what_was_stored_before_a_failure_is_not_stored_again() -> None:
    stored: list[int] = []
    failures = [StoreError("full")]

    def write(batch: Batch) -> None:
        if len(batch.events) > 25:
            raise ValueError("one of these")
        if len(stored) >= 50 and failures:
            raise failures.pop()
        stored.extend(event.sequence for event in batch.events)

    items = _items(100)
    with pytest.raises(StoreError):
        store_items(items, "spool", write, lambda batch, part: None)
    assert len(items) == 50
    store_items(items, "spool", write, lambda batch, part: None)
    assert stored == list(range(1, 101))
