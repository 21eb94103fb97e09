"""`runlog runs`: the list of runs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import typer

from runlog.cli.layout import Column, table
from runlog.cli.options import Cursor, JsonLines, QueryWords, parse_query
from runlog.cli.output import Output, note, output
from runlog.cli.project import load_settings, open_log
from runlog.console.format import short_run_id
from runlog.console.message import format_duration
from runlog.console.pieces import Piece
from runlog.reading.asofnow import explained
from runlog.reading.clock import age, clock, run_duration
from runlog.reading.opening import nothing_recorded
from runlog.reading.records import run_record
from runlog.reading.sentences import error_title, failed_attempt, state
from runlog.reading.text import one_line
from runlog.stores.base import Page, Run

_WIDE = 150
"""Columns from which on whole ids and times of day are shown, rather than short ids and ages."""

_NARROW, _REASON = 76, 28
"""From so many columns on the reason has so many, before others are shown."""

_COLUMNS = (
    Column("status"),
    Column("run"),
    Column("task", shrink=True, least=12),
    Column("created", drop=1),
    Column("took", "right"),
    Column("try", "right", drop=3),
    Column("err", "right", drop=4),
    Column("warn", "right", drop=2),
    Column("why", shrink=True, least=10, wanted=40),
)


def command(
    query: QueryWords = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="How many.")] = 20,
    cursor: Cursor = None,
    json: JsonLines = False,
) -> None:
    """List runs, newest first: state, task, duration, errors, and why: of what does not execute, as of now.

    A query about events finds the runs that have one such event.

    \b
    runlog runs
    runlog runs status:failed task:send-email
    runlog runs 'run.created:>-1h (level:error OR run.dur:>10s)'
    """
    parsed = parse_query(query)
    settings = load_settings()
    with open_log(settings) as log:
        page: Page[Run] = Page([], None) if log is None else log.runs(parsed, cursor=cursor, limit=limit)
    runs = explained(settings, page.items)
    if json:
        for run in runs:
            output().json(run_record(run))
    elif runs:
        out = output()
        out.lines(run_table(runs, out))
    elif page.cursor is None:
        note(nothing_recorded(settings) if log is None else "No run matches." if parsed else "There are no runs yet.")
    if page.cursor is not None and page.searched_to is not None:
        note(f"Searched back to {clock(page.searched_to)}; to go on, add --cursor {one_line(page.cursor)}")
    elif page.cursor is not None:
        note(f"The newest {len(page.items):,} shown; older ones: add --cursor {one_line(page.cursor)}")


def run_table(runs: list[Run], out: Output) -> list[list[Piece]]:
    """The runs as a table, whole ids where there is room for them."""
    whole = not out.terminal or out.width >= _WIDE
    now = time.time_ns()
    rows: list[list[Piece]] = []
    for run in runs:
        glyph, style = state(run)
        rows.append(
            [
                (f"{glyph} {one_line(run.status)}", style),
                (one_line(run.run_id) if whole else short_run_id(run.run_id), "source"),
                (one_line(run.task), "task"),
                (clock(run.created) if whole else age(run.created, now), "time"),
                (run_duration(run, now), "value"),
                (str(run.attempt) if run.attempt > 1 else "", "value"),
                (f"{run.errors:,}" if run.errors else "", "bad"),
                (f"{run.warnings:,}" if run.warnings else "", "attention"),
                (one_line(why(run, now)), "message"),
            ]
        )
    room = out.width if out.terminal else None
    *columns, last = _COLUMNS
    reason = last if room is None or room < _NARROW else replace(last, least=_REASON)
    return table((*columns, reason), rows, room)


def why(run: Run, now: int) -> str:
    """In a few words why a run is in its state; empty for what completed."""
    title, cause = error_title(run.error), run.cause or {}
    until = cause.get("until")
    if isinstance(until, int) and (run.status, cause.get("code")) in (("DELAYED", "delayed"), ("WAITING", "until")):
        return f"until {clock(until)}" + (f", in {format_duration(until - now)}" if until > now else "")
    if run.status == "COMPLETED" or not (run.reason or title):
        return ""
    if run.status == "CANCELED":
        return "" if run.reason in (None, "canceled") else run.reason
    if isinstance(until, int) and cause.get("code") == "retry" and run.reason:
        failed = failed_attempt(run.reason)
        return f"again {clock(until)}: {failed.partition(' failed: ')[2] or failed}"
    if run.status == "WAITING" and run.reason:
        return run.reason.removeprefix("waits ")  # as the state says
    if not run.is_terminal:
        return run.reason or title
    return title or run.reason or ""
