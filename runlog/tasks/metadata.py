"""A run's metadata and tags, which its code may change while it runs."""

from __future__ import annotations

import math
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal, TypeGuard

import msgspec

from runlog.errors import PayloadError, TaskError
from runlog.tasks.checks import check_tags, is_storable
from runlog.tasks.states import MetadataChange

METADATA_LIMIT = 256_000
"""Bytes of JSON that a run's metadata may have."""

Target = Literal["self", "parent", "root"]
"""The run, the one that triggered it, and the first in the chain of those."""

Taken = dict[Target, tuple[tuple[MetadataChange, ...], tuple[str, ...]]]
"""Run → changes of its metadata, in order, and tags to add."""


def apply(data: dict[str, Any], change: MetadataChange) -> None:
    """Change `data` in place; what a change means is said here and nowhere else. Never raises.

    `append` makes a list of what is there and is none; `remove` takes every equal item out of a list; `increment`
    starts at 0. A change that does not fit what is there (`remove` from no list, `increment` of no number, or beyond
    what a number can be) does nothing.
    """
    key, value = change.key, change.value
    match change.operation:
        case "set":
            data[key] = value
        case "delete":
            data.pop(key, None)
        case "append":
            there = data.get(key, [])
            data[key] = [*there, value] if isinstance(there, list) else [there, value]
        case "remove":
            there = data.get(key)
            if isinstance(there, list):
                data[key] = [item for item in there if item != value]
        case "increment":
            there = data.get(key, 0)
            if (total := _sum(there, value)) is not None:
                data[key] = total


def encode_metadata(metadata: object) -> bytes:
    """Metadata as JSON. Raises PayloadError if it is no mapping, has no JSON, or is over the limit."""
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise PayloadError(
            f"metadata is {metadata!r:.200}", "it is a mapping with texts as keys", 'metadata={"step": 1}'
        )
    data = msgspec.json.encode(_plain(dict(metadata)))
    check_metadata_size(len(data))
    return data


def check_metadata_size(size: int) -> None:
    """Raises PayloadError over the limit."""
    if size > METADATA_LIMIT:
        raise PayloadError(
            f"the metadata would be {size:,} bytes of JSON",
            f"the limit is {METADATA_LIMIT:,}",
            "store it elsewhere and keep where it is",
        )


class Changes:
    """What the code of a run has changed and the engine does not know yet. For any thread."""

    def __init__(self, flush: Callable[[], Awaitable[None]] | None = None) -> None:
        """`flush` writes down what is there, and returns when it is durable."""
        self._flush = flush
        self._lock = threading.Lock()
        self._pending: list[tuple[Target, MetadataChange | str]] = []

    def add(self, target: Target, change: MetadataChange | str) -> None:
        """Keep a change, or a tag, for later."""
        with self._lock:
            self._pending.append((target, change))

    def take(self) -> Taken:
        """Take everything out; empty if there is nothing."""
        with self._lock:
            pending, self._pending = self._pending, []
        changes: dict[Target, list[MetadataChange]] = {}
        tags: dict[Target, list[str]] = {}
        for target, change in pending:
            if isinstance(change, str):
                tags.setdefault(target, []).append(change)
            else:
                changes.setdefault(target, []).append(change)
        both = dict.fromkeys([*changes, *tags])
        return {target: (tuple(changes.get(target, ())), tuple(tags.get(target, ()))) for target in both}

    def put_back(self, taken: Taken) -> None:
        """What could not be written now comes first next time."""
        before: list[tuple[Target, MetadataChange | str]] = []
        for target, (changes, tags) in taken.items():
            before.extend((target, change) for change in changes)
            before.extend((target, tag) for tag in tags)
        with self._lock:
            self._pending = [*before, *self._pending]

    async def flush(self) -> None:
        if self._flush is not None:
            await self._flush()


class MetadataWriter:
    """Changes the metadata of a run. Each call returns at once; the changes are written each second, at the end of the
    attempt, and by `flush`.

    Keys are texts (a dot in one means nothing), values plain data: what has a JSON form. Raises PayloadError and
    TaskError for others.
    """

    def __init__(self, target: Target, changes: Changes | None) -> None:
        self._target, self._changes = target, changes

    def set(self, key: str, value: Any) -> None:
        self._change("set", key, value)

    def delete(self, key: str) -> None:
        """Without such a key nothing happens."""
        self._change("delete", key)

    def append(self, key: str, value: Any) -> None:
        """Add to a list; what is there and is no list becomes the first of one."""
        self._change("append", key, value)

    def remove(self, key: str, value: Any) -> None:
        """Take every item that is equal out of a list."""
        self._change("remove", key, value)

    def increment(self, key: str, by: float = 1) -> None:
        """Add to a number, which starts at 0."""
        if _sum(0, by) is None:
            raise TaskError(f"metadata {key!r} cannot be incremented by {by!r:.200}", "that is no finite number")
        self._change("increment", key, by)

    def decrement(self, key: str, by: float = 1) -> None:
        self.increment(key, -by)

    async def flush(self) -> None:
        """Write down what has changed, in this run and the others, and return when it is durable."""
        if self._changes is not None:
            await self._changes.flush()

    def _change(self, operation: Any, key: Any, value: Any = None) -> None:
        if not isinstance(key, str) or not key or not is_storable(key):
            raise TaskError(f"{key!r:.200} is no key of metadata", "a key is a text", 'ctx.metadata.set("step", 1)')
        change = MetadataChange(operation, key, _plain(value))
        self._apply(change)
        if self._changes is not None:
            self._changes.add(self._target, change)

    def _apply(self, change: MetadataChange) -> None:
        """Only the run's own metadata is known here."""


class Metadata(MetadataWriter):
    """The run's own metadata. What was set is there at once, for every thread of the attempt.

    Outside a run it is kept in memory only.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        changes: Changes | None = None,
        *,
        parent_id: str | None = None,
        root_id: str | None = None,
    ) -> None:
        super().__init__("self", changes)
        self._data = dict(data or {})
        self._sizes = {key: _size(key, value) for key, value in self._data.items()}
        self._lock = threading.Lock()
        self._parent = MetadataWriter("parent", changes) if parent_id else None
        self._root = self._parent if root_id in (None, parent_id) else MetadataWriter("root", changes)

    @property
    def parent(self) -> MetadataWriter:
        """The metadata of the run that triggered this one; without one, this run's own."""
        return self._parent or self

    @property
    def root(self) -> MetadataWriter:
        """The metadata of the first in the chain of parents; without one, this run's own."""
        return self._root or self

    def get(self, key: str, default: Any = None) -> Any:
        """A copy of the value."""
        with self._lock:
            return deepcopy(self._data.get(key, default))

    def all(self) -> dict[str, Any]:
        """A copy of everything."""
        with self._lock:
            return deepcopy(self._data)

    def _apply(self, change: MetadataChange) -> None:
        key = change.key
        with self._lock:
            there = self._data.get(key, 0)
            if change.operation == "increment" and _sum(there, change.value) is None:
                raise TaskError(
                    f"metadata {key!r} cannot be incremented by {change.value}",
                    f"it is {there!r:.200}, and the sum is no finite number",
                )
            holder = {key: self._data[key]} if key in self._data else {}
            apply(holder, change)
            sizes = {**self._sizes, key: _size(key, holder[key])} if key in holder else self._sizes
            check_metadata_size(sum(sizes.values()) + 1)
            if key in holder:
                self._data[key], self._sizes[key] = holder[key], sizes[key]
            else:
                self._data.pop(key, None)
                self._sizes.pop(key, None)

    def __repr__(self) -> str:
        return f"<Metadata {self.all()!r}>"


class Tags:
    """The run's tags: those of the trigger, and what is added. Outside a run they are kept in memory only."""

    def __init__(self, tags: Iterable[str] = (), changes: Changes | None = None) -> None:
        self._tags, self._changes = tuple(tags), changes
        self._lock = threading.Lock()

    def add(self, *tags: str) -> None:
        """Add tags. Raises TaskError if a run may not have them; see `Task.trigger`."""
        with self._lock:
            new = tuple(dict.fromkeys(tag for tag in check_tags(tags) if tag not in self._tags))
            self._tags = check_tags((*self._tags, *new))
        if self._changes is not None:
            for tag in new:
                self._changes.add("self", tag)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)

    def __contains__(self, tag: object) -> bool:
        return tag in self._tags

    def __repr__(self) -> str:
        return f"<Tags {list(self._tags)!r}>"


def _sum(one: object, other: object) -> float | None:
    """The sum of two numbers; None where it is none that JSON can say."""
    if not (_is_number(one) and _is_number(other)):
        return None
    try:
        total = one + other
        return total if math.isfinite(total) else None
    except OverflowError:
        return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _size(key: str, value: Any) -> int:
    """Bytes of JSON that an entry takes, with its colon and comma."""
    return len(msgspec.json.encode(key)) + len(msgspec.json.encode(value)) + 2


def _plain(value: Any) -> Any:
    """The value as data that JSON can hold. Raises PayloadError."""
    if value is None or type(value) in (int, bool) or (type(value) is str and is_storable(value)):
        return value
    from pydantic_core import to_json

    try:
        return msgspec.json.decode(to_json(value, inf_nan_mode="strings"))
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise PayloadError(f"metadata of type {type(value).__name__} has no JSON form", str(error)) from error
