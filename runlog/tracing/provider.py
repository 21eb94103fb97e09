"""The tracer provider: what OpenTelemetry's instrumentations are given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TracerProvider as ApiTracerProvider

from runlog.recording import get_recorder
from runlog.tracing.hooks import Hooks
from runlog.tracing.limits import TracingLimits
from runlog.tracing.sampling import Sampling
from runlog.tracing.trace import use_tracer
from runlog.tracing.tracer import Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler

    from runlog.recording import Recorder
    from runlog.recording.clean import Limits
    from runlog.tracing.export import ExportBridge

_logger = logging.getLogger("runlog.tracing")


class TracerProvider(ApiTracerProvider):
    """Gives tracers whose spans go into the run log.

    `recorder` is where spans are recorded, by default the process's. `resource`, `sampler`, `id_generator` and
    `span_limits` are the SDK's; each defaults to what the `OTEL_*` variables say. The sampler decides about
    propagation and export; inside a run every span is recorded whatever it says.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        resource: Resource | None = None,
        sampler: Sampler | None = None,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
    ) -> None:
        self.recorder = recorder
        self.sampling = Sampling(sampler, id_generator)
        self.given_limits = span_limits
        self._limits: tuple[Limits, TracingLimits] | None = None
        self.hooks = Hooks()
        self._resource = resource
        self._bridge: ExportBridge | None = None
        self._tracers: dict[tuple[Any, ...], Tracer] = {}
        self._parts: dict[str, ExportBridge] = {}

    @property
    def resource(self) -> Resource:
        """What made the spans: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and OpenTelemetry's detectors."""
        if self._resource is None:
            self._resource = Resource.create()
        return self._resource

    @property
    def limits(self) -> TracingLimits:
        """How much of a span is kept: what the recorder's settings say now, as `span_limits` changes it."""
        used = self.recorder or get_recorder()
        known = self._limits
        if known is None or known[0] is not used.limits:
            known = self._limits = (used.limits, TracingLimits.make(used.settings, used.limits, self.given_limits))
        return known[1]

    @property
    def sampler(self) -> Sampler:
        return self.sampling.sampler

    @property
    def id_generator(self) -> IdGenerator:
        return self.sampling.ids

    @property
    def bridge(self) -> ExportBridge:
        """What feeds processors and exporters; made, and put behind the recorder, when it is first asked for."""
        bridge = self._bridge
        if bridge is None:
            from runlog.tracing.export import ExportBridge

            made = ExportBridge(self)
            bridge = self._parts.setdefault("bridge", made)  # of two threads one wins, without a lock to fork under
            self._bridge = bridge
            if bridge is made:
                (self.recorder or get_recorder()).add_sink(bridge)
        return bridge

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Tracer:
        """Return the tracer of an instrumentation scope."""
        key = (
            instrumenting_module_name,
            instrumenting_library_version,
            schema_url,
            repr(sorted(attributes.items())) if attributes else None,
        )
        tracer = self._tracers.get(key)
        if tracer is None:
            scope = InstrumentationScope(
                instrumenting_module_name or "", instrumenting_library_version or "", schema_url, attributes
            )
            tracer = self._tracers.setdefault(key, Tracer(self, scope))
        return tracer

    def scope(self, name: str, version: str) -> InstrumentationScope:
        """Return the scope that a recorded span names."""
        for (own_name, own_version, *_), tracer in list(self._tracers.items()):
            if own_name == name and (own_version or "") == version:
                return tracer.instrumentation_scope
        return InstrumentationScope(name, version)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Feed an SDK processor.

        Its `on_start` and `_on_ending`, where it has any, are called with the live span on the thread that starts
        and ends it; `on_end` on a thread of the bridge, with the span as it was stored. What it raises is counted.
        """
        self.bridge.add_processor(span_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until every span that has ended is stored and exported; False if `timeout_millis` did not suffice."""
        flush = (self.recorder or get_recorder()).flush if self._bridge is None else self._bridge.force_flush
        return flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Flush and stop processors and exporters, within 5 s. Spans go on being recorded. Any number of times."""
        bridge = self._bridge
        if bridge is not None:
            bridge.shutdown(5.0)

    def close_bridge(self) -> None:
        """Flush, stop and forget processors and exporters, within 5 s; others may be added later."""
        bridge, self._bridge = self._bridge, None
        self._parts.pop("bridge", None)
        if bridge is not None:
            bridge.shutdown(5.0)
            (self.recorder or get_recorder()).remove_sink(bridge)


_process: dict[str, TracerProvider] = {}


def get_provider() -> TracerProvider:
    """Return the process's provider; made on first use."""
    return _process.get("provider") or _process.setdefault("provider", TracerProvider())


def set_provider(provider: TracerProvider | None) -> TracerProvider | None:
    """Make `provider` the process's, which `trace()` uses; return the one before. None: a new one when needed."""
    before = _process.pop("provider", None)
    if provider is not None:
        _process["provider"] = provider
    use_tracer(None)
    return before
