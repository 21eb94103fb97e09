"""One run, without its events."""

from __future__ import annotations

from typing import Any

import msgspec

from runlog.web.api.types.common import Pairs, Piece, RunLink, Times
from runlog.web.api.types.plugins import Plugin
from runlog.web.api.types.runs import RunRow


class Cause(msgspec.Struct):
    """The deepest failing span: where it went wrong."""

    run_id: str
    """The run that the span is of: this one, or one that it waited for."""
    event_id: int
    span_id: str
    name: str
    path: list[str]
    """Span ids from the attempt of this run down to the span; the root span of a run that was waited for is among
    them."""


class RunDetail(msgspec.Struct):
    """Everything about a run but its events."""

    run: RunRow
    headline: list[Piece]
    """What happened, in one sentence."""
    cause: Cause | None
    exception: dict[str, Any] | None
    """Of the failure: type, message, frames, cause, context, group, notes (see the docs of the road)."""
    payload: Any
    output: Any
    metadata: Any
    payload_size: int
    output_size: int
    metadata_size: int
    """Bytes of JSON as stored; 0: there is none. What is over 256 KiB is null here: /data has it."""
    options: Pairs
    facts: list[str]
    """What else to know, in words: what was asked for at the trigger, computed deadlines."""
    times: Times
    """What `facts` name."""
    parent: RunLink | None
    root: RunLink | None
    previous: RunLink | None
    """The run of this task before it, by creation."""
    next: RunLink | None
    replays: list[RunLink]
    children: int
    payload_scrubbed: bool
    """Secrets were taken out: a replay needs the payload anew."""
    created_text: str
    """ISO 8601 with nanoseconds; the next two as well."""
    started_text: str | None
    ended_text: str | None
    position: str


class Worker(msgspec.Struct):
    id: str
    pid: int | None
    host: str | None
    version: str | None
    python: str | None
    alive: bool | None
    """None where it is not known."""
    attributes: Pairs


class Loss(msgspec.Struct):
    """Something that is not in the record, and why: refused, dropped, cut."""

    what: str
    count: int
    detail: str


class RunContext(msgspec.Struct):
    """Where a run ran: its attempts' workers, the plugins' states as its worker recorded them, and what is missing."""

    workers: list[Worker]
    plugins: list[Plugin]
    losses: list[Loss]
    resource: Pairs
    queue: Pairs
    versions: Pairs
