"""Which events of a run a query finds: the timeline keeps those rows."""

from __future__ import annotations

from array import array
from base64 import b64encode
from sys import byteorder

from runlog.stores.base import Reader
from runlog.stores.query import And, Query, Term, parse
from runlog.web.api.types import Matches
from runlog.web.endpoint import Call, Endpoint, Parameter

_EVENTS = 10_000
"""Of one answer, at most."""
_SECONDS = 0.5


def matches(reader: Reader, run_id: str, text: str, cursor: str | None) -> Matches:
    """The events of a run that match, the newest first. Raises QueryError and RunNotFound."""
    run = reader.run(run_id, data=False)
    asked = parse(text).node
    own = Term("run.id", "=", run.run_id)
    query = Query(text, own if asked is None else And((own, asked)))
    first = next(iter(reader.events(run.run_id, limit=1)), None)
    page = reader.search(query, cursor=cursor, limit=_EVENTS, budget=_SECONDS)
    is_over = page.cursor is None or first is None or int(page.cursor) <= first.id
    return Matches(_numbers([event.id for event in page.items]), None if is_over else page.cursor)


def _numbers(ids: list[int]) -> str:
    packed = array("d", ids)
    if byteorder == "big":
        packed.byteswap()
    return b64encode(packed).decode()


async def matching(call: Call) -> Matches:
    cursor = call.text("cursor") or None
    return await call.read(lambda reader: matches(reader, call.path["run_id"], call.text("q"), cursor))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs/{run_id}/matches",
        matching,
        "view",
        "Which spans and logs of a run a query finds.",
        Matches,
        parameters=(
            Parameter("q", "text", "A query."),
            Parameter("cursor", "text", "Of the answer before."),
        ),
    ),
)
