"""Nothing is served that is not listed, to nobody who may not have it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import StreamingResponse

from runlog.config import Settings
from runlog.web.endpoint import Call, Endpoint
from runlog.web.routes import ENDPOINTS
from runlog.web.security.guard import REQUESTS, STREAMS
from runlog.web.security.headers import HEADERS
from runlog.web.services import Services
from tests.web.asking import HOST, TOKENS, Answer, Asked

pytestmark = pytest.mark.anyio

PUBLIC = {
    ("GET", "/"),
    ("GET", "/runs"),
    ("GET", "/runs/{run_id}"),
    ("GET", "/logs"),
    ("GET", "/errors"),
    ("GET", "/errors/{fingerprint}"),
    ("GET", "/plugins"),
    ("GET", "/openapi"),
    ("GET", "/assets/{name}"),
    ("POST", "/callback/{secret}"),
}
"""What needs no bearer: the page's own files, in which there is no data, and what carries its secret in the path."""
CHANGING = {
    ("POST", "/api/runs/cancel"),
    ("POST", "/api/runs/replay"),
    ("POST", "/api/runs/{run_id}/cancel"),
    ("POST", "/api/runs/{run_id}/replay"),
}
"""What needs the right to operate. A new endpoint that changes something is added here."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X")
EXAMPLES = {
    "run_id": "run_01k3",
    "event_id": "7",
    "fingerprint": "0123456789abcdef",
    "name": "index-x.js",
    "secret": "0" * 26 + "A" * 43,
}
SERVED = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
BEARER = ("authorization", f"Bearer {TOKENS.operate}")
JSON = ("content-type", "application/json")
ORIGIN = ("origin", f"http://{HOST}")


def path_of(endpoint: Endpoint) -> str:
    return re.sub(r"\{([a-z_]+)\}", lambda found: EXAMPLES[found[1]], endpoint.path)


def check_headers(answer: Answer) -> None:
    for name, value in HEADERS:
        assert [given for key, given in answer.headers if key == name.decode()] == [value.decode()]
    assert answer.header("cache-control") is not None
    assert not [name for name, _ in answer.headers if name.startswith("access-control")]
    assert answer.header("server") is None


def test_what_is_open_and_what_changes_something_is_listed_here() -> None:
    """A new endpoint that anybody may call, or that changes something, fails here until it is listed."""
    assert {key for key, endpoint in SERVED.items() if endpoint.scope is None} == PUBLIC
    assert {key for key, endpoint in SERVED.items() if endpoint.scope == "operate"} == CHANGING
    assert {key for key in SERVED if key[0] == "POST"} == CHANGING | {("POST", "/callback/{secret}")}


@EACH
async def test_a_route_is_closed_without_a_token_whatever_the_method(asked: Asked, endpoint: Endpoint) -> None:
    for method in METHODS:
        is_open, is_served = (method, endpoint.path) in PUBLIC, (method, endpoint.path) in SERVED
        for token in (None, "", "b" * 43, TOKENS.view + "x", TOKENS.operate[:-1], TOKENS.view.swapcase()):
            bearer = () if token is None else [("authorization", f"Bearer {token}")]
            headers = [("host", HOST), ORIGIN, JSON, *bearer]
            answer = await asked.ask(method, path_of(endpoint), headers, b"{}" if method == "POST" else b"")
            check_headers(answer)
            if is_open:
                assert answer.status in (200, 404, 503)  # no such file, no such token, no page built
            elif endpoint.scope is None and not is_served:
                assert (answer.status, answer.header("allow")) == (405, endpoint.method)
            else:
                assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")


@EACH
async def test_a_route_is_closed_to_a_foreign_host_and_origin(asked: Asked, endpoint: Endpoint) -> None:
    for method in METHODS:
        for headers in (
            [("host", "evil.example:4477"), ORIGIN],
            [("host", HOST), ("origin", "http://evil.example")],
            [("host", HOST), ("origin", "null")],
            [("host", HOST), ("origin", "http://localhost:4477")],
            [("host", HOST), ORIGIN, ORIGIN],
        ):
            answer = await asked.ask(method, path_of(endpoint), [*headers, BEARER, JSON], b"{}")
            check_headers(answer)
            assert (answer.status, answer.code) == (403, "forbidden")


@EACH
async def test_a_token_for_looking_changes_nothing(asked: Asked, endpoint: Endpoint) -> None:
    bearer = ("authorization", f"Bearer {TOKENS.view}")
    answer = await asked.ask(endpoint.method, path_of(endpoint), [("host", HOST), ORIGIN, JSON, bearer], b"{}")
    assert (answer.status == 403) is (endpoint.scope == "operate")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([BEARER, JSON], 403),  # no Origin: not the page
        ([BEARER, ORIGIN], 415),
        ([BEARER, ORIGIN, ("content-type", "text/plain")], 415),
        ([BEARER, ORIGIN, ("content-type", "application/x-www-form-urlencoded")], 415),
        ([BEARER, ORIGIN, ("content-type", "multipart/form-data; boundary=application/json")], 415),
        ([BEARER, ORIGIN, JSON, ("sec-fetch-site", "cross-site")], 403),
        ([BEARER, ORIGIN, JSON, ("sec-fetch-site", "same-site")], 403),
        ([BEARER, ORIGIN, JSON, ("content-length", str(4 * 1024 * 1024 + 1))], 413),
        ([BEARER, ORIGIN, JSON, ("content-length", "-1")], 413),
        ([BEARER, BEARER, ORIGIN, JSON], 401),
        ([("cookie", f"token={TOKENS.operate}"), ORIGIN, JSON], 401),
        ([("authorization", f"Basic {TOKENS.operate}"), ORIGIN, JSON], 401),
        ([BEARER, ORIGIN, JSON, ("sec-fetch-site", "same-origin")], 404),
        ([BEARER, ORIGIN, ("content-type", "Application/JSON; charset=utf-8")], 404),
    ],
)
async def test_a_change_is_asked_for_by_the_page_itself(
    asked: Asked, headers: list[tuple[str, str]], status: int
) -> None:
    answer = await asked.ask("POST", "/api/runs/run_x/cancel", [("host", HOST), *headers], b"{}")
    check_headers(answer)
    assert answer.status == status


async def test_a_body_that_grows_too_large_is_refused(asked: Asked) -> None:
    answer = await asked.post("/api/runs/run_x/replay", {"payload": "x" * 4 * 1024 * 1024})
    assert (answer.status, answer.code) == (413, "too-large")


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/session/", "/api/runs/a/b/c", "/api/runs/a%2Fb"]
)
async def test_nobody_learns_what_there_is_under_api(asked: Asked, path: str) -> None:
    assert (await asked.get(path)).status == 404
    if path != "/api":
        assert (await asked.get(path, token=None)).status == 401


async def test_a_preflight_is_answered_with_nothing(asked: Asked) -> None:
    for origin in ("http://evil.example", "null", f"http://{HOST}"):
        headers = [("host", HOST), ("origin", origin), ("access-control-request-method", "POST")]
        answer = await asked.ask("OPTIONS", "/api/runs/cancel", headers)
        check_headers(answer)
        assert answer.status in (401, 403)


async def test_an_address_that_is_too_long_is_refused(asked: Asked) -> None:
    assert (await asked.get(f"/api/session?q={'x' * 20_000}")).status == 414


async def test_a_server_for_looking_changes_nothing_whatever_the_token(project: Path) -> None:
    settings = Settings.load(project)
    async with Services(settings, view_only=True) as services:
        asked = Asked(settings, services)
        assert (await asked.get("/api/session", TOKENS.operate)).json["scope"] == "view"
        assert (await asked.post("/api/runs/run_x/cancel", {})).status == 403
        assert (await asked.post(f"/callback/{EXAMPLES['secret']}", {})).status == 403


async def test_a_websocket_is_closed(asked: Asked) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await asked.app({"type": "websocket", "path": "/api/live", "headers": []}, None, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


class Handlers:
    """Endpoints of the tests' own: one that fails with what it was given, one that answers too much, one that waits
    for more of its kind."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.inner: Asked | None = None

    async def fail(self, call: Call) -> None:
        raise RuntimeError(f"canary {call.request.headers['authorization']} {call.request.url.query}")

    async def break_off(self, call: Call) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("canary")

        return StreamingResponse(parts())

    async def swell(self, call: Call) -> str:
        return "x" * 5 * 1024 * 1024

    async def nest(self, call: Call) -> int:
        """Asks itself, until it is refused; in a task, since Python's stack is not as deep."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._ask, call.request.url.path)
        return 0

    async def _ask(self, path: str) -> None:
        assert self.inner is not None
        self.statuses.append((await self.inner.get(path)).status)

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/fail", self.fail, "view", "", parameters=()),
            Endpoint("GET", "/api/break-off", self.break_off, "view", ""),
            Endpoint("GET", "/api/swell", self.swell, "view", ""),
            Endpoint("GET", "/api/nest", self.nest, "view", ""),
            Endpoint("GET", "/api/stream", self.nest, "view", "", live=True),
        ]


@pytest.fixture
def handlers(asked: Asked) -> Handlers:
    made = Handlers()
    made.inner = Asked(asked.settings, asked.services, made.endpoints())
    return made


async def test_a_failure_tells_nothing_of_what_was_in_hand(
    handlers: Handlers, caplog: pytest.LogCaptureFixture
) -> None:
    assert handlers.inner is not None
    with caplog.at_level(logging.DEBUG):
        answer = await handlers.inner.get("/api/fail")
    check_headers(answer)
    assert (answer.status, answer.json) == (
        500,
        {"error": {"code": "internal", "what": "this request failed inside runlog"}},
    )
    assert "GET /api/fail failed: RuntimeError at " in caplog.text
    assert "test_guard.py" in caplog.text
    for text in (answer.body.decode(), caplog.text):
        assert "canary" not in text
        assert TOKENS.view not in text


async def test_an_answer_that_breaks_off_is_said_and_not_taken_for_whole(
    handlers: Handlers, caplog: pytest.LogCaptureFixture
) -> None:
    assert handlers.inner is not None
    with pytest.raises(Exception, match="canary"):  # the server closes the connection then
        await handlers.inner.get("/api/break-off")
    assert "GET /api/break-off failed: RuntimeError at " in caplog.text
    assert "canary" not in caplog.text


async def test_an_answer_is_bounded_and_says_so(handlers: Handlers) -> None:
    assert handlers.inner is not None
    answer = await handlers.inner.get("/api/swell")
    assert (answer.status, answer.code) == (413, "too-large")
    assert "narrower" in json.dumps(answer.json)


@pytest.mark.parametrize(("path", "most"), [("/api/nest", REQUESTS), ("/api/stream", STREAMS)])
async def test_only_so_many_are_served_at_once(handlers: Handlers, path: str, most: int) -> None:
    assert handlers.inner is not None
    await handlers.inner.get(path)
    assert handlers.statuses == [503] + [200] * (most - 1)
    assert (await handlers.inner.get(path)).status == 200  # they are counted out again
