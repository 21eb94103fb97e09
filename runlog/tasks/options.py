"""What a trigger may ask for besides the payload."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Generic, TypedDict, TypeVar, Unpack

from runlog.errors import TaskError
from runlog.tasks.checks import (
    check_count,
    check_duration,
    check_key,
    check_name,
    check_priority,
    check_tags,
    check_time,
)
from runlog.tasks.keys import Debounce, IdempotencyKey, key_request
from runlog.tasks.metadata import encode_metadata
from runlog.tasks.queue import Queue, queue_name
from runlog.tasks.states import TaskDeclaration
from runlog.tasks.submitter import RunRequest

P_co = TypeVar("P_co", covariant=True)


class _Missing:
    """The payload of a trigger that was given none."""


MISSING: Any = _Missing()


class TriggerKeywords(TypedDict, total=False):
    """The options of a trigger as keywords; `TriggerOptions` says what each means."""

    delay: float | timedelta
    run_at: datetime | None
    ttl: float | timedelta | None
    tags: Sequence[str]
    queue: str | Queue | None
    concurrency_key: str | None
    priority: float | timedelta | None
    idempotency_key: str | IdempotencyKey | None
    idempotency_ttl: float | timedelta | None
    debounce: Debounce | None
    metadata: Mapping[str, Any] | None
    max_attempts: int | None
    max_duration: float | timedelta | None
    version: str | None


@dataclass(frozen=True, slots=True)
class TriggerOptions:
    """The options of a trigger. Durations are seconds or timedeltas."""

    delay: float | timedelta = 0
    """The run starts that much later."""
    run_at: datetime | None = None
    """Instead of `delay`: when the run starts, with a time zone. At once if that is past."""
    ttl: float | timedelta | None = None
    """The run is EXPIRED if no attempt has begun by then, counted from when it may start. Default: the task's."""
    tags: Sequence[str] = ()
    """Added to the task's own; 10 in all, of 128 characters."""
    queue: str | Queue | None = None
    """Instead of the task's."""
    concurrency_key: str | None = None
    """The queue's limit counts for the runs of each key by themselves."""
    priority: float | timedelta | None = None
    """Among the runs that are ready it stands as if it had been so that much earlier. Default: the task's."""
    idempotency_key: str | IdempotencyKey | None = None
    """Triggers of the task with the same key are one run."""
    idempotency_ttl: float | timedelta | None = None
    """How long the key stands. Default: 30 days."""
    debounce: Debounce | None = None
    """Triggers of the task with the same key are one run until it starts; each puts it off."""
    metadata: Mapping[str, Any] | None = None
    """What the run's metadata are at its start; 256 KB of JSON at most."""
    max_attempts: int | None = None
    """Instead of the number that the task's `retry` says."""
    max_duration: float | timedelta | None = None
    """Instead of the task's."""
    version: str | None = None
    """Only workers of this version of the code take the run. Default: the task's."""

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> TriggerOptions:
        """Raises TypeError for an option that there is not."""
        try:
            return cls(**keywords)
        except TypeError:
            unknown = next((name for name in keywords if name not in _NAMES), None)
            if unknown is None:
                raise
            close = difflib.get_close_matches(unknown, _NAMES, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(_NAMES)}"
            raise TypeError(f"a trigger has no option {unknown!r}; {hint}") from None

    def request(self, task: str, payload: bytes | None, declared: TaskDeclaration | None) -> RunRequest:
        """A checked request for one run of a task, of which this is `declared` if it is known. Raises TaskError, and
        PayloadError for the metadata."""
        defaults = declared or TaskDeclaration(task)
        delay, run_at = self._when()
        ttl = defaults.ttl if self.ttl is None else check_duration(self.ttl, "ttl", zero=False)
        return RunRequest(
            task=task,
            payload=payload,
            queue=defaults.queue if self.queue is None else queue_name(self.queue),
            queue_is_guess=declared is None and self.queue is None,
            delay=delay,
            run_at=run_at,
            ttl=ttl,
            tags=check_tags(tuple(dict.fromkeys((*defaults.tags, *check_tags(self.tags))))),
            concurrency_key=None
            if self.concurrency_key is None
            else check_key(self.concurrency_key, "concurrency key"),
            priority=defaults.priority if self.priority is None else check_priority(self.priority),
            idempotency=key_request(self.idempotency_key, self.idempotency_ttl),
            debounce=None if self.debounce is None else _debounce(self.debounce).request,
            metadata=None if self.metadata is None else encode_metadata(self.metadata),
            max_attempts=None if self.max_attempts is None else check_count(self.max_attempts, "max_attempts"),
            max_duration=self._max_duration(),
            version=defaults.version if self.version is None else check_version(self.version),
        )

    def _concurrency_key(self) -> str | None:
        return None if self.concurrency_key is None else check_key(self.concurrency_key, "concurrency key")

    def _max_duration(self) -> float | None:
        return None if self.max_duration is None else check_duration(self.max_duration, "max_duration", zero=False)

    def _when(self) -> tuple[float, int | None]:
        delay = check_duration(self.delay, "delay")
        given = [name for name in ("run_at", "debounce") if getattr(self, name) is not None]
        if delay:
            given.insert(0, "delay")
        if len(given) > 1:
            raise TaskError(f"both {given[0]} and {given[1]}", "each says when the run starts", "remove one of the two")
        if self.debounce is not None:
            return check_duration(_debounce(self.debounce).delay, "delay"), None
        return delay, None if self.run_at is None else check_time(self.run_at, "run_at")


_NAMES = tuple(field.name for field in fields(TriggerOptions))
_WHEN = ("delay", "run_at", "debounce")


class Item(Generic[P_co]):
    """One run of a batch, with options of its own: they count before those of the batch, and tags are added.

    `Item(payload, delay=60)`; `Item(delay=60)` for a task without a payload.
    """

    def __init__(self, payload: P_co = MISSING, /, **options: Unpack[TriggerKeywords]) -> None:
        self.payload, self.options = payload, options

    def over(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the batch with those of this item."""
        dropped = _WHEN if any(name in self.options for name in _WHEN) else ()
        merged = {name: value for name, value in batch.items() if name not in dropped} | dict(self.options)
        if "tags" in batch and "tags" in self.options:
            merged["tags"] = (*batch["tags"], *self.options["tags"])
        return merged

    def __repr__(self) -> str:
        payload = [] if self.payload is MISSING else [repr(self.payload)]
        return f"Item({', '.join([*payload, *(f'{name}={value!r}' for name, value in self.options.items())])})"


def check_version(version: str) -> str:
    """Raises TaskError."""
    return check_name(version, "a version", 'version="2024-06-01"')


def _debounce(value: Debounce) -> Debounce:
    if not isinstance(value, Debounce):
        raise TaskError(f"debounce is {value!r:.200}", "it is a Debounce", 'debounce=Debounce("user-7", delay=5)')
    return value
