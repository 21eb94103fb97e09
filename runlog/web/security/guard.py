"""Stands in front of everything: what it does not admit reaches no handler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from starlette.types import ASGIApp, Receive, Scope, Send

from runlog.web.answers import problem_response
from runlog.web.api.types import Problem
from runlog.web.api.types import Scope as Right
from runlog.web.endpoint import Endpoint, Refused
from runlog.web.parameters import too_large
from runlog.web.security.headers import with_headers
from runlog.web.security.hosts import Hosts, is_own_origin
from runlog.web.security.rates import Rates
from runlog.web.security.tokens import Tokens
from runlog.web.table import Table

ADMITTED = "runlog.admitted"
"""Where the guard leaves what it found, in the ASGI scope."""
STREAMS = 32
"""Live streams at once."""
REQUESTS = 128
"""Requests at once, with the live streams."""
MOST_TARGET = 16 * 1024
"""Bytes of path and query string."""
_CLOSED = "/api/"
_SAME_SITE = ("same-origin", "none")
_GET_TOKEN = "open the link that `runlog ui` prints"  # noqa: S105 - words


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may reach its handler."""

    endpoint: Endpoint
    path: dict[str, str]
    scope: Right | None


class Guard:
    """Decides by Host, Origin, route, bearer, scope, content type and size, in this order."""

    def __init__(self, app: ASGIApp, table: Table, tokens: Tokens, hosts: Hosts, *, view_only: bool = False) -> None:
        self._app, self._table, self._tokens, self._hosts = app, table, tokens, hosts
        self._view_only = view_only
        self._streams = self._requests = 0
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            raise ValueError(f"nothing here serves {scope['type']}")
        send = with_headers(send)
        try:
            admitted = self._admit(scope)
        except Refused as refused:
            await problem_response(refused.status, refused.problem, refused.headers)(scope, receive, send)
            return
        scope[ADMITTED] = admitted
        self._requests += 1
        self._streams += admitted.endpoint.live
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests -= 1
            self._streams -= admitted.endpoint.live

    def _admit(self, scope: Scope) -> Admitted:
        headers = _Headers(scope["headers"])
        host = headers.only("host")
        if host is None or not self._hosts.allow(host):
            _refuse(403, "forbidden", "this server does not go by that name", "runlog ui --host-name NAME")
        origin = headers.only("origin")
        if headers.has("origin") and (origin is None or not is_own_origin(origin, host)):
            _refuse(403, "forbidden", "another site's page asked")
        path = scope["path"]
        if len(scope.get("raw_path") or path) + len(scope["query_string"]) > MOST_TARGET:
            _refuse(414, "too-large", "the address is too long")
        methods, parameters = self._table.find(path) if _is_plain(scope) else ({}, {})
        endpoint = methods.get(scope["method"])
        right = self._right(headers, endpoint, path)
        if endpoint is None:
            _refuse_route(methods, path)
        self._check_right(endpoint, right, headers)
        if endpoint.method == "POST":
            _check_post(endpoint, headers, origin)
        self._check_load(endpoint, scope)
        return Admitted(endpoint, parameters, right)

    def _right(self, headers: _Headers, endpoint: Endpoint | None, path: str) -> Right | None:
        """What the bearer allows; None where none is needed. What is not served under /api needs one as well, so that
        nobody learns what there is."""
        if endpoint.scope is None if endpoint is not None else not path.startswith(_CLOSED):
            return None
        kind, _, token = (headers.only("authorization") or "").partition(" ")
        right = self._tokens.scope(token.strip()) if kind.lower() == "bearer" else None
        if right is None:
            raise Refused(
                401,
                Problem("unauthorized", "this needs the token of the page", fix=_GET_TOKEN),
                {"WWW-Authenticate": "Bearer"},
            )
        return "view" if self._view_only else right

    def _check_right(self, endpoint: Endpoint, right: Right | None, headers: _Headers) -> None:
        if endpoint.scope is not None and (headers.only("sec-fetch-site") or "none") not in _SAME_SITE:
            _refuse(403, "forbidden", "another site's page asked")
        if endpoint.scope == "operate" and right != "operate":
            _refuse(403, "forbidden", "this token may look, and change nothing", "open the link of `runlog ui`")
        if self._view_only and endpoint.method == "POST":
            _refuse(403, "forbidden", "this server changes nothing", "runlog ui   # without --view-only")

    def _check_load(self, endpoint: Endpoint, scope: Scope) -> None:
        if endpoint.live and self._streams >= STREAMS:
            _hold_off(503, f"{STREAMS} live streams are open", 5)
        if self._requests >= REQUESTS:
            _hold_off(503, f"{REQUESTS} requests are being answered", 1)
        if endpoint.limited and (seconds := self._rates.take((scope.get("client") or ("",))[0])):
            _hold_off(429, "too many requests", seconds)


class _Headers:
    """The headers of a request, by lower-case name; one that is there twice has no value."""

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, str | None] = {}
        for name, value in pairs:
            key = name.decode("latin-1").lower()
            self._values[key] = None if key in self._values else value.decode("latin-1")

    def has(self, name: str) -> bool:
        return name in self._values

    def only(self, name: str) -> str | None:
        return self._values.get(name)


def _is_plain(scope: Scope) -> bool:
    """Nothing that is served needs percent-encoding, so what has any is not served."""
    raw = scope.get("raw_path")
    return raw is None or bytes(raw) == scope["path"].encode("utf-8", "replace")


def _check_post(endpoint: Endpoint, headers: _Headers, origin: str | None) -> None:
    if endpoint.scope is not None and origin is None:
        _refuse(403, "forbidden", "a change needs the page's own Origin")
    content = (headers.only("content-type") or "").partition(";")[0].strip().lower()
    if content != "application/json":
        _refuse(415, "bad-request", "the body has to be application/json")
    length = headers.only("content-length")
    if length is not None and (not length.isdecimal() or int(length) > endpoint.most_body):
        raise too_large(endpoint.most_body)


def _refuse_route(methods: Mapping[str, Endpoint], path: str) -> NoReturn:
    if methods:
        allowed = ", ".join(sorted(methods))
        raise Refused(405, Problem("bad-request", f"this takes {allowed}"), {"Allow": allowed})
    _refuse(404, "not-found", "there is nothing here" if path.startswith(_CLOSED) else "there is no such page")


def _hold_off(status: int, what: str, seconds: float) -> NoReturn:
    raise Refused(status, Problem("too-many", what, fix="try again later"), {"Retry-After": str(math.ceil(seconds))})


def _refuse(status: int, code: str, what: str, fix: str = "") -> NoReturn:
    raise Refused(status, Problem(code, what, fix=fix))
