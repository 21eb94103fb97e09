"""What the attempts of one worker share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import EventLoopToken

from runlog.engines.base import Engine
from runlog.executor.beside import Beside
from runlog.executor.observer import Observer
from runlog.executor.outcomes import Outcomes
from runlog.executor.slots import Slots
from runlog.executor.threads import Threads
from runlog.executor.timers import Timers
from runlog.tracing.tracer import Tracer

if TYPE_CHECKING:
    from runlog.executor.processes import Processes


@dataclass(frozen=True, slots=True)
class Workplace:
    """Of one executor, on its event loop."""

    engine: Engine
    slots: Slots
    threads: Threads
    timers: Timers
    outcomes: Outcomes
    tracer: Tracer
    observer: Observer
    resources: Mapping[str, Any]
    processes: Callable[[], Processes]
    loop: EventLoopToken
    call_soon: Callable[[Callable[[], Any]], None]
    """Runs a callable on the event loop, from any thread."""
    beside: Beside
