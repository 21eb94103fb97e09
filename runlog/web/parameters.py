"""The parameters and the body of a request, checked as its endpoint says."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.requests import Request

from runlog.web.api.types import Problem
from runlog.web.endpoint import Endpoint, Parameter, Refused, bad_request

MOST_TEXT = 4000
_MOST_FIELDS = 50
_MOST_DIGITS = 40
_PATIENCE = 20.0
"""Seconds that a body may take."""
_FLAGS = {"1": True, "true": True, "0": False, "false": False}


def read_parameters(endpoint: Endpoint, query: bytes) -> Mapping[str, Any]:
    """The parameters of a query string, with the defaults of those not given. Raises Refused."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            encoding="utf-8",
            errors="strict",
        )
    except ValueError:
        raise bad_request(
            "the query string cannot be read", "it is not percent-encoded UTF-8, or far too long"
        ) from None
    known = {parameter.name: parameter for parameter in endpoint.parameters}
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in known:
            raise bad_request(f"there is no parameter {name[:60]!r}", fix=_nearest(name, known))
        if name in values:
            raise bad_request(f"the parameter {name!r} is given twice")
        values[name] = _value(known[name], text)
    return {name: parameter.default for name, parameter in known.items()} | values


def _nearest(name: str, known: Mapping[str, Parameter]) -> str:
    close = difflib.get_close_matches(name[:60], known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known)) or 'none'}"


def _value(parameter: Parameter, text: str) -> Any:
    name = parameter.name
    match parameter.kind:
        case "text":
            most = MOST_TEXT if parameter.most is None else int(parameter.most)
            if len(text) > most:
                raise bad_request(f"{name} has {len(text):,} characters", f"it may have {most:,}")
            return text
        case "flag":
            if text not in _FLAGS:
                raise bad_request(f"{name}={text[:60]!r} is neither 1 nor 0")
            return _FLAGS[text]
        case "integer" | "number":
            return _number(parameter, text)


def _number(parameter: Parameter, text: str) -> int | float:
    what = f"{parameter.name}={text[:60]!r}"
    if len(text) > _MOST_DIGITS:
        raise bad_request(f"{what} is too long for a number")
    try:
        value = int(text) if parameter.kind == "integer" else float(text)
    except ValueError:
        raise bad_request(f"{what} is not {'a whole number' if parameter.kind == 'integer' else 'a number'}") from None
    if not math.isfinite(value):
        raise bad_request(f"{what} is not finite")
    if parameter.least is not None and value < parameter.least:
        raise bad_request(f"{what} is too small", f"the least is {parameter.least:g}")
    if parameter.most is not None and value > parameter.most:
        raise bad_request(f"{what} is too large", f"the most is {parameter.most:g}")
    return value


async def read_body(endpoint: Endpoint, request: Request) -> Any:
    """The body as its endpoint types it; None where it takes none. Raises Refused."""
    data = bytearray()
    most = endpoint.most_body if endpoint.body is not None else 0
    with anyio.move_on_after(_PATIENCE) as patience:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise too_large(most)
    if patience.cancelled_caught:
        raise Refused(408, Problem("timeout", "the body of this request took too long"))
    if endpoint.body is None:
        return None
    try:
        return msgspec.json.decode(bytes(data), type=endpoint.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise bad_request("the body is not what is expected here", str(error)) from None


def too_large(most: int) -> Refused:
    return Refused(413, Problem("too-large", f"the body of this request may have {most:,} bytes"))
