"""What became of every instrumentation, as the newest worker told it, and of every exporter."""

from __future__ import annotations

from typing import Any

from runlog.config import Settings
from runlog.reading.presence import export_told, plugins_told, worker_told
from runlog.stores.base import WARN, Event, Reader
from runlog.web.api.types import Pairs, Plugin, PluginsAnswer
from runlog.web.endpoint import Call, Endpoint

_OPTION = "options."


def plugins_answer(reader: Reader, settings: Settings) -> PluginsAnswer:
    """Of the worker that began last."""
    worker = worker_told(reader)
    name = None if worker is None else str(worker.attributes.get("worker.name"))
    told = [] if name is None else plugins_told(reader, name)
    export = settings.export
    exporters = [_exporter(reader, kind, item) for kind, item in _listed(export.exporters, export.processors)]
    return PluginsAnswer([plugin_of(event) for event in told], exporters)


def plugin_of(event: Event) -> Plugin:
    """An instrumentation as a worker told of it."""
    attributes = event.attributes
    targets = attributes.get("targets")
    library, _, version = str(targets[0] if isinstance(targets, list) and targets else "").partition(" ")
    notes = attributes.get("notes")
    spans = attributes.get("spans")
    return Plugin(
        name=str(attributes.get("plugin")),
        state=str(attributes.get("state")),
        version=_text(attributes.get("version")),
        library=library or None,
        library_version=version or None,
        reason=_text(attributes.get("reason")),
        fix=_text(attributes.get("fix")),
        options=[(key.removeprefix(_OPTION), value) for key, value in attributes.items() if key.startswith(_OPTION)],
        spans=spans if isinstance(spans, int) else None,
        worker=_text(attributes.get("worker.name")),
        recorded=event.time / 1e6,
        source=_text(attributes.get("source")),
        distribution=_text(attributes.get("distribution")),
        targets=[str(target) for target in targets] if isinstance(targets, list) else [],
        notes=[str(note) for note in notes] if isinstance(notes, list) else [],
    )


def _listed(exporters: tuple[str, ...], processors: tuple[str, ...]) -> list[tuple[str, str]]:
    return [*(("exporter", name) for name in exporters), *(("processor", name) for name in processors)]


def _exporter(reader: Reader, kind: str, name: str) -> Pairs:
    """What is known of it: its name and kind, and what a process last said of it."""
    told = export_told(reader, name)
    pairs: Pairs = [("name", name), ("kind", kind)]
    if told is None:
        return [*pairs, ("state", "unknown")]
    counts = [(key, told.attributes.get(key)) for key in ("exported", "failed", "dropped", "error")]
    state = "failing" if told.level >= WARN else "works"
    return [*pairs, ("state", state), ("recorded", told.time / 1e6), *(pair for pair in counts if pair[1] is not None)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


async def plugins(call: Call) -> PluginsAnswer:
    settings = call.services.settings
    return await call.read(lambda reader: plugins_answer(reader, settings))


ENDPOINTS = (
    Endpoint(
        "GET", "/api/plugins", plugins, "view", "Every instrumentation and exporter, and its state.", PluginsAnswer
    ),
)
