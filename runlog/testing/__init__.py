"""For tests: what was recorded (the fixture `telemetry`), and a suite that any instrumentation can be put through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runlog.testing.conformance import InstrumentationSuite
    from runlog.testing.telemetry import Telemetry

__all__ = ["InstrumentationSuite", "Telemetry"]


def __getattr__(name: str) -> Any:
    if name == "InstrumentationSuite":
        from runlog.testing.conformance import InstrumentationSuite

        return InstrumentationSuite
    if name == "Telemetry":
        from runlog.testing.telemetry import Telemetry

        return Telemetry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
