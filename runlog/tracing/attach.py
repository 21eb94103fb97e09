"""OpenTelemetry's current context, read and set at little cost.

The names that OpenTelemetry calls private and that runlog needs stand here and nowhere else.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as otel
from opentelemetry.context import _RUNTIME_CONTEXT, _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace.propagation import _SPAN_KEY

SPAN_KEY = _SPAN_KEY
SUPPRESS_KEY = _SUPPRESS_INSTRUMENTATION_KEY
SUPPRESS_KEY_PLAIN = "suppress_instrumentation"
"""What `opentelemetry.instrumentation.utils.suppress_instrumentation` sets beside it."""

_set_item = dict.__setitem__

_variable = getattr(_RUNTIME_CONTEXT, "_current_context", None)
# The default runtime context is a ContextVar; OTEL_PYTHON_CONTEXT may name another kind.
get_context = _variable.get if isinstance(_variable, ContextVar) else otel.get_current
attach = _variable.set if isinstance(_variable, ContextVar) else otel.attach
reset = _variable.reset if isinstance(_variable, ContextVar) else otel.detach


def detach(token: Token[Any], span: ApiSpan | None = None) -> None:
    """Go back to the context before `attach`, which made `span` the current one."""
    try:
        reset(token)
    except (ValueError, RuntimeError):
        detach_elsewhere(token, span)


def detach_elsewhere(token: Token[Any], span: ApiSpan | None) -> None:
    """Do what can be done with a token of another context, which cannot be reset.

    So it is when a generator was begun by one thread and goes on, or is closed, in another. The current context is
    set only if `span` is current there: else nothing was attached to it, and it is not ours to change.
    """
    if span is not None and get_context().get(SPAN_KEY) is span:
        before = token.old_value
        attach(before if isinstance(before, Context) else Context())


def with_value(context: Context, key: str, value: object) -> Context:
    """Return a copy of `context` with one value set."""
    copy = Context(context)
    _set_item(copy, key, value)
    return copy


def with_span(context: Context, span: ApiSpan) -> Context:
    """Return a copy of `context` in which `span` is the current one."""
    copy = Context(context)
    _set_item(copy, SPAN_KEY, span)
    return copy


def is_suppressed(context: Context) -> bool:
    """Say whether `suppress_instrumentation()` is in force there."""
    return bool(context.get(SUPPRESS_KEY) or context.get(SUPPRESS_KEY_PLAIN))
