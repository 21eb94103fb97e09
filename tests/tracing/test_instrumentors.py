"""OpenTelemetry's own instrumentations write into the run log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation

from runlog.tracing.trace import trace
from tests.tracing.conftest import Log, within


class Site:
    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.headers.append({key.lower(): value for key, value in self.headers.items()})
                self.send_response(404 if "missing" in self.path else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def instrumented(log: Log) -> Iterator[None]:
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=log.provider)
    yield
    instrumentor.uninstrument()


@pytest.mark.usefixtures("instrumented")
def test_httpx_sync(log: Log, site: Site) -> None:
    with within("run_1"), trace("parent"), httpx.Client() as client:
        client.get(f"{site.url}/found")
        client.get(f"{site.url}/missing")
        with suppress_instrumentation():
            client.get(f"{site.url}/suppressed")
    found, missing, parent = (event for event in log.events() if event.kind == "span")
    assert (found.name, found.run_id, found.parent_id) == ("GET", "run_1", parent.span_id)
    assert found.extra is not None
    assert (found.extra["kind"], found.extra["scope"]) == ("CLIENT", "opentelemetry.instrumentation.httpx")
    assert (found.status, missing.status) == ("unset", "error")
    assert f"{site.url}/found" in found.attributes.values()
    assert found.span_id is not None
    assert site.headers[0]["traceparent"].split("-")[2] == found.span_id.hex()
    assert "traceparent" not in site.headers[2]


@pytest.mark.usefixtures("instrumented")
@pytest.mark.anyio
async def test_httpx_async(log: Log, site: Site) -> None:
    async with trace("parent"), httpx.AsyncClient() as client:
        await client.get(site.url)
    spans = log.spans()
    assert spans["GET"].parent_id == spans["parent"].span_id


@pytest.mark.usefixtures("instrumented")
def test_httpx_failure(log: Log) -> None:
    with pytest.raises(httpx.ConnectError), trace("parent"), httpx.Client() as client:
        client.get("http://127.0.0.1:1/")
    spans = log.spans()
    assert (spans["GET"].status, spans["parent"].status) == ("error", "error")
    recorded = [name for name, span in spans.items() if "exception" in (span.extra or {})]
    assert recorded == ["GET"]
