"""Help while a query is written: what is wrong with it, and what could stand at a place."""

from __future__ import annotations

from typing import cast

from runlog.errors import QueryError
from runlog.reading.completing import View, offers
from runlog.stores.base import Reader
from runlog.stores.query import parse
from runlog.web.api.types import Completion, Completions, QueryCheck
from runlog.web.endpoint import Call, Endpoint, Parameter, bad_request
from runlog.web.readers import from_utf16, in_utf16, refusal

_VIEWS = ("runs", "logs")


async def check(call: Call) -> QueryCheck:
    try:
        query = parse(call.text("q"))
    except QueryError as error:
        return QueryCheck(refusal(error).problem, about_events=False)
    return QueryCheck(None, query.needs_event)


async def complete(call: Call) -> Completions:
    text, view = call.text("q"), call.text("view")
    if view not in _VIEWS:
        raise bad_request(f"there is no view {view[:60]!r}", f"the views are {' and '.join(_VIEWS)}")
    position = call.parameters["position"]
    position = len(text) if position is None else from_utf16(text, position)

    def read(reader: Reader) -> Completions:
        place, found = offers(reader, text, position, cast("View", view))
        items = [Completion(offer.text, offer.label, offer.detail) for offer in found]
        return Completions(in_utf16(text, place.start), in_utf16(text, place.end), items)

    return await call.read(read)


_QUERY = Parameter("q", about="a query, as far as it is written")

ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/query/check",
        check,
        "view",
        "Whether a query is understood; where it is not, why and where.",
        QueryCheck,
        parameters=(_QUERY,),
    ),
    Endpoint(
        "GET",
        "/api/query/complete",
        complete,
        "view",
        "What could stand at a place of a query: keys, and values that there are.",
        Completions,
        parameters=(
            _QUERY,
            Parameter("position", "integer", "of the caret, in UTF-16 units; by default the end", least=0),
            Parameter("view", about="runs or logs: which keys come first", default="runs"),
        ),
    ),
)
