"""Which ids and flags a new span has, and whether it is recorded outside a run.

Inside a run everything is recorded: there the sampler decides propagation and export only.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    _get_from_env_or_default,
)
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.propagation import get_current_span

from runlog.tracing.details import PLAIN_FLAGS, RECORD_ONLY

_logger = logging.getLogger("runlog.tracing")

# A generator of their own: a task that seeds `random` does not get two spans of one id.
_random = random.Random()
random_bits = _random.getrandbits
os.register_at_fork(after_in_child=_random.seed)


def new_span_id() -> bytes:
    return (random_bits(64) or 1).to_bytes(8)


def new_trace_id() -> bytes:
    return (random_bits(128) or 1).to_bytes(16)


class Choice(NamedTuple):
    """What was decided about a span before it is made."""

    trace_id: bytes
    span_id: bytes
    parent: SpanContext | None
    flags: int
    trace_state: TraceState | None
    attributes: Mapping[str, Any] | None
    record: bool
    """Whether it is recorded outside a run."""

    def span_context(self) -> SpanContext:
        return SpanContext(
            int.from_bytes(self.trace_id),
            int.from_bytes(self.span_id),
            is_remote=False,
            trace_flags=TraceFlags(self.flags & 0xFF),
            trace_state=self.trace_state,
        )


class Sampling:
    """A sampler and an id generator, with short ways where they are the stock ones."""

    def __init__(self, sampler: Sampler | None = None, ids: IdGenerator | None = None) -> None:
        self.sampler: Sampler = _get_from_env_or_default() if sampler is None else sampler
        self.ids: IdGenerator = ids or RandomIdGenerator()
        self.random_ids = type(self.ids) is RandomIdGenerator
        parent_based = isinstance(self.sampler, ParentBased)
        # The delegates are private names of the SDK's; without them the sampler is asked each time.
        self.inherits = (
            parent_based
            and getattr(self.sampler, "_local_parent_sampled", None) is ALWAYS_ON
            and getattr(self.sampler, "_local_parent_not_sampled", None) is ALWAYS_OFF
        )
        """A local parent's decision is its children's."""
        root = getattr(self.sampler, "_root", None) if parent_based else self.sampler
        self.samples_roots = root is ALWAYS_ON
        self.failures = 0
        """How often the sampler or the id generator raised."""

    def choose(
        self,
        context: Context | None,
        base: Context,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[Link] | None,
    ) -> Choice:
        """Decide about a span under the current span of `base`."""
        parent = get_current_span(base).get_span_context()
        if parent.is_valid:
            trace_id, random_bit = parent.trace_id.to_bytes(16), parent.trace_flags & TraceFlags.RANDOM_TRACE_ID
            above: SpanContext | None = parent
        else:
            trace_id, random_bit = self._trace_id(), self._random_bit()
            above = None
        result = self._result(context, above, trace_id, name, kind, attributes, links)
        sampled = result.decision is Decision.RECORD_AND_SAMPLE
        flags = random_bit | (TraceFlags.SAMPLED if sampled else 0)
        if result.decision is Decision.RECORD_ONLY:
            flags |= RECORD_ONLY
        own = result.attributes
        if own and own is not attributes:  # the sampler's are added to the span's
            attributes = {**attributes, **own} if attributes else own
        return Choice(
            trace_id,
            self.span_id(),
            above,
            flags,
            result.trace_state or None,
            attributes,
            record=result.decision is not Decision.DROP,
        )

    def root_flags(self, trace_id: bytes, name: str) -> int:
        """Return the trace flags of a run's root span, which no tracer makes: as the sampler says for its trace."""
        if self.samples_roots:
            return PLAIN_FLAGS
        result = self._result(Context(), None, trace_id, name, SpanKind.CONSUMER, None, None)
        return PLAIN_FLAGS if result.decision is Decision.RECORD_AND_SAMPLE else PLAIN_FLAGS & ~TraceFlags.SAMPLED

    def _result(
        self,
        context: Context | None,
        parent: SpanContext | None,
        trace_id: bytes,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[Link] | None,
    ) -> SamplingResult:
        if parent is not None and not parent.is_remote and self.inherits:
            sampled = parent.trace_flags.sampled
            decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP
            return SamplingResult(decision, None, parent.trace_state)
        try:
            return self.sampler.should_sample(context, int.from_bytes(trace_id), name, kind, attributes, links or ())
        except Exception as error:  # noqa: BLE001
            self._failed("sampler", error)
            return SamplingResult(Decision.RECORD_AND_SAMPLE, None, parent.trace_state if parent else None)

    def span_id(self) -> bytes:
        if not self.random_ids:
            try:
                return self.ids.generate_span_id().to_bytes(8)
            except Exception as error:  # noqa: BLE001
                self._failed("id generator", error)
        return new_span_id()

    def _trace_id(self) -> bytes:
        if not self.random_ids:
            try:
                return self.ids.generate_trace_id().to_bytes(16)
            except Exception as error:  # noqa: BLE001
                self._failed("id generator", error)
        return new_trace_id()

    def _random_bit(self) -> int:
        is_random = self.random_ids or bool(getattr(self.ids, "is_trace_id_random", bool)())
        return TraceFlags.RANDOM_TRACE_ID if is_random else 0

    def _failed(self, what: str, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            _logger.warning("The %s raised %s; spans are made without it", what, type(error).__name__)
