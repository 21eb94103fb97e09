"""`runlog show`: one run, and first of all where and why it failed."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from runlog.cli.details import node_details, span_heading
from runlog.cli.options import JsonDocument, RunId
from runlog.cli.output import Output, note, output
from runlog.cli.project import load_settings, require_log
from runlog.cli.runtree import TreeOptions, TreePainter
from runlog.console.exceptions import exception_lines
from runlog.console.pieces import Line
from runlog.errors import RunlogError
from runlog.reading.asofnow import explained
from runlog.reading.facts import run_facts
from runlog.reading.loading import load_events, load_tree
from runlog.reading.records import event_record, run_record
from runlog.reading.sentences import failing_exception, headline
from runlog.reading.text import one_line
from runlog.stores.base import ERROR, LEVELS, Reader, Run
from runlog.stores.query.fields import LEVEL_ALIASES
from runlog.stores.tree import Node, walk

_ROWS = 1000
_SHORT = {"type", "module", "message", "frames"}
"""What an exception has at least."""


def command(
    run: RunId,
    attributes: Annotated[bool, typer.Option("--attributes", "-a", help="Everything of every span and log.")] = False,
    span: Annotated[str | None, typer.Option(metavar="ID", help="Everything of one span.")] = None,
    errors: Annotated[bool, typer.Option("--errors", "-e", help="Only what failed, and what it is in.")] = False,
    level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Only logs from this level: debug, info, warn, error.")
    ] = None,
    children: Annotated[bool, typer.Option(help="Draw child runs that were waited for inside.")] = True,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=0, help="Rows at most; 0 for all.")] = _ROWS,
    json: JsonDocument = False,
) -> None:
    """Show what happened in a run: where and why it failed, then its attempts, spans and logs on a time axis.

    \b
    runlog show 7f3k2p
    runlog show 7f3k2p --errors --attributes
    runlog show 7f3k2p --span 51c2 --json
    """
    lowest = _level(level, errors=errors)
    settings = load_settings()
    with require_log(settings) as log:
        [found] = explained(settings, [log.run(run)])
        if json and span is None:
            _print_json(log, found)
            return
        root = load_tree(log, found, children=children, note=note)
    out, now = output(), time.time_ns()
    if span is not None:
        _show_span(out, _find_span(root, span, found), json=json)
        return
    _print_head(out, found, root, now)
    drawn = TreePainter(root, out, TreeOptions(lowest, attributes, limit, now)).paint()
    out.flush()
    if drawn.rows < drawn.total:
        hint = "--limit 0 shows all" if lowest is not None else "--limit 0 shows all, --errors what failed"
        note(f"{drawn.rows:,} of {drawn.total:,} rows shown; {hint}")


def _level(level: str | None, *, errors: bool) -> int | None:
    if level is None:
        return ERROR if errors else None
    name = LEVEL_ALIASES.get(level.lower(), level.lower())
    if name not in LEVELS:
        raise RunlogError(f"there is no level {level!r}", f"the levels are {', '.join(LEVELS)}")
    return max(LEVELS[name], ERROR) if errors else LEVELS[name]


def _print_json(log: Reader, run: Run) -> None:
    root = load_tree(log, run, children=False)
    now = time.time_ns()
    output().json(
        {
            "run": run_record(run, data=True),
            "headline": "".join(text for text, _ in headline(run, root, now)),
            "events": [event_record(event) for event in load_events(log, run.run_id)],
        }
    )


def _print_head(out: Output, run: Run, root: Node, now: int) -> None:
    sentence = headline(run, root, now)
    out.lines([sentence], 2)
    if run.status not in ("COMPLETED", "QUEUED", "EXECUTING", "CANCELED"):
        error = failing_exception(root, run) or run.error
        if error and not _is_told(error, sentence):
            out.lines(exception_lines(error, 2, brief=True), 6)
    for line in run_facts(run, now, root):
        out.lines([[("  ", ""), *line]], 4)
    out.text()


def _is_told(error: dict[str, Any], sentence: Line) -> bool:
    """The sentence has its message, and it has nothing else to say."""
    message = one_line(error.get("message") or "")
    bare = not error.get("frames") and not error.keys() - _SHORT
    return bare and bool(message) and message in "".join(text for text, _ in sentence)


def _find_span(root: Node, text: str, run: Run) -> Node:
    wanted = text.lower()
    found = [
        node
        for _, node in walk(root)
        if node.run is None and node.event.span_id and node.event.span_id.hex().startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RunlogError(
            f"run {run.run_id} has no span {text!r}", fix=f"runlog show {run.run_id} --attributes   # shows the ids"
        )
    raise RunlogError(f"{len(found)} spans begin with {text!r}", "give more of the id")


def _show_span(out: Output, node: Node, *, json: bool) -> None:
    if json:
        out.json(event_record(node.event))
        return
    out.lines(span_heading(node.event), 2)
    out.lines([[("  ", ""), *line] for line in node_details(node)], 6)
