"""Instrumentations: the contract that each keeps, and the registry that finds and installs those the config lists."""

from __future__ import annotations

from runlog.instrumentation.contract import Instrumentation, InstrumentationState, Options, Target
from runlog.instrumentation.patch import InstrumentationPatch
from runlog.instrumentation.registry import Instrumentations, install_all

__all__ = [
    "Instrumentation",
    "InstrumentationPatch",
    "InstrumentationState",
    "Instrumentations",
    "Options",
    "Target",
    "install_all",
]
