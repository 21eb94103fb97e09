"""What changes many runs at once: found by a query, confirmed, and told how far it has come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from runlog.cli.output import note
from runlog.errors import RunlogError
from runlog.reading.text import one_line
from runlog.stores.query import parse

if TYPE_CHECKING:
    from runlog.tasks.runs import Progress

_NAMED = 10
QueryOption = Annotated[
    str | None,
    typer.Option("--query", "-q", metavar="QUERY", help="Every run that matches: 'task:x run.created:>-1h'."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many runs are changed.")]


def check_query(query: str, verb: str, *, yes: bool) -> None:
    """Refuse a query that means nothing, and a change that nobody can confirm. Raises QueryError and RunlogError."""
    if parse(query).node is None:
        raise RunlogError("the query is empty", "every run is run:*", f"runlog {verb} --query 'run:*'")
    if not yes and not sys.stdin.isatty():
        raise RunlogError(
            "--query needs --yes here: many runs may match, and there is no terminal to ask at",
            fix=f"runlog {verb} --query {query!r} --yes",
        )


def confirm(question: str, *, yes: bool) -> bool:
    """Ask at the terminal, unless `yes`."""
    return yes or typer.confirm(question, err=True)


class ProgressLine:
    """How far it has come, in one line of the terminal that is written over; elsewhere nothing."""

    def __init__(self, doing: str) -> None:
        self._doing, self._shown = doing, sys.stderr.isatty()
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self.last = progress
        if self._shown:
            end = "\r\x1b[K" if progress.seen == progress.total else ""
            sys.stderr.write(f"\r{self._doing} {progress.seen:,} of {progress.total:,} runs{end}")
            sys.stderr.flush()

    @property
    def refused(self) -> dict[str, str]:
        return self.last.refused if self.last is not None else {}


def say_refused(refused: dict[str, str]) -> None:
    """Name the runs that could not be changed, and why: the first ones of many."""
    for run_id, why in list(refused.items())[:_NAMED]:
        note(f"{one_line(run_id)}: {why}")
    if len(refused) > _NAMED:
        note(f"and {len(refused) - _NAMED:,} more")
