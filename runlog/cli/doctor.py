"""`runlog doctor`: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import typer

from runlog.cli.checks import Check, run_checks
from runlog.cli.options import JsonDocument
from runlog.cli.output import Output, output
from runlog.console.pieces import Line
from runlog.reading.text import one_line

_MARKS = {"ok": ("✓", "good"), "warn": ("!", "attention"), "error": ("✗", "bad")}


def command(json: JsonDocument = False) -> None:
    """Check the config, the run log, the queue, the spool, the instrumentations and the exporters.

    Exit code 1 says that something does not work; each line says what to do.

    \b
    runlog doctor
    runlog doctor --json
    """
    checks = list(run_checks())
    if json:
        output().json([asdict(check) for check in checks])
    else:
        _print(output(), checks)
    if any(check.state == "error" for check in checks):
        raise typer.Exit(1)


def _print(out: Output, checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, style = _MARKS[check.state]
        state: Line = [(f"{mark} {check.state:<5} ", style), (f"{check.name:<{width}}  ", "task")]
        out.lines([[*state, (one_line(check.text), "")]], 10 + width)
        if check.fix:
            margin = " " * (10 + width)
            out.lines([[(margin, ""), (one_line(part), "note")] for part in check.fix.split("\n")], 10 + width)
    counts = Counter[str](check.state for check in checks)
    words = {"ok": "in order", "warn": "to look at", "error": "not working"}
    out.text()
    out.text(", ".join(f"{counts[state]} {words[state]}" for state in words if counts[state]), "note")
