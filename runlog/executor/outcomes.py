"""What becomes of a run after an attempt: done, tried again, or given up, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from runlog.config import Settings
from runlog.console.message import format_duration
from runlog.engines.base import CRASH_BUDGET, Delivery, Outcome
from runlog.errors import AbortRun, RetryAfter
from runlog.executor.hooks import Verdict
from runlog.recording.clean import Limits
from runlog.recording.exceptions import describe_exception
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores.base import Run
from runlog.tasks.checks import LONGEST
from runlog.tasks.payload import Codec
from runlog.tasks.retry import Retry

_REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a run was tried, and how often it may be."""

    used: int
    retry: Retry

    @classmethod
    def of(cls, delivery: Delivery, retry: Retry) -> Tries:
        """Crashes use up none; the trigger's limit counts before the task's."""
        limit = (delivery.run.options or {}).get("max_attempts")
        return cls(delivery.attempt - delivery.crashes, retry if limit is None else replace(retry, max_attempts=limit))


class Outcomes:
    """Makes outcomes. What they say of an exception is scrubbed, for the queue keeps it. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits.from_settings(settings)
        self._output_limit = settings.limits.output
        self._finisher = Finisher(Scrubber(settings.scrub.keys, settings.scrub.patterns), self._limits)

    def completed(self, value: object, codec: Codec) -> Outcome:
        """Done; `reason` says so if the value could not be stored."""
        data, reason = codec.encode_result(value, self._output_limit)
        return Outcome("COMPLETED", output=data, reason=self._scrubbed(None, reason)[1] if reason else None)

    def failed(self, error: BaseException, tries: Tries, verdict: Verdict = None) -> Outcome:
        """Tried again while attempts are left, unless the error, the task or `catch_error` says that this is
        pointless."""
        described, why = self._described(error)
        return self._next("FAILED", error, described, why, tries, verdict)

    def refused(self, error: BaseException) -> Outcome:
        """The stored payload does not fit the task: no attempt will change that."""
        described, why = self._described(error)
        return Outcome("FAILED", error=described, reason=why)

    def timed_out(
        self, timeout: MaxDurationReached, tries: Tries, error: BaseException | None, verdict: Verdict = None
    ) -> Outcome:
        """Like a failure, with a status of its own. `error` is what the task raised when it was stopped."""
        why = str(timeout)
        described: dict[str, Any] = {"type": "TimeoutError", "message": why}
        if error is not None:
            described["exception"] = self._described(error)[0]["exception"]
        outcome = self._next("TIMED_OUT", timeout, described, why, tries, verdict)
        if outcome.status != "TIMED_OUT":
            return outcome
        return msgspec.structs.replace(outcome, cause={"code": "max_duration", "seconds": timeout.seconds})

    def canceled(self, reason: str) -> Outcome:
        error, text = self._scrubbed({"type": "Canceled", "message": reason or "canceled"}, reason or None)
        return Outcome("CANCELED", error=error, reason=text, cause={"code": "canceled"})

    def crashed(self, reason: str, cause: dict[str, Any], crashes: int, *, final: bool) -> Outcome:
        """The process of the attempt died, for the `crashes`th time: run again, unless the crash budget is used up."""
        if final or crashes >= CRASH_BUDGET:
            error, text = self._scrubbed({"type": "Crashed", "message": reason}, reason)
            return Outcome("CRASHED", error=error, reason=text, crashed=True, cause=cause)
        text = self._scrubbed(None, f"{reason}; it runs again")[1]
        return Outcome("QUEUED", reason=text, crashed=True, uses_attempt=False, cause=cause)

    def _next(
        self,
        final: str,
        error: BaseException,
        described: dict[str, Any],
        why: str,
        tries: Tries,
        verdict: Verdict,
    ) -> Outcome:
        used, most = tries.used, tries.retry.max_attempts
        delay = _delay(error, tries, verdict)
        if isinstance(delay, str):
            return Outcome(final, error=described, reason=f"{why} ({delay})" if delay else why)
        if used >= most:
            of_all = f" (attempt {used} of {most})" if most > 1 else ""
            return Outcome(final, error=described, reason=f"{why}{of_all}")
        delay = min(delay, LONGEST)
        available = time.time_ns() + int(delay * 1e9)
        return Outcome(
            "DELAYED" if delay > 0 else "QUEUED",
            error=described,
            available=available,
            reason=f"attempt {used} of {most} failed: {why}; the next one in {format_duration(int(delay * 1e9))}",
            cause={"code": "retry", "until": available, "attempt": used, "max_attempts": most},
        )

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


class MaxDurationReached(TimeoutError):
    """What hooks are told of an attempt that took too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"it took longer than {seconds:g} s (max_duration)")


def put_back(reason: str) -> Outcome:
    """Not its fault: queued again, with no attempt used."""
    return Outcome("QUEUED", uses_attempt=False, reason=reason, cause={"code": "shutdown"})


STOPPED = put_back("its worker was stopped")
"""For an attempt that did not come to an end, as the executor was cancelled."""


def is_abort(error: BaseException) -> bool:
    """The task said itself that another attempt is pointless, be it from within a task group."""
    return any(isinstance(leaf, AbortRun) for leaf in _leaves(error))


def _delay(error: BaseException, tries: Tries, verdict: Verdict) -> float | str:
    """Seconds until the next attempt; or why there is none, if this is not plain."""
    if isinstance(verdict, AbortRun):
        return f"catch_error: {verdict}" if str(verdict) else "catch_error gave it up"
    if isinstance(verdict, RetryAfter):
        return verdict.delay
    if isinstance(verdict, Retry):
        return verdict.delay(tries.used)
    if is_abort(error):
        return ""
    if not _is_covered(error, tries.retry):
        return "not retried: no type in Retry.on" if tries.used < tries.retry.max_attempts else ""
    asked = [leaf.delay for leaf in _leaves(error) if isinstance(leaf, RetryAfter)]
    return max(asked) if asked else tries.retry.delay(tries.used)


def _is_covered(error: BaseException, retry: Retry) -> bool:
    """A group is where it is named itself, or all that is in it is. What is no `Exception`, such as SystemExit or a
    cancellation that the task made itself, counts as one."""
    if isinstance(error, (RetryAfter, *retry.on)):
        return True
    if isinstance(error, BaseExceptionGroup):
        return all(_is_covered(leaf, retry) for leaf in _leaves(error))
    return not isinstance(error, Exception) and Exception in retry.on


def _leaves(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, however nested; else the exception itself."""
    leaves, waiting = [], [error]
    for one in waiting:  # grows while it is read
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        else:
            leaves.append(one)
    return leaves


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON_LENGTH else f"{line[: _REASON_LENGTH - 1]}…"
