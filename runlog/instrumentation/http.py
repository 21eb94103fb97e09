"""What instrumentations of HTTP clients have in common: their options, and a span for each request.

Built on OpenTelemetry's helpers and HTTP conventions: a distribution that imports this module depends on
`opentelemetry-instrumentation` and `opentelemetry-util-http`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from opentelemetry.instrumentation.utils import (
    http_status_to_status_code,
    is_http_instrumentation_enabled,
    suppress_instrumentation,
)
from opentelemetry.propagate import inject
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_HEADER_TEMPLATE,
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_HEADER_TEMPLATE,
    HTTP_RESPONSE_STATUS_CODE,
)
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_FULL
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.http import get_excluded_urls, redact_url, sanitize_method

from runlog.instrumentation.contract import Options
from runlog.instrumentation.patch import InstrumentationPatch

Headers = Callable[[str], list[str]]
"""Gives the values of a header, whatever the case of its name."""

_PORTS = {"http": 80, "https": 443}
_NAME_LENGTH = 120


class HttpOptions(Options):
    """Options of an HTTP client's instrumentation."""

    excluded_urls: tuple[re.Pattern[str], ...] = ()
    """Regular expressions: a request whose URL contains one is not traced, nor is anything within it."""
    capture_request_headers: tuple[str, ...] = ()
    """Names of request headers to keep, in any case."""
    capture_response_headers: tuple[str, ...] = ()
    span_until: Literal["headers", "body"] = "headers"
    """Whether a span ends with the response's headers or when its body has been read or closed."""


class HttpTracing:
    """Makes the spans of one client library. `name` is as in OTEL_PYTHON_<NAME>_EXCLUDED_URLS."""

    def __init__(self, patch: InstrumentationPatch, options: HttpOptions, name: str) -> None:
        self._tracer = patch.tracer
        self._excluded = options.excluded_urls
        self._excluded_by_environment = get_excluded_urls(name.upper())
        self._request_headers = _captured(HTTP_REQUEST_HEADER_TEMPLATE, options.capture_request_headers)
        self.response_headers = _captured(HTTP_RESPONSE_HEADER_TEMPLATE, options.capture_response_headers)
        self.until_body = options.span_until == "body"

    def exclusion(self, url: str) -> AbstractContextManager[None] | None:
        """Return a context to make an excluded request in, in which nothing is traced; None if it is traced."""
        if any(pattern.search(url) for pattern in self._excluded) or self._excluded_by_environment.url_disabled(url):
            return suppress_instrumentation()
        return None

    def is_enabled(self) -> bool:
        return bool(is_http_instrumentation_enabled())

    def request(self, method: str, url: str, headers: MutableMapping[str, str], values: Headers) -> HttpSpan:
        """Return the span of a request, to be entered round its sending, and put its context into `headers`."""
        known_method = sanitize_method(method.strip()) or "_OTHER"
        path, address = _place(url)
        attributes: dict[str, Any] = {HTTP_REQUEST_METHOD: known_method, URL_FULL: redact_url(url), **address}
        if known_method != method:
            attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method
        for key, name in self._request_headers:
            if found := values(name):
                attributes[key] = found
        manager = self._tracer.start_as_current_span(
            _span_name(method, path), kind=SpanKind.CLIENT, attributes=attributes, end_on_exit=False
        )
        return HttpSpan(self, manager, headers)


class HttpSpan:
    """The span of one request, current while it is entered."""

    def __init__(
        self, tracing: HttpTracing, manager: AbstractContextManager[Span], headers: MutableMapping[str, str]
    ) -> None:
        self._tracing, self._manager, self._headers = tracing, manager, headers
        self._span: Span
        self.is_left = False
        self._is_kept = self._is_ended = False

    def __enter__(self) -> Self:
        self._span = self._manager.__enter__()
        inject(self._headers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the span, and end it unless it is kept. Leaving it a second time does nothing."""
        if self.is_left:
            return
        self.is_left = True
        if isinstance(error, Exception):
            self._span.set_attribute(ERROR_TYPE, type(error).__qualname__)
        try:
            self._manager.__exit__(kind, error, traceback)
        finally:
            if error is not None or not self._is_kept:
                self._end()

    def keep(self) -> None:
        """Leave the span open after this; `finish` ends it."""
        self._is_kept = True

    def respond(self, status: int, values: Headers, version: str | None = None) -> None:
        """Take down the status line and the headers of the response."""
        span = self._span
        span.set_attribute(HTTP_RESPONSE_STATUS_CODE, status)
        if version:
            span.set_attribute(NETWORK_PROTOCOL_VERSION, version)
        for key, name in self._tracing.response_headers:
            if found := values(name):
                span.set_attribute(key, found)
        if http_status_to_status_code(status) is StatusCode.ERROR:
            span.set_attribute(ERROR_TYPE, str(status))
            span.set_status(Status(StatusCode.ERROR))

    def finish(self, error: BaseException | None = None) -> None:
        """End a span that was kept; `error` is what broke the reading of the body: an error, or a cancellation.

        A second call does nothing.
        """
        if self._is_ended:
            return
        self._is_ended = True
        if isinstance(error, Exception):
            self._span.set_attribute(ERROR_TYPE, type(error).__qualname__)
        # The span knows what an error is and what a cancellation.
        self._span.__exit__(None if error is None else type(error), error, None)

    def _end(self) -> None:
        self._is_ended = True
        self._span.end()


def _captured(template: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"{template}.{name.strip().lower()}", name.strip()) for name in names]


def _place(url: str) -> tuple[str, dict[str, str | int]]:
    """Return the path and the server of a URL, as far as it can be read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", {}
    address: dict[str, str | int] = {}
    if host:
        address[SERVER_ADDRESS] = host
    if port:
        address[SERVER_PORT] = port
    return parts.path, address


def _span_name(method: str, path: str) -> str:
    name = f"HTTP {method.strip().upper()} {path or '/'}"
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
