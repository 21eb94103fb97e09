"""The httpx instrumentation against real servers on loopback, and against every kind of transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import anyio
import httpx
import pytest
from httpx import get as get_imported_before
from runlog_instrumentation_httpx import HttpxInstrumentation

from runlog.instrumentation.http import HttpOptions
from runlog.testing import InstrumentationSuite, Telemetry
from runlog.testing.server import Server, loopback_server

CLIENT_MADE_BEFORE = httpx.Client(trust_env=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with loopback_server() as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


class RaisingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise self._error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self._error


class WaitingTransport(httpx.AsyncBaseTransport):
    def __init__(self, started: Callable[[], None]) -> None:
        self._started = started

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._started()
        await anyio.sleep_forever()
        raise AssertionError


class TestConformance(InstrumentationSuite):
    instrumentation = HttpxInstrumentation
    options: ClassVar = {"span_until": "body", "capture_request_headers": ["accept"]}

    @contextmanager
    def environment(self) -> Iterator[None]:
        with loopback_server() as self.server:
            yield

    def call(self) -> object:
        response = get_imported_before(f"{self.server.url}/users/1", trust_env=False)
        return response.status_code, response.text

    async def call_async(self) -> object:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(f"{self.server.url}/users/1")
            return response.status_code, response.text

    def call_raising(self, error: Exception) -> None:
        with httpx.Client(transport=RaisingTransport(error)) as client:
            client.get("http://example.test/")

    async def call_async_raising(self, error: Exception) -> None:
        async with httpx.AsyncClient(transport=RaisingTransport(error)) as client:
            await client.get("http://example.test/")

    async def call_forever(self, started: Callable[[], None]) -> None:
        async with httpx.AsyncClient(transport=WaitingTransport(started)) as client:
            await client.get("http://example.test/")


def test_a_request_is_described_by_the_conventions(telemetry: Telemetry, server: Server, client: httpx.Client) -> None:
    telemetry.install(HttpxInstrumentation)
    client.get(f"{server.url.replace('//', '//user:hunter2@')}/users/1?page=2")
    (span,) = telemetry.spans
    assert span.name == "HTTP GET /users/1"
    port = int(server.url.rpartition(":")[2])
    assert span.attributes == {
        "http.request.method": "GET",
        "url.full": f"http://[redacted:userinfo]@127.0.0.1:{port}/users/1?page=2",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }
    assert (span.extra or {})["kind"] == "CLIENT"


def test_a_client_made_before_is_traced(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(HttpxInstrumentation)
    with CLIENT_MADE_BEFORE as client:
        client.get(server.url)
    assert telemetry.tree() == "HTTP GET /"


def test_the_server_gets_the_context_of_the_span(telemetry: Telemetry, server: Server, client: httpx.Client) -> None:
    telemetry.install(HttpxInstrumentation)
    client.get(server.url)
    (span,) = telemetry.spans
    assert span.trace_id is not None
    assert span.span_id is not None
    assert server.requests[0][1]["traceparent"].split("-")[1:3] == [span.trace_id.hex(), span.span_id.hex()]


def test_each_redirect_is_a_span_of_its_own(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(HttpxInstrumentation)
    with telemetry.tracer.start_as_current_span("outer"):
        httpx.get(f"{server.url}/hop/1", follow_redirects=True, trust_env=False)
    assert telemetry.tree() == "outer\n  HTTP GET /hop/1\n  HTTP GET /hop/0\n  HTTP GET /end"
    sent = [headers["traceparent"].split("-")[2] for _, headers in server.requests]
    assert sent == [span.span_id.hex() for span in telemetry.spans[1:] if span.span_id]


def test_each_step_of_an_authentication_is_a_span(telemetry: Telemetry) -> None:
    telemetry.install(HttpxInstrumentation)

    def handler(request: httpx.Request) -> httpx.Response:
        if "authorization" in request.headers:
            return httpx.Response(200)
        return httpx.Response(401, headers={"www-authenticate": 'Digest realm="r", nonce="n", qop="auth"'})

    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        assert client.get("http://h.test/a", auth=httpx.DigestAuth("u", "p")).status_code == 200
    assert telemetry.tree() == "HTTP GET /a [error]\nHTTP GET /a"


def test_an_error_status_is_an_error(telemetry: Telemetry, server: Server, client: httpx.Client) -> None:
    telemetry.install(HttpxInstrumentation)
    client.get(f"{server.url}/missing")
    (span,) = telemetry.spans
    assert (span.status, span.attributes["error.type"]) == ("error", "404")


def test_a_refused_connection_is_an_error(telemetry: Telemetry, client: httpx.Client) -> None:
    telemetry.install(HttpxInstrumentation)
    with pytest.raises(httpx.ConnectError):
        client.get("http://127.0.0.1:9/")
    (span,) = telemetry.spans
    assert (span.status, span.attributes["error.type"]) == ("error", "ConnectError")


def test_listed_headers_are_kept_and_no_others(telemetry: Telemetry, server: Server, client: httpx.Client) -> None:
    telemetry.install(
        HttpxInstrumentation, capture_request_headers=["X-Tenant"], capture_response_headers=["X-REQUEST-ID", "absent"]
    )
    client.get(server.url, headers={"x-tenant": "t1", "x-other": "o"})
    headers = {key: value for key, value in telemetry.spans[0].attributes.items() if ".header." in key}
    assert headers == {"http.request.header.x-tenant": ["t1"], "http.response.header.x-request-id": ["r-1"]}


def test_an_excluded_request_is_not_traced_and_sends_no_context(
    telemetry: Telemetry, server: Server, client: httpx.Client
) -> None:
    telemetry.install(HttpxInstrumentation, excluded_urls=["/health$"])
    client.get(f"{server.url}/health")
    client.get(f"{server.url}/health/deep")
    assert telemetry.tree() == "HTTP GET /health/deep"
    assert "traceparent" not in server.requests[0][1]


def test_urls_are_excluded_by_opentelemetrys_variable(
    telemetry: Telemetry, server: Server, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_HTTPX_EXCLUDED_URLS", "health")
    telemetry.install(HttpxInstrumentation)
    client.get(f"{server.url}/health")
    assert telemetry.tree() == ""


def test_an_invalid_pattern_is_a_bad_option(telemetry: Telemetry) -> None:
    state = telemetry.instrumentations.install_class(HttpxInstrumentation, {"excluded_urls": ["("]})
    assert state.state == "bad-options"


def test_mounts_mock_and_asgi_transports_are_traced(telemetry: Telemetry) -> None:
    telemetry.install(HttpxInstrumentation)
    mock = httpx.MockTransport(lambda request: httpx.Response(204))
    with httpx.Client(mounts={"all://mounted.test": mock}, trust_env=False) as client:
        client.get("http://mounted.test/mount")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call_app() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            await client.get("http://app.test/asgi")

    anyio.run(call_app)
    assert telemetry.tree() == "HTTP GET /mount\nHTTP GET /asgi"


def test_a_request_through_a_proxy_is_traced(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(HttpxInstrumentation)
    with httpx.Client(proxy=server.url) as client:
        assert client.get("http://far.test/thing").status_code == 200
    assert server.requests[0][0] == "http://far.test/thing"
    assert telemetry.spans[0].attributes["server.address"] == "far.test"


@pytest.mark.parametrize("span_until", ["headers", "body"])
def test_a_span_ends_with_the_headers_or_with_the_body(
    telemetry: Telemetry, server: Server, client: httpx.Client, span_until: str
) -> None:
    telemetry.install(HttpxInstrumentation, span_until=span_until)
    with client.stream("GET", server.url) as response:
        assert bool(telemetry.open_spans) is (span_until == "body")
        assert response.read() == b"hello" * 1000
        assert not telemetry.open_spans
    assert telemetry.tree() == "HTTP GET /"


@pytest.mark.anyio
@pytest.mark.parametrize("span_until", ["headers", "body"])
async def test_an_async_span_ends_with_the_headers_or_with_the_body(
    telemetry: Telemetry, server: Server, span_until: str
) -> None:
    telemetry.install(HttpxInstrumentation, span_until=span_until)
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", server.url) as response:
        assert bool(telemetry.open_spans) is (span_until == "body")
        assert await response.aread() == b"hello" * 1000
    assert telemetry.tree() == "HTTP GET /"


def test_a_body_that_breaks_is_an_error_of_the_span(telemetry: Telemetry, server: Server, client: httpx.Client) -> None:
    telemetry.install(HttpxInstrumentation, span_until="body")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{server.url}/cut")
    (span,) = telemetry.spans
    assert (span.status, span.attributes["error.type"]) == ("error", "RemoteProtocolError")


@pytest.mark.anyio
async def test_a_cancellation_within_the_body_is_one_of_the_span(telemetry: Telemetry) -> None:
    started = anyio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        started.set()
        await anyio.sleep_forever()

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body()))
    telemetry.install(HttpxInstrumentation, span_until="body")
    async with httpx.AsyncClient(transport=transport) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "http://example.test/")
        await started.wait()
        tasks.cancel_scope.cancel()
    (span,) = telemetry.spans
    assert (span.status, span.attributes["runlog.outcome"]) == ("canceled", "cancelled")
    assert "error.type" not in span.attributes


def test_a_response_that_is_closed_unread_ends_its_span(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(HttpxInstrumentation, span_until="body")
    with httpx.Client(trust_env=False) as client:
        response = client.send(client.build_request("GET", server.url), stream=True)
        response.close()
    assert telemetry.tree() == "HTTP GET /"


@pytest.mark.anyio
async def test_a_streamed_upload_is_sent_as_it_is(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(HttpxInstrumentation)

    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(server.url, content=parts())
    assert response.status_code == 200
    assert server.requests[0][1]["transfer-encoding"] == "chunked"
    assert telemetry.tree() == "HTTP POST /"


def test_a_sync_request_on_an_async_client_fails_as_without_it(telemetry: Telemetry) -> None:
    telemetry.install(HttpxInstrumentation)

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post("http://127.0.0.1:9/", content=iter([b"x"]))

    with pytest.raises(RuntimeError, match="sync request"):
        anyio.run(main)


def test_options_are_documented_by_their_type() -> None:
    assert HttpxInstrumentation.options_type is HttpOptions
    assert set(HttpOptions.model_fields) == {
        "excluded_urls",
        "capture_request_headers",
        "capture_response_headers",
        "span_until",
    }
