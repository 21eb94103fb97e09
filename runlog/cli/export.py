"""`runlog export`: one run as JSON lines, Markdown, a plain log, or a page in a file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from runlog.cli.options import RunId
from runlog.cli.output import note, output
from runlog.cli.page import require_libraries
from runlog.cli.project import load_settings, require_log
from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.reading.exporting import jsonl, log_lines, markdown
from runlog.stores.base import Reader, Run


class Format(StrEnum):
    """What `--format` takes."""

    JSONL = "jsonl"
    MARKDOWN = "markdown"
    LOG = "log"
    HTML = "html"


def command(
    run: RunId,
    format: Annotated[Format, typer.Option("-f", "--format", help="How.")] = Format.JSONL,  # noqa: A002 - the option's name
) -> None:
    """Write a whole run to standard output: JSON lines (first the run, then each record), Markdown, log lines, or an
    HTML file that opens without a server and says what has no room in it.

    \b
    runlog export 7f3k2p > run.jsonl
    runlog export 7f3k2p --format html > run.html
    runlog export 7f3k2p --format markdown
    runlog export 7f3k2p --format log | grep ERROR
    """
    settings = load_settings()
    with require_log(settings) as log:
        found = log.run(run)
        if format is Format.HTML:
            _write_page(log, settings, found)
            return
        if format is Format.JSONL:
            for line in jsonl(log, found):
                output().json_line(line)
            return
        for text in markdown(log, found, note) if format is Format.MARKDOWN else log_lines(log, found):
            output().foreign(text)


def _write_page(log: Reader, settings: Settings, run: Run) -> None:
    require_libraries()
    from runlog.web.single_file import html_file

    if output().terminal:
        raise RunlogError("a page is no text for a terminal", fix=f"runlog export {run.run_id} -f html > run.html")
    for piece in html_file(log, settings, run):
        output().json_line(piece.decode())
