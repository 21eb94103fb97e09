"""What happens in runs, told as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from runlog.console.message import render_message
from runlog.stores.base import LEVEL_NAMES, STREAM_PREFIX, Event, Run
from runlog.tasks.submitter import News, Submitter


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """One thing that happened in a run. Times are nanoseconds since 1970 UTC."""

    kind: Literal["run", "log", "span", "stream"]
    """`run`: its state, tags or metadata changed, and `run` is it as it is now. States that follow each other within a
    moment may be told as the last of them."""
    run: Run
    """The run as it was last told."""
    time: int
    """When the run changed, the log or chunk was written, the span started."""
    name: str = ""
    """The stream's or span's name; the log's source: `logger`, `stdout`, `logging:<name>` and the like."""
    message: str = ""
    """A log's text, with its attributes filled in."""
    level: str = "info"
    """A log's level; of a span `error` if it failed."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Those of the log or span, flat."""
    chunk: Any = None
    """What was written to the stream: the text, or plain data."""
    status: str | None = None
    """How a span ended; None when it starts. One that ends at once is told once."""
    duration: float | None = None
    """Seconds that a span took; None when it starts."""

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The run's metadata as it was last told."""
        found = self.run.metadata
        return found if isinstance(found, dict) else {}


async def updates(
    submitter: Submitter, run_ids: Sequence[str] | None, tags: Sequence[str] = ()
) -> AsyncGenerator[RunUpdate, None]:
    """What `Submitter.subscribe` brings, as it is told to users."""
    async with aclosing(submitter.subscribe(run_ids, tags)) as found:
        async for news in found:
            yield update_of(news)


def update_of(news: News) -> RunUpdate:
    """One piece of news as it is told to users."""
    event = news.event
    if event is None:
        return RunUpdate("run", _plain(news.run), news.run.changed)
    run, level = _plain(news.run), LEVEL_NAMES.get(event.level, "info")
    if event.kind != "log":
        ended = event.kind == "span"
        duration = event.duration / 1e9 if ended and event.duration is not None else None
        return RunUpdate(
            "span", run, event.time, event.name, level=level, attributes=event.attributes,
            status=event.status if ended else None, duration=duration,
        )  # fmt: skip
    if event.name.startswith(STREAM_PREFIX):
        return RunUpdate("stream", run, event.time, event.name.removeprefix(STREAM_PREFIX), chunk=_chunk(event))
    message = render_message(str(event.message), event.attributes)
    return RunUpdate("log", run, event.time, event.name, message, level, event.attributes)


def _plain(run: Run) -> Run:
    """The run without JSON in bytes: it comes from the engine where the log cannot be read."""
    values = {
        name: msgspec.json.decode(value)
        for name in ("payload", "output", "metadata")
        if isinstance(value := getattr(run, name), bytes)
    }
    return msgspec.structs.replace(run, **values) if values else run


def _chunk(event: Event) -> Any:
    """What was written; its text where the limits cut it."""
    if not (event.extra or {}).get("json"):
        return event.message
    try:
        return msgspec.json.decode(str(event.message))
    except msgspec.DecodeError:
        return event.message
