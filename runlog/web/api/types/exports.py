"""What is in a file that shows a run without a server."""

from __future__ import annotations

import msgspec

from runlog.web.api.types.events import EventDetail
from runlog.web.api.types.run import RunContext, RunDetail
from runlog.web.api.types.trace import TracePage


class ExportedTrace(msgspec.Struct):
    """One run of a file that shows a run without a server."""

    detail: RunDetail
    context: RunContext
    pages: list[TracePage]
    """All rows, unless `remaining` of the last page says otherwise; its children are runs of this file or are not
    here."""


class ExportedRun(msgspec.Struct):
    """What is in the file: JSON in `<script type="application/json" id="runlog-export">`, every `<` as `\\u003c`."""

    version: str
    """Of runlog."""
    project: str
    exported: float
    runs: list[ExportedTrace]
    """The run itself, then those that it triggered and theirs."""
    events: list[EventDetail]
    """For the inspector; those that failed first."""
    notes: list[str]
    """What is not in the file, in words; empty if nothing was left out."""
