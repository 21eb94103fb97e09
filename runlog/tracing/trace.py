"""`trace()`: a span round a piece of work, in every form that Python has for one."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, final, overload

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace.propagation import get_current_span
from opentelemetry.trace.span import INVALID_SPAN

from runlog.tracing.attach import get_context, with_span, with_value
from runlog.tracing.manager import SpanManager
from runlog.tracing.scope import RUN_KEY, scope_of

if TYPE_CHECKING:
    from runlog.tracing.tracer import Tracer

T = TypeVar("T")
_INTERNAL = SpanKind.INTERNAL


@final
class _Current:
    def __repr__(self) -> str:
        return "CURRENT"


CURRENT: Final = _Current()
"""The parent that a span has unless another is given: the current span."""

Parent = ApiSpan | SpanContext | Context | _Current | None
Linkable = ApiSpan | SpanContext | Link | Context


class Trace(SpanManager):
    """What `trace(name)` gives: a sync and async context manager and a decorator, with a new span each time."""

    __slots__ = ("_attributes", "_icon", "_links", "_name", "_parent", "_record_result")

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, object] | None,
        parent: Parent,
        links: Iterable[Linkable],
        icon: str | None,
        record_result: bool,
    ) -> None:
        self._entries = {}
        self._name = name
        self._attributes = attributes
        self._parent = parent
        self._links = links
        self._icon = icon
        self._record_result = record_result

    def start(self) -> ApiSpan:
        parent, links = self._parent, self._links
        return (_cached_tracer or _load_tracer()).start(
            self._name,
            None if parent is CURRENT else _context_of(parent),
            _INTERNAL,
            self._attributes,
            [_link(item) for item in links] if links else None,
            None,
            self._icon,
        )

    def finish(self, span: ApiSpan, exception: BaseException | None) -> None:
        if exception is not None and span.is_recording():
            from runlog.tracing.outcome import leave
            from runlog.tracing.span import Span

            assert isinstance(span, Span)
            interrupt = isinstance(exception, (KeyboardInterrupt, SystemExit))
            leave(span, exception, record=True, set_status=True, is_error=not interrupt)
        span.end()

    def keep_result(self, span: ApiSpan, result: object) -> None:
        if self._record_result and span.is_recording():
            span.record_result(result)  # type: ignore[attr-defined]

    async def run(self, fn: Callable[[ApiSpan], Any]) -> Any:
        """Call `fn` with a new span, await what it returns if that can be awaited, and return the value."""
        with self as span:
            result = fn(span)
            if inspect.isawaitable(result):
                result = await result
            self.keep_result(span, result)
            return result


@overload
def trace(
    name: str,
    fn: Callable[[ApiSpan], Awaitable[T]],
    attributes: Mapping[str, object] | None = None,
    /,
    *,
    parent: Parent = CURRENT,
    links: Iterable[Linkable] = (),
    icon: str | None = None,
    record_result: bool = False,
    **attrs: object,
) -> Coroutine[Any, Any, T]: ...
@overload
def trace(
    name: str,
    fn: Callable[[ApiSpan], T],
    attributes: Mapping[str, object] | None = None,
    /,
    *,
    parent: Parent = CURRENT,
    links: Iterable[Linkable] = (),
    icon: str | None = None,
    record_result: bool = False,
    **attrs: object,
) -> Coroutine[Any, Any, T]: ...
@overload
def trace(
    name: str,
    fn: Mapping[str, object] | None = None,
    attributes: Mapping[str, object] | None = None,
    /,
    *,
    parent: Parent = CURRENT,
    links: Iterable[Linkable] = (),
    icon: str | None = None,
    record_result: bool = False,
    **attrs: object,
) -> Trace: ...
def trace(
    name: str,
    fn: Callable[[ApiSpan], Any] | Mapping[str, object] | None = None,
    attributes: Mapping[str, object] | None = None,
    /,
    *,
    parent: Parent = CURRENT,
    links: Iterable[Linkable] = (),
    icon: str | None = None,
    record_result: bool = False,
    **attrs: object,
) -> Any:
    """Record a span called `name` round a piece of work.

    With `fn`, a sync or async callable that takes the span: a coroutine; nothing runs until it is awaited, and it
    returns what `fn` returns. Without: a sync and async context manager, and a decorator for functions, coroutine
    functions, generators and async generators, with a new span at each entry or call. A mapping in the place of `fn`
    is its attributes, as with the logger's messages.

    `attributes`, and keywords beside it, are recorded with the span; a name that collides with a parameter goes into
    `attributes`. `parent` is a span or context, or None for a trace of its own (in the same run). `links` are spans
    or contexts that it belongs together with. `icon` is shown beside it. `record_result` records the returned value.

    An exception is recorded once, on the innermost span that it leaves, and goes on as the same object. Raises
    TypeError if `fn` cannot be called, or `parent` or a link is nothing of the kind.
    """
    if fn is not None and (type(fn) is dict or isinstance(fn, Mapping)):
        attributes = merge(fn, attributes) if attributes else fn
        fn = None
    if attrs:
        attributes = merge(attributes, attrs) if attributes else attrs
    manager = Trace(name, attributes, parent, links, icon, record_result)
    if fn is None:
        return manager
    if not callable(fn):
        raise TypeError(
            f"fn must be a function that takes the span, or a mapping of attributes, not {type(fn).__name__}"
        )
    return manager.run(fn)


_cached_tracer: Tracer | None = None


def _load_tracer() -> Tracer:
    from runlog.tracing.provider import get_provider

    tracer = get_provider().get_tracer("runlog")
    use_tracer(tracer)
    return tracer


def use_tracer(tracer: Tracer | None) -> None:
    """Make `trace()` use this tracer; None for that of the process's provider, when it is next needed."""
    global _cached_tracer
    _cached_tracer = tracer


def merge(first: Mapping[str, object], second: Mapping[str, object]) -> Mapping[str, object]:
    """Return both, the second over the first; of one that cannot be read, that and nothing else is told."""
    try:
        return {**first, **second}
    except Exception as error:  # noqa: BLE001 - attributes never fail the work
        return {
            **({} if type(second) is not dict else second),
            "runlog.unreadable": f"<attributes: {type(error).__name__}>",
        }


def _context_of(parent: object) -> Context:
    if isinstance(parent, Context):
        return parent
    here = get_context()
    if parent is None:
        span: ApiSpan = INVALID_SPAN
        scope = scope_of(here)
        if scope is not None:
            here = with_value(here, RUN_KEY, scope)
    elif isinstance(parent, SpanContext):
        span = NonRecordingSpan(parent)
    elif isinstance(parent, ApiSpan):
        span = parent
    else:
        raise TypeError(f"parent must be a span, a SpanContext, a Context or None, not {type(parent).__name__}")
    return with_span(here, span)


def _link(item: object) -> Link:
    if isinstance(item, Link):
        return item
    if isinstance(item, SpanContext):
        return Link(item)
    if isinstance(item, Context):
        item = get_current_span(item)
    if isinstance(item, ApiSpan):
        return Link(item.get_span_context())
    raise TypeError(f"a link must be a span, a SpanContext, a Link or a Context, not {type(item).__name__}")
