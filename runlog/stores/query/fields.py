"""The keys that a query knows: fields of a run, fields of an event; any other key is an attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from runlog.stores.base import LEVELS, EventKind, RunStatus, SpanStatus

Scope = Literal["run", "event", "attribute"]

Kind = Literal["text", "id", "list", "choice", "level", "number", "duration", "time", "attribute"]
"""How a field is compared.

text       exact equality and prefix; `list` matches when any element does
id         hexadecimal, in either case
choice     one of the known names, in any case
level      a level name; ordered
number, duration, time    ordered; duration and time in nanoseconds
attribute  by what the attribute's value is
"""

RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)  # in the order of a run's way through them
SPAN_STATUSES: tuple[str, ...] = get_args(SpanStatus)
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)
LEVEL_ALIASES = {"log": "info", "warning": "warn", "fatal": "error", "critical": "error"}

ATTRIBUTE_PREFIX = "attr."
"""`attr.name:x` is the attribute `name`, where a field has that key."""

OPTION = "options."
"""How the name of a field begins that is one of a run's options."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a key stands for. `name` is the attribute of `Run` or `Event` (behind `OPTION`: a run's option), or the
    attribute's own key."""

    scope: Scope
    name: str
    kind: Kind
    choices: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        return self.kind in ("level", "number", "duration", "time", "attribute")


RUN_FIELDS: dict[str, Field] = {
    "run.id": Field("run", "run_id", "text"),
    "run.task": Field("run", "task", "text"),
    "run.queue": Field("run", "queue", "text"),
    "run.status": Field("run", "status", "choice", RUN_STATUSES),
    "run.tag": Field("run", "tags", "list"),
    "run.worker": Field("run", "worker", "text"),
    "run.parent": Field("run", "parent_run_id", "text"),
    "run.root": Field("run", "root_run_id", "text"),
    "run.trace": Field("run", "trace_id", "id"),
    "run.reason": Field("run", "reason", "text"),
    "run.error": Field("run", "error", "text"),
    "run.created": Field("run", "created", "time"),
    "run.started": Field("run", "started", "time"),
    "run.ended": Field("run", "ended", "time"),
    "run.changed": Field("run", "changed", "time"),
    "run.available": Field("run", "available", "time"),
    "run.dur": Field("run", "duration", "duration"),
    "run.attempt": Field("run", "attempt", "number"),
    "run.errors": Field("run", "errors", "number"),
    "run.warnings": Field("run", "warnings", "number"),
    "run.spans": Field("run", "spans", "number"),
    "run.logs": Field("run", "logs", "number"),
    "run.version": Field("run", "code_version", "text"),
    "run.batch": Field("run", "options.batch_id", "text"),
    "run.key": Field("run", "options.idempotency_key", "text"),
    "run.concurrency_key": Field("run", "options.concurrency_key", "text"),
    "run.schedule": Field("run", "options.schedule_id", "text"),
    "run.replay_of": Field("run", "options.replay_of", "text"),
    "run.priority": Field("run", "options.priority", "number"),
}
RUN_FIELDS |= {
    "run": RUN_FIELDS["run.id"],
    "task": RUN_FIELDS["run.task"],
    "queue": RUN_FIELDS["run.queue"],
    "status": RUN_FIELDS["run.status"],
    "tag": RUN_FIELDS["run.tag"],
    "run.tags": RUN_FIELDS["run.tag"],
    "run.duration": RUN_FIELDS["run.dur"],
}
"""`run.error` is the type of the run's error; `run.dur` is from its start to its end and absent before; `run.version`
is that of the code it ran on; `run.key` is its idempotency key as it was given."""

EVENT_FIELDS: dict[str, Field] = {
    "level": Field("event", "level", "level", tuple(LEVELS)),
    "kind": Field("event", "kind", "choice", EVENT_KINDS),
    "name": Field("event", "name", "text"),
    "message": Field("event", "message", "text"),
    "time": Field("event", "time", "time"),
    "dur": Field("event", "duration", "duration"),
    "trace": Field("event", "trace_id", "id"),
    "span": Field("event", "span_id", "id"),
    "parent": Field("event", "parent_id", "id"),
    "span.status": Field("event", "status", "choice", SPAN_STATUSES),
}
EVENT_FIELDS["duration"] = EVENT_FIELDS["dur"]
"""`span` is a span's own id; for a log it is the span that the log is in."""


def is_run_field(key: str) -> bool:
    """Say whether a key is about the run (`run.*` and the short names), whether or not such a field exists."""
    return key in RUN_FIELDS or key.startswith("run.")


def field_of(key: str) -> Field:
    """What a key stands for. Raises KeyError for a `run.*` key that does not exist."""
    if is_run_field(key):
        return RUN_FIELDS[key]
    known = EVENT_FIELDS.get(key)
    return known or Field("attribute", key.removeprefix(ATTRIBUTE_PREFIX) or key, "attribute")


def attribute_key(name: str) -> str:
    """The key that stands for an attribute: its name, or where a field is called so, `attr.` and its name."""
    taken = is_run_field(name) or name in EVENT_FIELDS or name.startswith(ATTRIBUTE_PREFIX)
    return ATTRIBUTE_PREFIX + name if taken else name


def choice_of(field: Field, text: str) -> str | None:
    """The stored spelling of a choice or level, written in any case; None if there is no such name."""
    lowered = text.lower()
    if field.kind == "level":
        lowered = LEVEL_ALIASES.get(lowered, lowered)
    return next((choice for choice in field.choices if choice.lower() == lowered), None)
