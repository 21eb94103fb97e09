"""Traces Requests: a span for each request that is sent, so for each redirect.

Patched is `Session.send`, through which every request of every session goes, whatever its adapter. It follows
redirects within itself, so `resolve_redirects` is patched too: there the first answer has arrived, and its span ends.
An authentication that answers a challenge on its own (`HTTPDigestAuth`) is within the span of its request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import requests

from runlog.instrumentation import Instrumentation, InstrumentationPatch, Target
from runlog.instrumentation.http import Headers, HttpOptions, HttpSpan, HttpTracing

Wrapped = Callable[..., Any]
Arguments = tuple[Any, ...]
Keywords = dict[str, Any]


class RequestsInstrumentation(Instrumentation[HttpOptions]):
    """Traces requests through `requests.Session`, and so through `requests.get` and its like."""

    name = "requests"
    targets = (Target("requests", "requests", ">=2.20,<3"),)
    covers = frozenset({"urllib3"})

    def install(self, patch: InstrumentationPatch, options: HttpOptions) -> None:
        sessions = _Sessions(HttpTracing(patch, options, self.name))
        patch.wrap(requests.Session, "send", sessions.send)
        patch.wrap(requests.Session, "resolve_redirects", sessions.resolve_redirects)
        if options.span_until == "body":
            patch.wrap(requests.Response, "iter_content", sessions.iter_content)
            patch.wrap(requests.Response, "close", sessions.close)


class _Sessions:
    """The wrappers."""

    def __init__(self, tracing: HttpTracing) -> None:
        self._tracing = tracing
        self._sending: ContextVar[_Sending | None] = ContextVar("runlog-requests", default=None)
        self._bodies: WeakKeyDictionary[requests.Response, HttpSpan] = WeakKeyDictionary()

    def send(self, wrapped: Wrapped, _session: Any, args: Arguments, kwargs: Keywords) -> Any:
        request, tracing = args[0] if args else kwargs["request"], self._tracing
        if not isinstance(request, requests.PreparedRequest) or not request.url or not tracing.is_enabled():
            return wrapped(*args, **kwargs)
        if (exclusion := tracing.exclusion(request.url)) is not None:
            with exclusion:
                return wrapped(*args, **kwargs)
        headers = request.headers
        with tracing.request(request.method or "GET", request.url, headers, _values(headers)) as span:
            current = _Sending(request, span, tracing.until_body)
            token = self._sending.set(current)
            try:
                response: requests.Response = wrapped(*args, **kwargs)
            finally:
                self._sending.reset(token)
            current.arrived(response)
            if not span.is_left and not response._content_consumed:  # type: ignore[attr-defined]
                span.keep()
                self._bodies[response] = span
            return response

    def resolve_redirects(self, wrapped: Wrapped, _session: Any, args: Arguments, kwargs: Keywords) -> Any:
        current = self._sending.get()
        if current is not None and len(args) > 1 and args[1] is current.request:
            current.arrived(args[0])
        return wrapped(*args, **kwargs)

    def iter_content(self, wrapped: Wrapped, response: Any, args: Arguments, kwargs: Keywords) -> Any:
        chunks, span = wrapped(*args, **kwargs), self._bodies.get(response)
        return chunks if span is None else _until_read(chunks, span)

    def close(self, wrapped: Wrapped, response: Any, args: Arguments, kwargs: Keywords) -> Any:
        try:
            return wrapped(*args, **kwargs)
        finally:
            if (span := self._bodies.pop(response, None)) is not None:
                span.finish()


class _Sending:
    """A request under way, until its answer has arrived."""

    def __init__(self, request: requests.PreparedRequest, span: HttpSpan, until_body: bool) -> None:
        self.request, self._span, self._until_body = request, span, until_body
        self._has_arrived = False

    def arrived(self, response: requests.Response) -> None:
        """Take down the answer; the span ends here unless it waits for the body of a final one."""
        if self._has_arrived:
            return
        self._has_arrived = True
        version = {10: "1.0", 11: "1.1", 20: "2"}.get(getattr(response.raw, "version", None) or 0)
        self._span.respond(response.status_code, _values(response.headers), version)
        if response.is_redirect or not self._until_body:
            self._span.__exit__(None, None, None)


def _values(headers: Any) -> Headers:
    def values(name: str) -> list[str]:
        value = headers.get(name)
        if value is None:
            return []
        return [value.decode("latin-1") if isinstance(value, bytes) else str(value)]

    return values


def _until_read(chunks: Iterator[Any], span: HttpSpan) -> Iterator[Any]:
    try:
        yield from chunks
    except BaseException as error:
        if not isinstance(error, GeneratorExit):
            span.finish(error)
        raise
    span.finish()
