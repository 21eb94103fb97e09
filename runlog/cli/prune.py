"""`runlog prune`: old ended runs are deleted."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from runlog.cli.options import JsonDocument
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, rescue
from runlog.errors import RunlogError
from runlog.reading.opening import nothing_recorded
from runlog.reading.text import counted, size_text
from runlog.stores.query import parse_duration

_MEBIBYTE = 1024 * 1024


def command(
    older_than: Annotated[str | None, typer.Option(metavar="AGE", help="Those that ended longer ago: 30d.")] = None,
    max_size: Annotated[float | None, typer.Option(metavar="MIB", min=0, help="The oldest, until it fits.")] = None,
    json: JsonDocument = False,
) -> None:
    """Delete old ended runs and their records, by age and by size. Runs that go on are kept.

    Without options the project's retention settings count, which workers follow by themselves.

    \b
    runlog prune
    runlog prune --older-than 7d
    runlog prune --max-size 500
    """
    settings = load_settings()
    age = _age(older_than)
    if older_than is None and max_size is None:
        age = int(settings.retention.days * 86_400_000_000_000) or None
        max_size = settings.retention.max_size or None
    rescue(settings)
    if not settings.log_path.exists():
        note(nothing_recorded(settings))
        return
    from runlog.stores import open_store

    store = open_store(settings)
    try:
        pruned = store.prune(
            older_than=None if age is None else time.time_ns() - age,
            max_size=None if max_size is None else int(max_size * _MEBIBYTE),
        )
        left = store.statistics()
    finally:
        store.close()
    if json:
        values = {"runs": pruned.runs, "events": pruned.events, "freed": pruned.freed}
        output().json({**values, "left": {"runs": left.runs, "events": left.events, "size": left.size}})
        return
    deleted = f"{counted(pruned.runs, 'run')} and {counted(pruned.events, 'record')}"
    output().text(f"Deleted {deleted}; {size_text(pruned.freed)} freed.")
    kept = f"{counted(left.runs, 'run')}, {counted(left.events, 'record')}"
    output().text(f"Left: {kept}, {size_text(left.size)}.", "note")


def _age(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise RunlogError("--older-than is not an age", str(error), "runlog prune --older-than 30d") from None
