"""Traces HTTPX: a span for each request that is sent, so for each redirect and each step of an authentication.

Patched is the one method of `Client` and `AsyncClient` through which every request goes, whatever its transport:
clients made before, mounts, proxies, `MockTransport`, `ASGITransport` and transports of your own are all traced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from runlog.instrumentation import Instrumentation, InstrumentationPatch, Target
from runlog.instrumentation.http import HttpOptions, HttpSpan, HttpTracing


class HttpxInstrumentation(Instrumentation[HttpOptions]):
    """Traces requests through `httpx.Client` and `httpx.AsyncClient`."""

    name = "httpx"
    targets = (Target("httpx", "httpx", ">=0.24,<1"),)

    def install(self, patch: InstrumentationPatch, options: HttpOptions) -> None:
        tracing = HttpTracing(patch, options, self.name)

        def send(wrapped: Callable[..., Any], _client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            request = _request(args, kwargs)
            if not tracing.is_enabled():
                return wrapped(*args, **kwargs)
            if (exclusion := tracing.exclusion(str(request.url))) is not None:
                with exclusion:
                    return wrapped(*args, **kwargs)
            with _span(tracing, request) as span:
                response: httpx.Response = wrapped(*args, **kwargs)
                _respond(span, response)
                if tracing.until_body and not response.is_closed:
                    response.stream = _Body(response.stream, span)
                return response

        async def send_async(
            wrapped: Callable[..., Any], _client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            request = _request(args, kwargs)
            if not tracing.is_enabled():
                return await wrapped(*args, **kwargs)
            if (exclusion := tracing.exclusion(str(request.url))) is not None:
                with exclusion:
                    return await wrapped(*args, **kwargs)
            with _span(tracing, request) as span:
                response: httpx.Response = await wrapped(*args, **kwargs)
                _respond(span, response)
                if tracing.until_body and not response.is_closed:
                    response.stream = _AsyncBody(response.stream, span)
                return response

        patch.wrap(httpx.Client, "_send_single_request", send)
        patch.wrap(httpx.AsyncClient, "_send_single_request", send_async)


def _request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> httpx.Request:
    request: httpx.Request = args[0] if args else kwargs["request"]
    return request


def _span(tracing: HttpTracing, request: httpx.Request) -> HttpSpan:
    return tracing.request(request.method, str(request.url), request.headers, request.headers.get_list)


def _respond(span: HttpSpan, response: httpx.Response) -> None:
    version = response.http_version.removeprefix("HTTP/")
    span.respond(response.status_code, response.headers.get_list, version)


class _Body(httpx.SyncByteStream):
    """A response's body, whose end is the end of the span."""

    def __init__(self, stream: Any, span: HttpSpan) -> None:
        self._stream, self._span = stream, span
        span.keep()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except BaseException as error:
            if not isinstance(error, GeneratorExit):
                self._span.finish(error)
            raise

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._span.finish()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, stream: Any, span: HttpSpan) -> None:
        self._stream, self._span = stream, span
        span.keep()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except BaseException as error:
            if not isinstance(error, GeneratorExit):
                self._span.finish(error)
            raise

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._span.finish()
