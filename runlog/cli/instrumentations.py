"""`runlog instrumentations`: what became of every one that the config lists."""

from __future__ import annotations

from dataclasses import asdict

import typer

from runlog.cli.layout import Column, table
from runlog.cli.options import JsonLines
from runlog.cli.output import Output, note, output
from runlog.cli.project import load_settings
from runlog.config import Settings
from runlog.console.pieces import Line, Piece
from runlog.instrumentation import InstrumentationState, install_all
from runlog.reading.text import one_line

_COLUMNS = (
    Column("name"),
    Column("state"),
    Column("of"),
    Column("traces", shrink=True),
    Column("from", shrink=True),
    Column("took", "right"),
)


def command(json: JsonLines = False) -> None:
    """Install every instrumentation that the config lists, show what became of each, and take them back.

    Exit code 1 says that one of them cannot work; the table says why and what to type.

    \b
    runlog instrumentations
    runlog instrumentations --json
    """
    settings = load_settings()
    states = try_instrumentations(settings)
    if json:
        for state in states:
            output().json(asdict(state))
    elif states:
        print_states(output(), states)
    else:
        note('The config lists none. To have HTTP and SQL calls traced: instrumentations = ["httpx", "sqlalchemy"]')
    if any(state.is_problem for state in states):
        raise typer.Exit(1)


def try_instrumentations(settings: Settings) -> list[InstrumentationState]:
    """Install all, look, uninstall: the states they had while installed."""
    from opentelemetry.trace import NoOpTracerProvider

    installed = install_all(settings, NoOpTracerProvider())
    states = [InstrumentationState(**asdict(state)) for state in installed]
    installed.uninstall()
    for state, after in zip(states, installed, strict=True):
        state.notes = list(after.notes)
    return states


def print_states(out: Output, states: list[InstrumentationState]) -> None:
    """A table, and below it the reason and the line to type for each that does not work."""
    rows: list[list[Piece]] = []
    for state in states:
        mark = ("✗ ", "bad") if state.is_problem else ("✓ ", "good") if state.state == "active" else ("· ", "neutral")
        rows.append(
            [
                (one_line(state.name), "task"),
                (mark[0] + one_line(state.state), mark[1]),
                (one_line(f"{state.distribution or ''} {state.version or ''}".strip()), ""),
                (one_line(", ".join(state.targets)), "value"),
                (one_line(state.source or ""), "source"),
                (f"{state.milliseconds:.0f} ms" if state.milliseconds else "", "value"),
            ]
        )
    out.lines(table(_COLUMNS, rows, out.width if out.terminal else None))
    for state in states:
        out.lines(_explanation(state), 4)


def _explanation(state: InstrumentationState) -> list[Line]:
    lines: list[Line] = []
    if state.reason:
        lines.append([(f"{one_line(state.name)}: ", "task"), (one_line(state.reason), "")])
    if state.fix:
        lines.append([("    ", ""), (one_line(state.fix), "note")])
    lines += [[(f"{one_line(state.name)}: ", "task"), (one_line(text), "note")] for text in state.notes]
    return lines
