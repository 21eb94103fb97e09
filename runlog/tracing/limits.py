"""How much of a span is kept."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog.recording.clean import Limits

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanLimits

    from runlog.config import Settings


@dataclass(frozen=True, slots=True)
class TracingLimits:
    """Limits of a span, of its events and links, and of how many of those it has."""

    span: Limits
    event: Limits
    link: Limits
    events: int
    links: int

    @classmethod
    def make(cls, settings: Settings, limits: Limits, given: SpanLimits | None = None) -> TracingLimits:
        """The project's limits, less what `given` limits further or widens. Nothing is ever unlimited."""
        if given is not None:
            length = given.max_attribute_length or limits.value_length
            return cls(
                span=_with(limits, given.max_span_attributes, given.max_span_attribute_length),
                event=_with(limits, given.max_event_attributes, length),
                link=_with(limits, given.max_link_attributes, length),
                events=settings.limits.events if given.max_events is None else given.max_events,
                links=settings.limits.links if given.max_links is None else given.max_links,
            )
        return cls(
            span=limits,
            event=_with(limits, _number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"), None),
            link=_with(limits, _number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"), None),
            events=settings.limits.events,
            links=settings.limits.links,
        )


def _with(limits: Limits, attributes: int | None, value_length: int | None) -> Limits:
    return dataclasses.replace(
        limits,
        attributes=limits.attributes if attributes is None else attributes,
        value_length=limits.value_length if value_length is None else value_length,
    )


def _number(variable: str) -> int | None:
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() else None
