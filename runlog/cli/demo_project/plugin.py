"""A plugin of this project, listed in runlog.toml by its import string: subprocesses as spans."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from runlog.instrumentation import Instrumentation, InstrumentationPatch, Options, Target


class SubprocessInstrumentation(Instrumentation[Options]):
    name = "subprocess"
    targets = (Target("subprocess"),)

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        def run(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            with patch.tracer.start_as_current_span("subprocess.run") as span:
                completed = wrapped(*args, **kwargs)
                span.set_attribute("process.exit.code", completed.returncode)
                return completed

        patch.wrap(subprocess, "run", run)
