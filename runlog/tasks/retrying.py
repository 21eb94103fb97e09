"""`runlog.retry`: trying a part of a run again, without another attempt of the whole.

A `Retry` says how often and when, as it does for tasks; its `on` says after which errors. Each try is a span. The run
keeps its place meanwhile: for long rests raise `RetryAfter`, or use `runlog.wait`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, overload
from urllib.parse import urlsplit

from runlog.errors import AbortRun, RetryAfter, TaskError
from runlog.logger import logger
from runlog.stores.query import parse_duration
from runlog.tasks.context import current_run
from runlog.tasks.retry import Retry

T = TypeVar("T")

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of HTTP responses after which a request is sent again."""

_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")
_EPOCH_FROM = 1_000_000_000
"""From here on a number of seconds is a time since 1970, not a delay."""


class Response(Protocol):
    """What is read of a response."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


R = TypeVar("R", bound=Response)
R_co = TypeVar("R_co", bound=Response, covariant=True)


class AsyncClient(Protocol[R_co]):
    """An HTTP client, as `httpx.AsyncClient` is one."""

    def request(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, R_co]: ...


class Client(Protocol[R_co]):
    """An HTTP client, as `httpx.Client` and `requests.Session` are."""

    def request(self, *args: Any, **kwargs: Any) -> R_co: ...


@overload
def on_throw(function: Callable[[], Coroutine[Any, Any, T]], retry: Retry | int | None = None) -> Awaitable[T]: ...
@overload
def on_throw(function: Callable[[], T], retry: Retry | int | None = None) -> T: ...
def on_throw(function: Callable[[], Any], retry: Retry | int | None = None) -> Any:
    """Call a function until it does not raise, with rests as `retry` says; return what it returns.

    `await retry.on_throw(fetch)` for an async function, `retry.on_throw(fetch)` for a sync one, which belongs in a sync
    task. Raises what the last try raised; `AbortRun` and what is not in `Retry.on` at once. A `RetryAfter` says itself
    how long to rest. Raises TaskError for a sync function on an event loop, which the rests would block.
    """
    tries = _Tries(Retry.of(retry))
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return _until_done("retry.on_throw", "Try {number}", {}, function, tries)
    return _until_done_here("retry.on_throw", "Try {number}", {}, function, tries)


@overload
def http(
    client: AsyncClient[R],
    method: str,
    url: Any,
    *,
    retry: Retry | int | None = None,
    statuses: Collection[int] = RETRIED_STATUSES,
    **request: Any,
) -> Awaitable[R]: ...
@overload
def http(
    client: Client[R],
    method: str,
    url: Any,
    *,
    retry: Retry | int | None = None,
    statuses: Collection[int] = RETRIED_STATUSES,
    **request: Any,
) -> R: ...
def http(
    client: Any,
    method: str,
    url: Any,
    *,
    retry: Retry | int | None = None,
    statuses: Collection[int] = RETRIED_STATUSES,
    **request: Any,
) -> Any:
    """Send a request until its response has none of `statuses`: `await retry.http(client, "GET", url)`.

    `client.request(method, url, **request)` is called: that of httpx, sync or async, or of requests. A connection that
    fails is tried again too, or with `Retry(on=…)` these errors. Where the response says when to come back
    (`Retry-After`, `RateLimit-Reset` and `X-RateLimit-Reset` in their forms), that counts; if it is later than
    `max_delay`, or no try is left, the response is returned as it is. Raises what the last try raised.
    """
    send = client.request
    tries = _Tries(Retry.of(retry), statuses, connections=True)
    attributes = _place(method, url)
    name = f"HTTP {method.upper()}"

    if inspect.iscoroutinefunction(inspect.unwrap(send)):
        return _until_done("retry.http", name, attributes, lambda: send(method, url, **request), tries)
    return _until_done_here("retry.http", name, attributes, lambda: send(method, url, **request), tries)


class _Tries:
    """Counts the tries of one call, and says what comes after each."""

    def __init__(self, retry: Retry, statuses: Collection[int] = (), *, connections: bool = False) -> None:
        self.retry, self.number = retry, 1
        self._statuses = statuses
        self._connections_only = connections and retry.on == (Exception,)

    def after_error(self, error: Exception) -> float | None:
        """Seconds to rest; None to give up."""
        if isinstance(error, AbortRun) or not self._is_left:
            return None
        if isinstance(error, RetryAfter):
            return error.delay
        covered = _is_connection_error(error) if self._connections_only else isinstance(error, self.retry.on)
        return self.retry.delay(self.number) if covered else None

    def after(self, value: Any) -> float | None:
        """Seconds to rest after what was returned; None to be content with it."""
        if not self._statuses or value.status_code not in self._statuses or not self._is_left:
            return None
        asked = asked_delay(value.headers)
        if asked is None:
            return self.retry.delay(self.number)
        return asked if asked <= self.retry.max_delay else None

    @property
    def _is_left(self) -> bool:
        return self.number < self.retry.max_attempts


class _Try:
    """The span of one try, and what came of it."""

    def __init__(self, name: str, attributes: Mapping[str, Any], tries: _Tries) -> None:
        self._tries = tries
        named = name.replace("{number}", str(tries.number))
        self._trace = logger.trace(named, {**attributes, "retry.number": tries.number})
        self.delay: float | None = None
        self.value: Any = None

    def __enter__(self) -> Self:
        self._span = self._trace.__enter__()
        return self

    def returned(self, value: Any) -> None:
        self.value, self.delay = value, self._tries.after(value)
        if hasattr(value, "status_code"):
            self._span.set_attribute("http.response.status_code", value.status_code)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.delay = self._tries.after_error(error)
        if self.delay is not None:
            self._span.set_attribute("retry.delay", self.delay)
        self._trace.__exit__(kind, error, traceback)
        self._tries.number += 1
        return self.delay is not None  # the error is taken: another try follows


async def _until_done(
    what: str, name: str, attributes: Mapping[str, Any], call: Callable[[], Awaitable[Any]], tries: _Tries
) -> Any:
    import anyio

    with logger.trace(what, {"retry.max_attempts": tries.retry.max_attempts}):
        while True:
            one = _Try(name, attributes, tries)
            with one:
                one.returned(await call())
            if one.delay is None:
                return one.value
            await anyio.sleep(one.delay)


def _until_done_here(
    what: str, name: str, attributes: Mapping[str, Any], call: Callable[[], Any], tries: _Tries
) -> Any:
    _refuse_event_loop(what)
    context = current_run(None)
    with logger.trace(what, {"retry.max_attempts": tries.retry.max_attempts}):
        while True:
            one = _Try(name, attributes, tries)
            with one:
                one.returned(call())
            if one.delay is None:
                return one.value
            time.sleep(one.delay)
            if context is not None:
                context.checkpoint()


def _refuse_event_loop(what: str) -> None:
    from anyio.lowlevel import current_token

    try:
        current_token()
    except Exception:  # noqa: BLE001 - of a class that depends on the version: there is no loop
        return
    raise TaskError(f"{what} of a sync function would block the event loop", "it rests between tries", "async def …")


def asked_delay(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds after which a server wants the request again, by the headers of its response; None if it does not say."""
    now = time.time() if now is None else now
    asked = _seconds_of(headers.get("retry-after"), now)
    if asked is not None:
        return asked
    resets = [_seconds_of(headers.get(name), now) for name in _RESETS]
    return max((reset for reset in resets if reset is not None), default=None)


def _seconds_of(text: str | None, now: float) -> float | None:
    """Of a number of seconds, a time since 1970 in seconds or milliseconds, a date, or a duration such as `1m30s`."""
    if not text:
        return None
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return _seconds_of_words(text, now)
    if number >= _EPOCH_FROM * 1000:
        number /= 1000
    if number >= _EPOCH_FROM:
        number -= now
    return max(0.0, number) if number < _EPOCH_FROM else None  # NaN compares as False


def _seconds_of_words(text: str, now: float) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, zoned.timestamp() - now)
    try:
        return parse_duration(text) / 1e9
    except ValueError:
        return None


def _is_connection_error(error: Exception) -> bool:
    """Whether a request did not reach its server, or the answer did not come back, whichever client it is."""
    if isinstance(error, OSError):  # also those of requests
        return True
    return any(
        kind.__module__.startswith("httpx") and kind.__name__ == "TransportError" for kind in type(error).__mro__
    )


def _place(method: str, url: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {"http.request.method": method.upper()}
    try:
        parts = urlsplit(str(url))
        attributes |= {"server.address": parts.hostname or "", "url.path": parts.path}
    except ValueError:
        pass
    return {name: value for name, value in attributes.items() if value}
