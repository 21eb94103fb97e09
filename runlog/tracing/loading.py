"""The exporters and processors that `[export]` names."""

from __future__ import annotations

import importlib
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter

from runlog.errors import ConfigError

_OTLP = "otlp"
_OTLP_MODULE = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


def load_exporter(name: str) -> SpanExporter:
    """Make the exporter that `name` names: `otlp`, or `module:Class`. Raises ConfigError."""
    if name.strip().lower() == _OTLP:
        return _otlp()
    exporter = _make(name, "exporters")
    if not callable(getattr(exporter, "export", None)):
        raise ConfigError(
            f"[export] exporters: {name!r} is no span exporter",
            f"{type(exporter).__name__} has no method export()",
            "derive it from opentelemetry.sdk.trace.export.SpanExporter",
        )
    return exporter  # type: ignore[no-any-return]


def load_processor(name: str) -> SpanProcessor:
    """Make the processor that `name`, `module:Class`, names. Raises ConfigError."""
    processor = _make(name, "processors")
    if not callable(getattr(processor, "on_end", None)):
        raise ConfigError(
            f"[export] processors: {name!r} is no span processor",
            f"{type(processor).__name__} has no method on_end()",
            "derive it from opentelemetry.sdk.trace.SpanProcessor",
        )
    return processor  # type: ignore[no-any-return]


def _otlp() -> SpanExporter:
    try:
        module = importlib.import_module(_OTLP_MODULE)
    except ImportError as error:
        raise ConfigError(
            "[export] exporters lists 'otlp', and the OTLP exporter is not installed",
            str(error),
            "pip install 'runlog-tasks[otlp]'",
        ) from None
    try:
        return module.OTLPSpanExporter()  # type: ignore[no-any-return]
    except Exception as error:
        raise ConfigError(
            "[export] exporters: the OTLP exporter could not be made",
            f"{type(error).__name__}: {error}",
            "check the OTEL_EXPORTER_OTLP_* variables",
        ) from error


def _make(name: str, setting: str) -> Any:
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise ConfigError(
            f"[export] {setting}: {name!r} is not understood",
            "an import string names a module and, behind a colon, a class in it",
            f'{setting} = ["package.module:Class"]' + ('   # or "otlp"' if setting == "exporters" else ""),
        )
    try:
        target: Any = importlib.import_module(module_name)
        for part in path.split("."):
            target = getattr(target, part)
        # A class or a factory is called; what is ready is taken as it is.
        return target() if isinstance(target, type) or not hasattr(target, "shutdown") else target
    except Exception as error:
        raise ConfigError(
            f"[export] {setting}: {name!r} could not be loaded",
            f"{type(error).__name__}: {error}",
            f'python -c "import {module_name}"   # shows the whole error',
        ) from error
