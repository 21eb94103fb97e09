"""What a look at the log finds: everything once, whatever the order in which it was stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from runlog.config import Settings
from runlog.executor.following import RunFeed, TagFeed
from runlog.stores import open_reader, open_store
from runlog.stores.base import INFO, Batch, Event, Reader, Run, Store
from runlog.tasks.submitter import News

RUN_ID = "run_followed"


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(open_store(Settings.load())) as opened:
        opened.write(Batch([log(0, "of no run", run_id=None)]))
        yield opened


@pytest.fixture
def reader(store: Store) -> Iterator[Reader]:
    with closing(open_reader(Settings.load())) as opened:
        yield opened


def run(version: int, status: str, *tags: str, **values: Any) -> Run:
    return Run(RUN_ID, version, "far", status, "far", 1, version, tags=tags, **values)


def log(number: int, message: str, *, run_id: str | None = RUN_ID, name: str = "logger", time: int = 1) -> Event:
    return Event(number, "log", run_id, None, None, None, time, None, INFO, None, name, message, {})


def span(number: int, kind: str, name: str, span_id: bytes = b"s" * 8) -> Event:
    ended = kind == "span"
    return Event(number, kind, RUN_ID, None, span_id, None, 1, 1 if ended else None, INFO, "ok", name, "", {})


def told(news: list[News]) -> list[str]:
    return [item.run.status if item.event is None else item.event.message or item.event.name for item in news]


def test_the_end_is_told_after_the_last_record(store: Store, reader: Reader) -> None:
    """A run's own record may be stored before what was recorded in it."""
    feed = RunFeed([RUN_ID])
    store.write(Batch([span(1, "open", "Attempt 1")], [run(1, "EXECUTING", attempt=1)]))
    assert told(feed.look(reader)) == ["EXECUTING", "Attempt 1"]
    store.write(Batch([], [run(2, "FAILED", attempt=1, reason="LookupError")]))
    assert told(feed.look(reader)) == []
    store.write(Batch([log(2, "at last")]))
    assert told(feed.look(reader)) == ["at last"]
    store.write(Batch([span(3, "span", "Attempt 1")]))
    assert told(feed.look(reader)) == ["Attempt 1"]
    assert not feed.done
    store.write(Batch([log(4, "LookupError", name="runlog", time=2)]))
    assert told(feed.look(reader)) == ["LookupError", "FAILED"]
    assert feed.done


def test_a_run_without_its_last_records_ends_when_all_is_quiet(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = RunFeed([RUN_ID])
    store.write(Batch([span(1, "open", "Attempt 1")], [run(1, "CRASHED", attempt=1)]))
    assert told(feed.look(reader)) == ["Attempt 1"]
    monkeypatch.setattr("runlog.executor.following._SETTLED", 0.0)
    assert told(feed.look(reader)) == ["CRASHED"]


def test_more_than_fits_one_look(store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runlog.executor.following._AT_ONCE", 3)
    store.write(Batch([log(number, str(number)) for number in range(7)], [run(1, "CANCELED")]))
    feed, found = RunFeed([RUN_ID]), []
    while not feed.done:
        found.append(told(feed.look(reader)))
    assert found == [["0", "1", "2"], ["3", "4", "5"], ["6", "CANCELED"]]


def test_a_look_that_failed_loses_nothing(store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = RunFeed([RUN_ID, "run_other"])
    other = Run("run_other", 1, "far", "CANCELED", "far", 1, 1)
    store.write(Batch([log(1, "one"), log(2, "two", run_id="run_other")], [run(1, "CANCELED"), other]))
    read = reader.events

    def failing(run_id: str | None, **values: Any) -> list[Event]:
        if run_id == "run_other":
            raise ConnectionError
        return read(run_id, **values)

    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(reader, "events", failing)
        feed.look(reader)
    assert told(feed.look(reader)) == ["one", "CANCELED", "two", "CANCELED"]
    assert feed.done


@pytest.fixture
def by_tag(store: Store, reader: Reader) -> TagFeed:
    store.write(Batch([log(1, "before", run_id="run_before")], [Run("run_before", 1, "far", "QUEUED", "", 1, 1)]))
    feed = TagFeed(("mine",), whole=False)
    assert feed.look(reader) == []
    return feed


def test_events_that_come_before_their_run_are_told_with_it(store: Store, reader: Reader, by_tag: TagFeed) -> None:
    store.write(Batch([log(1, "one")]))
    assert told(by_tag.look(reader)) == []
    store.write(Batch([], [run(1, "EXECUTING", "mine")]))
    assert told(by_tag.look(reader)) == ["EXECUTING", "one"]
    store.write(Batch([log(2, "two")]))
    assert told(by_tag.look(reader)) == ["two"]
    store.write(Batch([log(3, "three")], [run(2, "CANCELED", "mine")]))
    assert told(by_tag.look(reader)) == ["three", "CANCELED"]
    store.write(Batch([log(4, "from a thread left behind")]))
    assert told(by_tag.look(reader)) == ["from a thread left behind"]
    assert told(by_tag.look(reader)) == []


def test_a_run_that_gets_the_tag_later_is_told_from_the_beginning_of_the_subscription(
    store: Store, reader: Reader, by_tag: TagFeed
) -> None:
    store.write(Batch([log(1, "one")], [run(1, "EXECUTING", "other")]))
    assert told(by_tag.look(reader)) == []
    store.write(Batch([log(2, "two")], [run(2, "EXECUTING", "other", "mine")]))
    assert told(by_tag.look(reader)) == ["EXECUTING", "one", "two"]


def test_a_run_that_was_there_is_told_from_now_on(store: Store, reader: Reader) -> None:
    store.write(Batch([log(1, "before")], [run(1, "EXECUTING", "mine", "more")]))
    feed = TagFeed(("more", "mine"), whole=False)
    assert feed.look(reader) == []
    store.write(Batch([log(2, "after")], [run(2, "COMPLETED", "mine", "more")]))
    assert told(feed.look(reader)) == ["after", "COMPLETED"]


def test_a_log_that_was_started_anew_is_told_from_its_beginning(store: Store, reader: Reader, by_tag: TagFeed) -> None:
    store.write(Batch([log(number, "old") for number in range(5)], [run(1, "EXECUTING", "mine")]))
    by_id = RunFeed([RUN_ID])
    for feed in (by_id, by_tag):
        assert told(feed.look(reader)) == ["EXECUTING", *["old"] * 5]
    store.close()
    for path in Settings.load().log_path.parent.glob("log.db*"):
        path.unlink()
    with closing(open_store(Settings.load())) as anew:
        anew.write(Batch([log(1, "new")], [run(2, "CANCELED", "mine")]))
        for feed in (by_id, by_tag):
            assert told(feed.look(reader)) == ["new", "CANCELED"]
