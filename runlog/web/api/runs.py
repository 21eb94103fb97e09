"""The list of runs, how many there are, over time, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence

from runlog.config import Settings
from runlog.reading.asofnow import explained
from runlog.stores.base import Reader
from runlog.stores.lists import FACETS, FacetCounts
from runlog.stores.query import Query, Term, field_of, is_run_field
from runlog.web.api.lists import (
    ASKED,
    BARS,
    CURSOR,
    columns_asked,
    grid_asked,
    names_asked,
    page_size,
    query_asked,
)
from runlog.web.api.rows import milliseconds, rows_of
from runlog.web.api.types import Count, Facet, Facets, FacetValue, RunHistogram, RunsPage, StatusBucket
from runlog.web.endpoint import Call, Endpoint, Parameter, bad_request
from runlog.web.live.position import Position

_MOST_VALUES = 20
_MOST_KEYS = 8
_LABEL = 200
"""Characters of a value of a facet that are shown; a longer one is found by its beginning."""
_TIME = "run.created"


def runs_page(
    reader: Reader, settings: Settings, query: Query, cursor: str | None, limit: int, columns: Sequence[str]
) -> RunsPage:
    """A page of runs, newest first, with the reason as of now of each that does not execute."""
    position = Position(*reader.position())  # first: what changes meanwhile comes again with the live stream
    page = reader.runs(query, cursor=cursor, limit=limit)
    items = rows_of(explained(settings, page.items), columns, reader)
    return RunsPage(items, page.cursor, milliseconds(page.searched_to), str(position))


def run_facets(reader: Reader, query: Query, keys: Sequence[str]) -> Facets:
    """The usual facets, and those of some other keys."""
    counted = reader.run_facets(query, list(dict.fromkeys((*FACETS, *keys))), most=_MOST_VALUES)
    return Facets([_facet(one) for one in counted])


def _facet(found: FacetCounts) -> Facet:
    values = [FacetValue(_label(value), count, _term(found.key, value)) for value, count in found.values]
    return Facet(found.key, values, found.more, found.counted, milliseconds(found.searched_to))


def _label(value: str) -> str:
    return value if len(value) <= _LABEL else value[:_LABEL] + "…"


def _term(key: str, value: str) -> str:
    return str(Term(key, "=", value) if len(value) <= _LABEL else Term(key, "prefix", value[:_LABEL]))


async def runs(call: Call) -> RunsPage:
    columns = columns_asked(call)

    def read(reader: Reader) -> RunsPage:
        query = query_asked(call, _TIME)
        return runs_page(
            reader, call.services.settings, query, call.text("cursor") or None, call.parameters["limit"], columns
        )

    return await call.read(read)


async def count(call: Call) -> Count:
    found = await call.read(lambda reader: reader.count_runs(query_asked(call, _TIME)))
    return Count(found.count, milliseconds(found.searched_to))


async def histogram(call: Call) -> RunHistogram:
    def read(reader: Reader) -> RunHistogram:
        query = query_asked(call, _TIME)
        grid = grid_asked(call, reader.run_times())
        found = reader.run_histogram(query, grid.origin, grid.width, grid.bars)
        buckets = [StatusBucket(bucket.time / 1e6, bucket.counts) for bucket in found.buckets]
        return RunHistogram(*grid.ms, buckets, found.total, milliseconds(found.searched_to))

    return await call.read(read)


async def facets(call: Call) -> Facets:
    keys = names_asked(call.text("keys"))
    if len(keys) > _MOST_KEYS:
        raise bad_request(f"{len(keys)} more facets are too many", f"{_MOST_KEYS} may be asked for")
    for key in keys:
        _check_key(key)
    return await call.read(lambda reader: run_facets(reader, query_asked(call, _TIME), keys))


def _check_key(key: str) -> None:
    """Refuse what has no values to count."""
    try:
        field = field_of(key)
    except KeyError:
        raise bad_request(f"a run has no field {key[:60]!r}") from None
    if field.scope == "event":
        raise bad_request(
            f"values of {key[:60]!r} are not counted", "it is of each event", f"attr.{key} is the attribute"
        )
    if is_run_field(key) and field.kind not in ("text", "list", "choice"):
        raise bad_request(f"values of {key[:60]!r} are not counted", f"it is a {field.kind}")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs",
        runs,
        "view",
        "Runs that match, newest first. `from` and `to` are about when they were created.",
        RunsPage,
        parameters=(
            *ASKED,
            CURSOR,
            page_size(50, 200),
            Parameter("columns", about="payload.x, output.x, metadata.x, attr.x, separated by commas (%2C in a name)"),
        ),
    ),
    Endpoint("GET", "/api/runs/count", count, "view", "How many runs match.", Count, parameters=ASKED),
    Endpoint(
        "GET",
        "/api/runs/histogram",
        histogram,
        "view",
        "How many of the runs that match were created when, by status.",
        RunHistogram,
        parameters=(*ASKED, BARS),
    ),
    Endpoint(
        "GET",
        "/api/runs/facets",
        facets,
        "view",
        "The most frequent values of the runs that match.",
        Facets,
        parameters=(*ASKED, Parameter("keys", about="other keys, separated by commas: attributes, or fields of runs")),
    ),
)
