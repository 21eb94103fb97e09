"""`runlog search`: logs and spans of all runs."""

from __future__ import annotations

from typing import Annotated

import typer

from runlog.cli.options import Cursor, JsonLines, QueryWords, parse_query
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, open_log
from runlog.cli.stream import Stream
from runlog.reading.clock import clock
from runlog.reading.opening import nothing_recorded
from runlog.reading.own import without_own
from runlog.reading.text import one_line


def command(
    query: QueryWords = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="How many.")] = 50,
    cursor: Cursor = None,
    budget: Annotated[float, typer.Option(min=0.01, metavar="SECONDS", help="Seconds to search for.")] = 10.0,
    everything: Annotated[
        bool, typer.Option("--all", help="Without a query: also what runlog tells of its workers and instrumentations.")
    ] = False,
    json: JsonLines = False,
) -> None:
    """Search the logs and spans of all runs, newest first.

    Bare words and "phrases" match messages and span names; key:value matches fields and attributes.

    \b
    runlog search 'timeout level:>=warn'
    runlog search 'user.id:u_5* -status:completed'
    runlog search 'kind:span name:fetch-user dur:>2s' --json
    """
    parsed = parse_query(query)
    settings = load_settings()
    with open_log(settings) as log:
        if log is None:
            note(nothing_recorded(settings))
            return
        wanted = parsed if parsed is not None or everything else without_own(None)
        page = log.search(wanted, cursor=cursor, limit=limit, budget=budget)
        Stream(output(), log, json=json).events(page.items)
    if page.searched_to is not None and page.cursor is not None:
        note(f"Searched back to {clock(page.searched_to)}; to go on, add --cursor {one_line(page.cursor)}")
    elif page.cursor is not None:
        note(f"The newest {len(page.items):,} shown; older ones: add --cursor {one_line(page.cursor)}")
    elif not page.items:
        note("Nothing matches." if parsed else "Nothing is recorded yet.")
