"""What a query that is being written may go on with: keys and values that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from runlog.stores.base import Reader
from runlog.stores.query import EVENT_FIELDS, RUN_FIELDS, Field, attribute_key, field_of, spelled_key, spelled_value
from runlog.stores.query.completion import Place, place_at

MOST = 50
"""Values, or attributes, that are offered."""
View = Literal["runs", "logs"]

_FIRST = {
    "runs": ("status", "task", "queue", "tag", "run.error", "run.version", "run.dur", "run.created", "level"),
    "logs": ("level", "name", "task", "kind", "time", "dur", "run", "status", "tag"),
}
_ABOUT = {
    "status": "how the run stands",
    "task": "the run's task",
    "queue": "the run's queue",
    "tag": "a tag of the run",
    "run": "the run's id",
    "run.error": "type of the run's error",
    "run.dur": "from the run's start to its end",
    "run.version": "version of the code that it ran on",
    "run.key": "idempotency key",
    "level": "of a log or span",
    "kind": "log or span",
    "name": "of a span; the source of a log",
    "message": "of a log, whole",
    "dur": "of a span",
    "time": "of a log; a span's start",
}
_EXAMPLES = {
    "duration": ((">100ms", "longer than 100 ms"), (">1s", "longer than 1 s"), (">1m", "longer than a minute")),
    "time": ((">-1h", "the last hour"), (">-24h", "the last day"), (">-7d", "the last week")),
    "number": ((">0", "more than none"), (">1", "more than one")),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What could stand at a place of the query."""

    text: str
    """As it is spelled there."""
    label: str
    detail: str


def offers(reader: Reader, text: str, position: int, view: View) -> tuple[Place, list[Offer]]:
    """What is being written at a position of a query, and what could stand there instead."""
    place = place_at(text, position)
    found = _keys(reader, place, view) if place.key is None else _values(reader, place, place.key)
    return place, list(dict.fromkeys(found))


def _keys(reader: Reader, place: Place, view: View) -> Iterator[Offer]:
    """Fields and attributes whose name begins so, then fields that have it within."""
    typed = place.typed.lower()
    fields = list({field_of(key): key for key in (*RUN_FIELDS, *EVENT_FIELDS, *_FIRST[view])}.values())
    fields.sort(key=lambda key: (*_FIRST[view], key).index(key))
    begins = [key for key in fields if key.startswith(typed)]
    within = [key for key in fields if typed in key and key not in begins] if typed else []
    attributes = (attribute_key(name) for name in reader.keys(place.typed.removeprefix("attr."), MOST))
    for key in (*begins, *attributes, *within):
        yield Offer(f"{spelled_key(key)}:", key, _ABOUT.get(key) or _scope(field_of(key)))


def _scope(field: Field) -> str:
    if field.scope == "attribute":
        return "attribute"
    return f"{field.kind} of the {'run' if field.scope == 'run' else 'log or span'}"


def _values(reader: Reader, place: Place, key: str) -> Iterable[Offer]:
    try:
        field = field_of(key)
    except KeyError:  # there is no such field
        return []
    if field.kind in ("choice", "level"):
        typed = place.typed.lower()
        return (Offer(choice, choice, "") for choice in field.choices if choice.lower().startswith(typed))
    if field.kind in _EXAMPLES:
        if place.operator:
            return []
        return (Offer(text, text, about) for text, about in _EXAMPLES[field.kind] if text.startswith(place.typed))
    if field.kind == "id" or place.operator not in ("", "="):
        return []
    if field.scope == "attribute":
        known = reader.values(field.name, place.typed, MOST)
    elif field.scope == "run":
        known = reader.run_values(key, place.typed, MOST)
    else:
        known = reader.event_names(place.typed, MOST) if field.name == "name" else []
    return (Offer(spelled_value(value), value, "") for value in known)
