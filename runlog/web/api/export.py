"""A run as a file: written to a temporary file first, then sent from there."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import IO

from anyio import to_thread
from starlette.responses import StreamingResponse

from runlog.config import Settings
from runlog.reading.exporting import jsonl, log_lines, markdown
from runlog.stores.base import Reader, Run
from runlog.system.text import visible
from runlog.web.api.types import Problem
from runlog.web.endpoint import Call, Endpoint, Parameter, Refused, bad_request
from runlog.web.single_file import TEMPLATE, Limits, html_file

ROWS = 200_000
"""Spans and logs of a run that Markdown and log lines are made of here: they are in memory all at once."""
_SECONDS = 60.0
_HTML = Limits(events=10_000, seconds=20.0)
_IN_MEMORY = 4 * 1024 * 1024
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Format:
    ending: str
    media_type: str
    pieces: Callable[[Reader, Settings, Run], Iterable[bytes]]
    most: int | None = None


def _lines(texts: Iterable[str]) -> Iterable[bytes]:
    for text in texts:
        yield visible(text).encode("utf-8", "replace") + b"\n"


_FORMATS = {
    "jsonl": _Format("jsonl", "application/x-ndjson", lambda log, _, run: _lines(jsonl(log, run))),
    "markdown": _Format("md", "text/markdown; charset=utf-8", lambda log, _, run: _lines(markdown(log, run)), ROWS),
    "log": _Format("log", "text/plain; charset=utf-8", lambda log, _, run: _lines(log_lines(log, run)), ROWS),
    "html": _Format(
        "html", "text/html; charset=utf-8", lambda log, settings, run: html_file(log, settings, run, _HTML)
    ),
}


async def export(call: Call) -> StreamingResponse:
    name, settings = call.text("format") or "jsonl", call.services.settings
    form = _FORMATS.get(name)
    if form is None:
        raise bad_request(f"there is no format {name[:40]!r}", f"it is one of {', '.join(_FORMATS)}")

    if name == "html" and not TEMPLATE.exists():
        raise Refused(503, Problem("internal", "the page is not built", "this runlog is a source tree", "make page"))

    def write(reader: Reader) -> tuple[Run, IO[bytes]]:
        run = reader.run(call.path["run_id"])
        _check_size(run, form, name)
        return run, _written(form.pieces(reader, settings, run))

    async with call.services.exporting:
        run, file = await call.read(write, seconds=_SECONDS)
    headers = {"Content-Disposition": f'attachment; filename="{run.run_id}.{form.ending}"'}
    return StreamingResponse(_sent(file), headers=headers, media_type=form.media_type)


def _check_size(run: Run, form: _Format, name: str) -> None:
    rows = run.spans + run.logs
    if form.most is not None and rows > form.most:
        what = f"this run has {rows:,} spans and logs, and the page writes {form.most:,} at most in this format"
        raise Refused(413, Problem("too-large", what, fix=f"runlog export {run.run_id} --format {name}"))


def _written(pieces: Iterable[bytes]) -> IO[bytes]:
    """A file with all of it, which nobody else can open and which is gone when it is closed."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    try:
        for piece in pieces:
            file.write(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await to_thread.run_sync(file.read, _CHUNK):
            yield chunk
    finally:
        file.close()


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs/{run_id}/export",
        export,
        "view",
        "A whole run as a file: JSON lines, Markdown, log lines, or an HTML page that opens without a server.",
        parameters=(Parameter("format", "text", "jsonl, markdown, log or html.", "jsonl"),),
        media_type="application/octet-stream",
    ),
)
