"""Instrumentations and exporters."""

from __future__ import annotations

import msgspec

from runlog.web.api.types.common import Pairs


class Plugin(msgspec.Struct):
    """One instrumentation as the last worker recorded it."""

    name: str
    state: str
    """active, missing, incompatible, bad-options, failed, ..."""
    version: str | None
    library: str | None
    """The first of `targets`."""
    library_version: str | None
    reason: str | None
    fix: str | None
    options: Pairs
    spans: int | None
    """Spans produced since the worker started, as it last said; None where it is not known."""
    worker: str | None
    recorded: float | None
    source: str | None
    """runlog, opentelemetry (adapted), or the import string."""
    distribution: str | None
    targets: list[str]
    """All that it traces, with versions."""
    notes: list[str]


class PluginsAnswer(msgspec.Struct):
    plugins: list[Plugin]
    """Of the worker that began last; none before the first run."""
    exporters: list[Pairs]
    """Exporters and processors of the config: name, kind, state (works, failing, unknown), and what a process last said
    of it: recorded, exported, failed, dropped, error."""
