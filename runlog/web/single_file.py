"""A run as one HTML file that opens without a server: the page's own code, and what the log has of the run."""

from __future__ import annotations

import html
import time
from array import array
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from sys import byteorder

import msgspec

from runlog.config import Settings
from runlog.errors import EventNotFound, RunlogError
from runlog.stores.base import ERROR, Reader, Run
from runlog.web.api.context import run_context
from runlog.web.api.events import event_detail
from runlog.web.api.run import run_detail
from runlog.web.api.trace import HAS_EXCEPTION, OPEN, ROWS, SPAN, trace_page
from runlog.web.api.types import EventDetail, ExportedRun, ExportedTrace, RunRow, TracePage

TEMPLATE = Path(__file__).with_name("static") / "export.html"
_TITLE, _DATA = "RUNLOG_EXPORT_TITLE", "RUNLOG_EXPORT_DATA"
_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a run goes into a file."""

    runs: int = 200
    """With those that it triggered."""
    trace: int = 48 * 1024 * 1024
    """Bytes of their spans and logs."""
    events: int = 20_000
    """Whose details there are."""
    details: int = 48 * 1024 * 1024
    """Bytes of them."""
    seconds: float = 60.0
    """For the details."""


def html_file(reader: Reader, settings: Settings, run: Run, limits: Limits | None = None) -> Iterator[bytes]:
    """The file, in pieces. Raises RunlogError where the page was not built."""
    before, after = _template(f"{run.task} {run.run_id}")
    data = _encode(exported_run(reader, settings, run, limits or Limits()))
    yield before
    # In a script element only `</script` and `<!--` mean anything to HTML; JSON has `<` in texts only.
    yield data.replace(b"<", b"\\u003c")
    yield after


def exported_run(reader: Reader, settings: Settings, run: Run, limits: Limits) -> ExportedRun:
    """What the file shows: the run, the runs it triggered, and the details of their spans and logs."""
    collected = _Collected(reader, settings, limits)
    collected.add_runs(run)
    collected.add_events()
    return ExportedRun(
        version=version("runlog-tasks"),
        project=settings.root.name,
        exported=time.time() * 1000,
        runs=collected.runs,
        events=collected.events,
        notes=collected.notes,
    )


@dataclass(slots=True)
class _Collected:
    """A file's data as it grows, and what has no room in it."""

    reader: Reader
    settings: Settings
    limits: Limits
    runs: list[ExportedTrace] = field(default_factory=list)
    events: list[EventDetail] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    size: int = 0

    def add_runs(self, run: Run) -> None:
        waiting: list[Run | RunRow] = [run]
        known, left = {run.run_id}, 0
        while waiting:
            item = waiting.pop(0)
            if len(self.runs) >= self.limits.runs or self.size > self.limits.trace:
                left += 1
                continue
            added = self._run(self.reader.run(item.run_id, data=False))
            children = added.pages[0].children
            left += added.pages[0].children_total - len(children)
            waiting += [child for child in children if child.run_id not in known]
            known |= {child.run_id for child in children}
        if left:
            self.notes.append(f"{left:,} of the runs that were triggered are not in this file")

    def _run(self, run: Run) -> ExportedTrace:
        pages = [trace_page(self.reader, run, 0, ROWS)]
        while pages[-1].more and self.size + _size(pages[-1]) <= self.limits.trace:
            self.size += _size(pages[-1])
            pages.append(trace_page(self.reader, run, pages[-1].cursor, ROWS))
        self.size += _size(pages[-1])
        detail = run_detail(self.reader, self.settings, run.run_id)
        for what, size in (
            ("payload", detail.payload_size),
            ("output", detail.output_size),
            ("metadata", detail.metadata_size),
        ):
            if size and getattr(detail, what) is None and size > len("null"):
                self.notes.append(f"the {what} of {run.run_id} is not in this file: it is {size:,} bytes")
        if pages[-1].more:
            rows = sum(page.count for page in pages)
            self.notes.append(
                f"{rows:,} of about {rows + pages[-1].remaining:,} spans and logs of {run.run_id} are in this file"
            )
        added = ExportedTrace(detail, run_context(self.reader, self.settings, run), pages)
        self.runs.append(added)
        return added

    def add_events(self) -> None:
        """The details of what failed first, then of the others in their order."""
        numbers = [number for run in self.runs for page in run.pages for number in _ranked(page)]
        numbers.sort(key=lambda ranked: ranked[0])
        room, deadline = self.limits.details, time.monotonic() + self.limits.seconds
        for _, number in numbers[: self.limits.events]:
            if room <= 0 or time.monotonic() > deadline:
                break
            try:
                event = event_detail(self.reader, number)
            except EventNotFound:  # deleted meanwhile
                continue
            room -= len(_encode(event))
            self.events.append(event)
        if len(self.events) < len(numbers):
            self.notes.append(
                f"{len(self.events):,} of {len(numbers):,} spans and logs have their details in this file:"
                " those that failed, and the first of the others"
            )


def _ranked(page: TracePage) -> Iterator[tuple[int, int]]:
    """The events of a page, those that failed ranked before the others."""
    ids = array("d", b64decode(page.id))
    if byteorder == "big":
        ids.byteswap()
    kinds, levels, flags = b64decode(page.kind), b64decode(page.level), b64decode(page.flags)
    for number, kind, level, flag in zip(ids, kinds, levels, flags, strict=True):
        failed = level >= ERROR or flag & HAS_EXCEPTION
        yield 0 if failed else 1 if kind in (OPEN, SPAN) else 2, int(number)


def _size(page: TracePage) -> int:
    return len(_encode(page))


def _template(title: str) -> tuple[bytes, bytes]:
    """What stands before the data, and after it."""
    try:
        text = TEMPLATE.read_text("utf-8")
    except OSError as error:
        raise RunlogError(
            "the page is not built", f"this runlog is a source tree: {error.strerror}", "make page"
        ) from error
    before, _, after = text.partition(_DATA)
    return before.replace(_TITLE, html.escape(title), 1).encode(), after.encode()
