"""The context manager and decorator that `trace()` and `start_as_current_span` give."""

from __future__ import annotations

import abc
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import Span as ApiSpan

from runlog.tracing.attach import SPAN_KEY, attach, detach, detach_elsewhere, get_context, reset
from runlog.tracing.scope import RUN_KEY

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_set_item = dict.__setitem__


def context_for(span: ApiSpan) -> Context:
    """Return the current context with `span` as the current one, in the span's run if the context is in none."""
    ambient = get_context()
    context = Context(ambient)
    _set_item(context, SPAN_KEY, span)
    if RUN_KEY not in ambient:
        scope = getattr(span, "scope", None)
        if scope is not None:
            _set_item(context, RUN_KEY, scope)
    return context


class SpanManager(abc.ABC):
    """A new span at each entry or call: `with`, `async with`, and a decorator.

    It decorates functions, coroutine functions, generators and async generators. One object may be entered many
    times, also at once by several tasks.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ApiSpan, Token[Context]]] = {}

    @abc.abstractmethod
    def start(self) -> ApiSpan:
        """Make the span."""

    @abc.abstractmethod
    def finish(self, span: ApiSpan, exception: BaseException | None) -> None:
        """End it, with what came out of its block."""

    def keep_result(self, span: ApiSpan, result: object) -> None:  # noqa: B027 - not everybody wants it
        """Take note of what a decorated function returned."""

    def __enter__(self) -> ApiSpan:
        span = self.start()
        self._entries[id(span)] = (span, attach(context_for(span)))
        return span

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        entries = self._entries
        if len(entries) == 1:
            span, token = entries.popitem()[1]
        else:  # entered several times: the one that is current here, else the newest
            entry = entries.pop(id(get_context().get(SPAN_KEY)), None)
            span, token = entry or entries.popitem()[1]
        try:
            reset(token)
        except (ValueError, RuntimeError):
            detach_elsewhere(token, span)
        self.finish(span, exc_val)

    async def __aenter__(self) -> ApiSpan:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc_val, exc_tb)

    def __call__(self, function: FunctionT) -> FunctionT:
        from runlog.tracing.decorate import decorate

        return decorate(self, function)


class Attached:
    """A span's context, put in force for one step of a generator at a time.

    So the span is current inside the generator and never in its consumer, and spans that the generator holds open
    over a `yield` are still current when it goes on.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, span: ApiSpan) -> None:
        self._context = context_for(span)

    def __enter__(self) -> None:
        self._token = attach(self._context)

    def __exit__(self, *_: object) -> None:
        self._context = get_context()
        detach(self._token)
