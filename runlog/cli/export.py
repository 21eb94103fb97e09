"""`runlog export`: one run as JSON lines, Markdown or a plain log. Nothing is left out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from runlog.cli.options import RunId
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, require_log
from runlog.reading.exporting import jsonl, log_lines, markdown


class Format(StrEnum):
    """What `--format` takes."""

    JSONL = "jsonl"
    MARKDOWN = "markdown"
    LOG = "log"


def command(
    run: RunId,
    format: Annotated[Format, typer.Option("-f", "--format", help="How.")] = Format.JSONL,  # noqa: A002 - the option's name
) -> None:
    """Write a whole run to standard output: JSON lines (first the run, then each record), Markdown, or log lines.

    \b
    runlog export 7f3k2p > run.jsonl
    runlog export 7f3k2p --format markdown
    runlog export 7f3k2p --format log | grep ERROR
    """
    settings = load_settings()
    with require_log(settings) as log:
        found = log.run(run)
        if format is Format.JSONL:
            for line in jsonl(log, found):
                output().json_line(line)
            return
        for text in markdown(log, found, note) if format is Format.MARKDOWN else log_lines(log, found):
            output().foreign(text)
