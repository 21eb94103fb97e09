"""What a live stream sends: all that is new after a position, once, whenever the client came."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest

from runlog.config import Settings
from runlog.errors import QueryTimeout
from runlog.stores import open_store
from runlog.stores.base import ERROR, INFO, Batch, Event, Run
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore, run_list
from runlog.web.live import views
from runlog.web.live.position import Position
from runlog.web.live.stream import _stream
from runlog.web.live.views import BEHIND, LogsView, RunsView, RunView, TickView, View
from runlog.web.services import Services

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000_000_000_000


class Writer:
    """Writes to the project's log as a recorder does."""

    def __init__(self, settings: Settings) -> None:
        self.store: SQLiteStore = open_store(settings)
        self._sequence = 0

    def run(self, run_id: str, version: int = 1, status: str = "EXECUTING", **fields: Any) -> None:
        self.store.write(Batch(runs=[self.made(run_id, version, status, **fields)]))

    def made(self, run_id: str, version: int = 1, status: str = "EXECUTING", **fields: Any) -> Run:
        known = {"task": "t", "queue": "t", "created": NOW, "changed": NOW + version, "span_id": b"r" * 8, **fields}
        return Run(run_id, version, status=status, **known)

    def logs(self, run_id: str | None, *messages: str, level: int = INFO) -> None:
        self.store.write(Batch(events=[self.log(run_id, message, level) for message in messages]))

    def log(self, run_id: str | None, message: str, level: int = INFO) -> Event:
        self._sequence += 1
        ids = (b"t" * 16, None, b"r" * 8)
        return Event(
            self._sequence, "log", run_id, *ids, NOW + self._sequence, None, level, None, "logger", message, {}
        )


@pytest.fixture
def settings() -> Settings:
    return Settings.load()


@pytest.fixture
def writer(settings: Settings) -> Iterator[Writer]:
    found = Writer(settings)
    yield found
    found.store.close()


@pytest.fixture
async def services(settings: Settings, writer: Writer) -> AsyncIterator[Services]:
    async with Services(settings) as found:
        yield found


class Client:
    """A browser's side of a stream."""

    def __init__(self, chunks: AsyncIterator[bytes], position: Position) -> None:
        self._chunks = chunks
        self.position = position

    async def next(self) -> tuple[str, Any]:
        """The next message; its id is where the client now is."""
        with anyio.fail_after(10):
            async for chunk in self._chunks:
                fields = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
                if "event" in fields:
                    found = Position.parse(fields["id"])
                    assert found is not None
                    self.position = found
                    return fields["event"], json.loads(fields["data"])
        raise AssertionError("the stream ended")

    async def until(self, event: str) -> Any:
        while True:
            name, data = await self.next()
            if name == event:
                return data


@asynccontextmanager
async def streaming(services: Services, view: View, position: Position | None = None) -> AsyncIterator[Client]:
    position = position or await services.hub.position()
    async with aclosing(_stream(view, position, services.hub, services.readers)) as chunks:
        yield Client(chunks, position)


def messages(page: dict[str, Any]) -> list[str]:
    """The messages of a trace page, with the ids of its rows beside them checked."""
    ids = struct.unpack(f"<{page['count']}d", base64.b64decode(page["id"]))
    assert list(ids) == sorted(ids)
    found: list[str] = page["messages"]
    return found


async def test_a_run_is_shown_as_it_is_and_then_what_is_new(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a")
    writer.logs("run_a", "before")
    async with streaming(services, RunView(settings, "run_a")) as client:
        assert (await client.until("run"))["run"]["status"] == "EXECUTING"
        writer.logs("run_a", "one", "two")
        assert messages(await client.until("trace")) == ["one", "two"]
        writer.run("run_a", 2, "FAILED", ended=NOW + 9, started=NOW, error={"type": "ValueError", "message": "no"})
        while (delta := await client.until("run"))["run"]["status"] != "FAILED":
            pass
        assert "FAILED" in "".join(piece["text"] for piece in delta["headline"])
        await client.until("end")


async def test_what_one_message_has_no_room_for_comes_with_the_next(
    settings: Settings, services: Services, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "TRACE_ROWS", 2)
    writer.run("run_a")
    writer.logs("run_a", *"abcde")
    got: list[list[str]] = []
    async with streaming(services, RunView(settings, "run_a"), Position(0, 0)) as client:
        while sum(map(len, got)) < 5:
            got.append(messages(await client.until("trace")))
    assert got == [["a", "b"], ["c", "d"], ["e"]]


async def test_the_rows_of_children_come_with_their_parent(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a")
    async with streaming(services, RunView(settings, "run_a")) as client:
        await client.until("run")
        writer.run("run_other")
        writer.run("run_child", parent_run_id="run_a", root_run_id="run_a")
        assert [row["run_id"] for row in (await client.until("runs"))["rows"]] == ["run_child"]


async def test_a_client_that_comes_and_goes_gets_each_line_once(services: Services, writer: Writer) -> None:
    writer.run("run_a")
    chance = random.Random(7)
    written: list[str] = []
    got: list[str] = []
    position = await services.hub.position()
    for turn in range(25):
        lines = [f"{turn}.{number}" for number in range(chance.randrange(1, 40))]
        written += lines
        half = len(lines) // 2
        writer.logs("run_a", *lines[:half])
        async with streaming(services, LogsView(parse("kind:log")), position) as client:
            writer.logs("run_a", *lines[half:])
            for _ in range(chance.randrange(3)):
                if len(got) < len(written):
                    _, data = await client.next()
                    got += [item["message"] for item in data["items"]]
            position = client.position
    async with streaming(services, LogsView(parse("kind:log")), position) as client:
        while len(got) < len(written):
            _, data = await client.next()
            got += [item["message"] for item in data["items"]]
    assert got == written


async def test_lines_that_do_not_match_are_passed_over(services: Services, writer: Writer) -> None:
    writer.run("run_a")
    async with streaming(services, LogsView(parse("kind:log level:error"))) as client:
        writer.logs("run_a", "fine")
        writer.logs("run_a", "bad", level=ERROR)
        _, data = await client.next()
        assert [(item["message"], item["task"]) for item in data["items"]] == [("bad", "t")]


async def test_a_client_far_behind_is_told_what_it_missed(services: Services, writer: Writer) -> None:
    writer.run("run_a")
    position = await services.hub.position()
    writer.logs("run_a", *(str(number) for number in range(BEHIND + 1)))
    async with streaming(services, LogsView(None), position) as client:
        assert await client.next() == ("skip", {"count": BEHIND + 1})
        writer.logs("run_a", "now")
        assert [item["message"] for item in (await client.until("logs"))["items"]] == ["now"]


async def test_runs_that_match_change_and_match_no_longer(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a", status="QUEUED")
    async with streaming(services, RunsView(settings, parse("status:queued"))) as client:
        writer.run("run_b", status="QUEUED")
        delta = await client.until("runs")
        assert ([row["run_id"] for row in delta["rows"]], delta["gone"]) == (["run_b"], [])
        writer.run("run_a", 2, "EXECUTING")
        delta = await client.until("runs")
        assert (delta["rows"], delta["gone"]) == ([], ["run_a"])


async def test_a_run_that_comes_to_match_by_an_event_is_sent(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a")
    async with streaming(services, RunsView(settings, parse("level:error"))) as client:
        writer.logs("run_a", "fine")
        assert (await client.until("runs"))["gone"] == ["run_a"]
        writer.logs("run_a", "bad", level=ERROR)
        assert [row["run_id"] for row in (await client.until("runs"))["rows"]] == ["run_a"]


async def test_runs_that_are_searched_slowly_are_not_told_gone(
    settings: Settings, services: Services, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_list, "_A_LOOK", 1)
    monkeypatch.setattr(run_list, "_MOST_EVENTS", 1)
    runs = SQLiteStore.runs
    monkeypatch.setattr(SQLiteStore, "runs", lambda *args, **named: runs(*args, **named, budget=0))
    names = [f"run_{number}" for number in range(5)]
    async with streaming(services, RunsView(settings, parse("-fine"))) as client:
        writer.store.write(Batch([writer.log(name, "bad") for name in names], [writer.made(name) for name in names]))
        delta = await client.until("runs")
        assert (sorted(row["run_id"] for row in delta["rows"]), delta["gone"]) == (names, [])


async def test_changes_that_take_too_long_to_search_are_skipped(
    settings: Settings, services: Services, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object, **__: object) -> None:
        raise QueryTimeout("too late")

    async with streaming(services, RunsView(settings, parse("-fine"))) as client:
        monkeypatch.setattr(SQLiteStore, "runs", too_late)
        writer.run("run_a")
        assert await client.next() == ("skip", {"count": 1})


async def test_a_tick_says_that_something_changed(services: Services, writer: Writer) -> None:
    async with streaming(services, TickView()) as client:
        writer.logs(None, "anything")
        assert (await client.until("tick"))["position"] == str(await services.hub.position())


async def test_another_log_in_its_place_is_read_from_its_beginning(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a")
    writer.logs("run_a", "one", "two", "three")
    position = await services.hub.position()
    writer.store.close()
    for path in settings.folder.glob("log.db*"):
        path.unlink()
    writer.store = open_store(settings)
    writer.run("run_b")
    async with streaming(services, LogsView(None), position) as client:
        assert (await client.next())[0] == "reset"


async def test_a_larger_log_in_its_place_is_read_from_its_beginning_too(
    settings: Settings, services: Services, writer: Writer
) -> None:
    writer.run("run_a")
    async with streaming(services, RunsView(settings, None)) as client:
        writer.run("run_a", 2)
        await client.until("runs")
        writer.store.close()
        for path in settings.folder.glob("log.db*"):
            path.unlink()
        writer.store = open_store(settings)
        writer.store.write(Batch(runs=[writer.made(f"run_{number}") for number in range(9)]))
        await client.until("reset")


async def test_a_stream_ends_with_its_server(services: Services, writer: Writer) -> None:
    async with streaming(services, TickView()) as client:
        writer.logs(None, "anything")
        await client.until("tick")
        services.stop()
        with pytest.raises(AssertionError, match="the stream ended"):
            await client.next()
