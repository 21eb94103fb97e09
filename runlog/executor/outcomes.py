"""What becomes of a run after an attempt: done, tried again, or given up, and why."""

from __future__ import annotations

import time
from typing import Any

from runlog.config import Settings
from runlog.engines.base import Delivery, Outcome
from runlog.errors import AbortRun
from runlog.recording.clean import Limits
from runlog.recording.exceptions import describe_exception
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores.base import Run
from runlog.tasks.payload import Codec
from runlog.tasks.retry import Retry

_REASON_LENGTH = 300


class Outcomes:
    """Makes outcomes. What they say of an exception is scrubbed, for the queue keeps it. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits.from_settings(settings)
        self._output_limit = settings.limits.output
        self._finisher = Finisher(Scrubber(settings.scrub.keys, settings.scrub.patterns), self._limits)

    def completed(self, value: object, codec: Codec) -> Outcome:
        """Done; `reason` says so if the value could not be stored."""
        data, reason = codec.encode_result(value, self._output_limit)
        return Outcome("COMPLETED", output=data, reason=self._scrubbed(None, reason)[1])

    def failed(self, error: BaseException, delivery: Delivery, retry: Retry) -> Outcome:
        """Tried again while attempts are left, unless the error says that this is pointless."""
        described, why = self._described(error)
        if _is_final(error):
            return Outcome("FAILED", error=described, reason=why)
        return _next(delivery, retry, "FAILED", described, why)

    def refused(self, error: BaseException) -> Outcome:
        """The stored payload does not fit the task: no attempt will change that."""
        described, why = self._described(error)
        return Outcome("FAILED", error=described, reason=why)

    def timed_out(self, seconds: float, delivery: Delivery, retry: Retry, error: BaseException | None) -> Outcome:
        """Like a failure, with a status of its own."""
        why = f"it took longer than {seconds:g} s (max_duration)"
        described: dict[str, Any] = {"type": "TimeoutError", "message": why}
        if error is not None:
            described["exception"] = self._described(error)[0]["exception"]
        return _next(delivery, retry, "TIMED_OUT", described, why)

    def canceled(self, reason: str) -> Outcome:
        error, text = self._scrubbed({"type": "Canceled", "message": reason or "canceled"}, reason or None)
        return Outcome("CANCELED", error=error, reason=text)

    def _described(self, error: BaseException) -> tuple[dict[str, Any], str]:
        exception = describe_exception(error, self._limits)
        module, name = exception.get("module", ""), exception["type"]
        kind = name if module in ("", "builtins", "__main__") else f"{module}.{name}"
        described, _ = self._scrubbed({"type": kind, "message": exception["message"], "exception": exception}, None)
        assert described is not None
        return described, _one_line(f"{name}: {described['message']}" if described["message"] else name)

    def _scrubbed(self, error: dict[str, Any] | None, reason: str | None) -> tuple[dict[str, Any] | None, str | None]:
        run = Run("", 0, "", "", "", 0, 0, error=error, reason=reason)
        self._finisher.run(run)
        return run.error, run.reason


def put_back(reason: str) -> Outcome:
    """Not its fault: queued again, with no attempt used."""
    return Outcome("QUEUED", uses_attempt=False, reason=reason)


def _next(delivery: Delivery, retry: Retry, final: str, error: dict[str, Any], why: str) -> Outcome:
    used = delivery.attempt - delivery.crashes
    if used >= retry.max_attempts:
        of_all = f" (attempt {used} of {retry.max_attempts})" if retry.max_attempts > 1 else ""
        return Outcome(final, error=error, reason=f"{why}{of_all}")
    delay = retry.delay(used)
    reason = f"attempt {used} of {retry.max_attempts} failed: {why}; the next one in {delay:.3g} s"
    available = time.time_ns() + int(delay * 1e9)
    return Outcome("DELAYED" if delay > 0 else "QUEUED", error=error, available=available, reason=reason)


def _is_final(error: BaseException) -> bool:
    """The task said so itself, be it from within a task group."""
    waiting = [error]
    for one in waiting:  # grows while it is read
        if isinstance(one, AbortRun):
            return True
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
    return False


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON_LENGTH else f"{line[: _REASON_LENGTH - 1]}…"
