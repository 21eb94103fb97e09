"""What an attempt and its child process say to each other: pickled, over a socket that only the two have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runlog.config import Settings
from runlog.engines.base import Delivery
from runlog.tasks.metadata import Target
from runlog.tasks.states import MetadataChange


@dataclass(frozen=True, slots=True)
class Start:
    """The first message, to the child: the call."""

    settings: Settings
    folder: str | None
    """The working directory; None if it was deleted."""
    environment: dict[str, str]
    backend: str
    """The event loop to use: asyncio or trio."""
    path: tuple[str, ...]
    """Python's path."""
    main: str | None
    """The file of the parent's program, if the task is defined in it."""
    module: str
    """Where the task is defined."""
    masks: tuple[str, ...]
    delivery: Delivery
    """With metadata and tags as they are now."""
    max_attempts: int
    time_left: float | None
    trace_id: int
    span_id: int
    """The span of the call, under which the child's are."""
    trace_flags: int


# To the child.


@dataclass(frozen=True, slots=True)
class Stop:
    """The attempt is to end: it was cancelled, timed out or shut down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stacks:
    """The child is to write down where it is."""

    why: str
    level: int


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to `Resume` and `Flush` of that number."""

    number: int
    time_left: float | None


# To the parent.


@dataclass(frozen=True, slots=True)
class Began:
    """The child has started, and calls the function now."""

    pid: int
    spool: Path | None
    """Where its records wait."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The code waits for something: the run's places may be given back."""

    number: int
    reason: str
    cause: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Resume:
    """That wait is over: the places are needed again."""

    number: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The code changed metadata, or added a tag."""

    target: Target
    change: MetadataChange | str


@dataclass(frozen=True, slots=True)
class Flush:
    """The changes so far are to be made durable."""

    number: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The last message: the result as JSON."""

    data: bytes
    peak: int
    """Bytes of memory that the process used at most."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The last message: an exception."""

    pickled: bytes | None
    """None where it cannot be pickled."""
    module: str
    name: str
    text: str
    described: dict[str, Any]
    marks: dict[str, bytes]
    """Which span recorded it, as the exception's own dict says."""
    stopped: bool
    """It is what `Stop` led to."""
    peak: int
