"""Events as lines of a log."""

from __future__ import annotations

from runlog.console.message import render_message
from runlog.stores.base import Event
from runlog.stores.query import format_time
from runlog.web.api.rows import error_title, short
from runlog.web.api.types import Log

_MESSAGE = 2000
_ATTRIBUTES, _VALUE = 8, 200


def log_row(event: Event, task: str | None) -> Log:
    """An event as a line among others: its message cut, its first attributes, each cut."""
    message = str(event.message)
    if event.kind == "log":
        message = render_message(message, event.attributes)
    pairs = list(event.attributes.items())
    return Log(
        id=event.id,
        kind=event.kind,  # type: ignore[arg-type]
        time=event.time / 1e6,
        time_text=format_time(event.time),
        level=event.level,
        name=event.name,
        message=message[:_MESSAGE],
        cut=len(message) > _MESSAGE,
        attributes=[(short(key, _VALUE), short(value, _VALUE)) for key, value in pairs[:_ATTRIBUTES]],
        more_attributes=max(0, len(pairs) - _ATTRIBUTES),
        exception=error_title((event.extra or {}).get("exception")),
        run_id=event.run_id,
        task=task,
        span_id=event.span_id.hex() if event.span_id else None,
        parent_id=event.parent_id.hex() if event.parent_id else None,
        duration=event.duration,
        status=event.status,
    )
