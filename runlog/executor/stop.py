"""Why an attempt has to end."""

from __future__ import annotations

from typing import Literal

from runlog.tasks.context import RunStopped

Cause = Literal["cancel", "lost", "shutdown", "timeout"]


class Stop:
    """What ended an attempt from outside, if anything did. Any thread may read it."""

    def __init__(self, run_id: str) -> None:
        self.cause: Cause | None = None
        self.reason = ""
        self.ended = False
        """The attempt is over, whatever ended it."""
        self._run_id = run_id

    def check(self) -> None:
        """For `Context.checkpoint()`. Raises RunStopped."""
        if self.cause is not None:
            raise RunStopped(f"run {self._run_id}: {self.cause}: {self.reason}")
        if self.ended:
            raise RunStopped(f"run {self._run_id}: the attempt has ended")
