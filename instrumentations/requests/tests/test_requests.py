"""The requests instrumentation against a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
import requests
from requests import get as get_imported_before
from requests.adapters import BaseAdapter, HTTPAdapter
from runlog_instrumentation_requests import RequestsInstrumentation

from runlog.testing import InstrumentationSuite, Telemetry
from runlog.testing.server import BODY, Server, loopback_server

SESSION_MADE_BEFORE = requests.Session()
SESSION_MADE_BEFORE.trust_env = False


@pytest.fixture
def server() -> Iterator[Server]:
    with loopback_server() as server:
        yield server


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


class RaisingAdapter(BaseAdapter):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        raise self._error

    def close(self) -> None:
        pass


class JsonAdapter(BaseAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response._content = json.dumps({"path": request.path_url}).encode()
        return response

    def close(self) -> None:
        pass


class TestConformance(InstrumentationSuite):
    instrumentation = RequestsInstrumentation
    options: ClassVar = {"span_until": "body", "capture_request_headers": ["accept"]}

    @contextmanager
    def environment(self) -> Iterator[None]:
        with loopback_server() as self.server:
            yield

    def call(self) -> object:
        response = get_imported_before(f"{self.server.url}/users/1", timeout=20)
        return response.status_code, response.text, len(response.history)

    def call_raising(self, error: Exception) -> None:
        with requests.Session() as session:
            session.mount("http://", RaisingAdapter(error))
            session.get("http://example.test/", timeout=20)


def test_a_request_is_described_by_the_conventions(
    telemetry: Telemetry, server: Server, session: requests.Session
) -> None:
    telemetry.install(RequestsInstrumentation)
    session.get(f"{server.url.replace('//', '//user:hunter2@')}/users/1?page=2")
    (span,) = telemetry.spans
    port = int(server.url.rpartition(":")[2])
    assert span.name == "HTTP GET /users/1"
    assert span.attributes == {
        "http.request.method": "GET",
        "url.full": f"http://[redacted:userinfo]@127.0.0.1:{port}/users/1?page=2",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }


def test_a_session_made_before_is_traced(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(RequestsInstrumentation)
    with SESSION_MADE_BEFORE as session:
        session.get(server.url)
    assert telemetry.tree() == "HTTP GET /"


def test_each_redirect_is_a_span_of_its_own(telemetry: Telemetry, server: Server, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation)
    with telemetry.tracer.start_as_current_span("outer"):
        response = session.get(f"{server.url}/hop/1")
    assert [item.status_code for item in (*response.history, response)] == [302, 302, 200]
    assert telemetry.tree() == "outer\n  HTTP GET /hop/1\n  HTTP GET /hop/0\n  HTTP GET /end"
    spans = telemetry.spans[1:]
    assert [span.attributes["http.response.status_code"] for span in spans] == [302, 302, 200]
    sent = [headers["traceparent"].split("-")[2] for _, headers in server.requests]
    assert sent == [span.span_id.hex() for span in spans if span.span_id]


@pytest.mark.parametrize("span_until", ["headers", "body"])
def test_a_redirect_that_is_not_followed_is_one_span(
    telemetry: Telemetry, server: Server, session: requests.Session, span_until: str
) -> None:
    telemetry.install(RequestsInstrumentation, span_until=span_until)
    response = session.get(f"{server.url}/hop/0", allow_redirects=False)
    assert response.next is not None
    assert telemetry.tree() == "HTTP GET /hop/0"


def test_too_many_redirects_fail_as_without_it(telemetry: Telemetry, server: Server, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation)
    session.max_redirects = 1
    with pytest.raises(requests.TooManyRedirects):
        session.get(f"{server.url}/hop/3")
    assert len(telemetry.spans) == 2
    assert telemetry.open_spans == []


def test_errors_of_status_and_of_connection(telemetry: Telemetry, server: Server, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation)
    session.get(f"{server.url}/missing")
    with pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:9/")
    found = [(span.status, span.attributes["error.type"]) for span in telemetry.spans]
    assert found == [("error", "404"), ("error", "ConnectionError")]


def test_listed_headers_are_kept_and_no_others(telemetry: Telemetry, server: Server, session: requests.Session) -> None:
    telemetry.install(
        RequestsInstrumentation, capture_request_headers=["X-Tenant"], capture_response_headers=["X-REQUEST-ID", "no"]
    )
    session.get(server.url, headers={"x-tenant": "t1", "x-other": "o"})
    headers = {key: value for key, value in telemetry.spans[0].attributes.items() if ".header." in key}
    assert headers == {"http.request.header.x-tenant": ["t1"], "http.response.header.x-request-id": ["r-1"]}


def test_an_excluded_request_is_not_traced(telemetry: Telemetry, server: Server, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation, excluded_urls=["/health$"])
    session.get(f"{server.url}/health")
    assert telemetry.tree() == ""
    assert "traceparent" not in server.requests[0][1]


def test_an_adapter_of_your_own_is_traced(telemetry: Telemetry, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation)
    session.mount("json://", JsonAdapter())
    assert session.get("json://host/thing").json() == {"path": "/thing"}
    assert telemetry.tree() == "HTTP GET /thing"


def test_what_is_no_prepared_request_fails_as_without_it(telemetry: Telemetry, session: requests.Session) -> None:
    telemetry.install(RequestsInstrumentation)
    with pytest.raises(ValueError, match="PreparedRequests"):
        session.send(requests.Request("GET", "http://h.test/"))  # type: ignore[arg-type]
    assert telemetry.instrumentations.states[0].errors == 0


@pytest.mark.parametrize("read", ["content", "iter_lines", "close"])
@pytest.mark.parametrize("span_until", ["headers", "body"])
def test_a_streamed_span_ends_with_the_headers_or_with_the_body(
    telemetry: Telemetry, server: Server, session: requests.Session, span_until: str, read: str
) -> None:
    telemetry.install(RequestsInstrumentation, span_until=span_until)
    response = session.get(server.url, stream=True)
    assert bool(telemetry.open_spans) is (span_until == "body")
    if read == "content":
        assert response.content == BODY
    elif read == "iter_lines":
        assert b"".join(response.iter_lines()) == BODY
    else:
        response.close()
    assert telemetry.open_spans == []
    assert telemetry.tree() == "HTTP GET /"


def test_a_body_that_breaks_is_an_error_of_the_span(
    telemetry: Telemetry, server: Server, session: requests.Session
) -> None:
    telemetry.install(RequestsInstrumentation, span_until="body")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = session.get(f"{server.url}/cut", stream=True).content
    (span,) = telemetry.spans
    assert (span.status, span.attributes["error.type"]) == ("error", "ChunkedEncodingError")


def test_a_request_made_in_a_hook_is_traced_too(telemetry: Telemetry, server: Server) -> None:
    telemetry.install(RequestsInstrumentation)
    with requests.Session() as session, requests.Session() as other:
        other.mount("json://", JsonAdapter())
        session.hooks["response"].append(lambda response, **kwargs: other.get("json://host/token") and None)
        session.mount("http://", HTTPAdapter())
        session.get(server.url)
    assert telemetry.tree() == "HTTP GET /\n  HTTP GET /token"
