"""Arguments and options that several verbs have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from runlog.stores.query import Query, parse, parse_time

_DAY = 86_400_000_000_000

JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
JsonDocument = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the last (or first) characters of it.")]
QueryWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="QUERY", help="Which ones: 'level:>=warn user.id:7 \"timed out\"'.", show_default=False),
]
Cursor = Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on from where another answer ended.")]


def parse_query(words: Sequence[str] | None) -> Query | None:
    """The query that a command was given, in one argument or in several. Raises QueryError."""
    text = " ".join(word.removeprefix(" ") for word in words or ())
    return parse(text) if text.strip() else None


def next_time(at: str, now: int) -> int:
    """The time that a text names; a time of day is the next one, not the last as in queries. Raises ValueError."""
    moment = parse_time(at, now)
    if moment < now and not at.startswith("-"):
        moment = parse_time(at, now + _DAY)
    if moment < now:
        raise ValueError(f"{at!r} is over")
    return moment
