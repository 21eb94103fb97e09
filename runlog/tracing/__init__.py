"""The OpenTelemetry API implemented: provider, tracer, span; `trace()`; propagation; the bridge to exporters.

`scope`, `trace`, `attach` and `propagation` import only OpenTelemetry's API. Those that need its SDK (`span`, `tracer`,
`provider`, `export`) are imported when the first span is made.
"""
