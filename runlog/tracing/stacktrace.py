"""A described exception as the text that a traceback is: what OpenTelemetry's exception events carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runlog.tracing.details import shown_text

_DEPTH = 16
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def stacktrace(description: Mapping[str, Any]) -> str:
    """Return the traceback of what `recording.exceptions.describe_exception` described."""
    return "\n".join(_lines(description, 0))


def _lines(description: Mapping[str, Any], depth: int) -> Iterable[str]:
    if depth >= _DEPTH:
        yield "…"
        return
    for key, sentence in (("cause", _CAUSE), ("context", _CONTEXT)):
        earlier = description.get(key)
        if isinstance(earlier, Mapping):
            yield from _lines(earlier, depth + 1)
            yield from ("", sentence, "")
            break
    frames = description.get("frames") or ()
    if frames:
        yield "Traceback (most recent call last):"
    for frame in frames:
        yield f'  File "{frame.get("file")}", line {frame.get("line")}, in {frame.get("function")}'
        if frame.get("source"):
            yield f"    {shown_text(frame['source']).strip()}"
    module, name = description.get("module"), description.get("type")
    qualified = name if module in (None, "", "builtins", "__main__") else f"{module}.{name}"
    message = shown_text(description.get("message") or "")
    yield f"{qualified}: {message}" if message else str(qualified)
    for note in description.get("notes") or ():
        yield shown_text(note)
    for number, member in enumerate(description.get("group") or (), 1):
        yield f"  +---------------- {number} ----------------"
        for line in _lines(member, depth + 1):
            yield f"  | {line}"
