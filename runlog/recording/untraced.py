"""The writer thread is not traced itself."""

from __future__ import annotations

from opentelemetry import context


def suppress_instrumentation() -> None:
    """Nothing that this thread does (a store over a traced driver, an exporter) is to be traced itself."""
    values, suppressed = context.get_current(), True
    for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"):
        values = context.set_value(getattr(context, name, name), suppressed, values)
    context.attach(context.set_value("suppress_instrumentation", suppressed, values))
