"""Keys that make several triggers one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from runlog.errors import TaskError
from runlog.tasks.checks import check_duration, check_key
from runlog.tasks.submitter import DebounceRequest, KeyRequest, Scope

DEFAULT_TTL = 30 * 86_400.0
"""Seconds for which an idempotency key stands."""

_SCOPES = ("run", "attempt", "global")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Triggers of a task with the same key are one run, until `ttl` (30 days) is over or that run fails.

    With scope "run" (the default inside a run) the key counts among the triggers of that run, over all its attempts;
    with "attempt", of that attempt only; with "global" (the default elsewhere) everywhere. Raises TaskError for a key
    that is empty or over 2,048 characters.
    """

    key: str
    scope: Scope | None = None
    ttl: float | timedelta | None = None
    """Seconds, or a timedelta."""

    def __post_init__(self) -> None:
        check_key(self.key, "idempotency key")
        if self.scope is not None and self.scope not in _SCOPES:
            raise TaskError(
                f"the scope of idempotency key {self.key!r:.60} is {self.scope!r}",
                f"there is {', '.join(_SCOPES)}",
                'IdempotencyKey("order-7", scope="global")',
            )
        if self.ttl is not None:
            check_duration(self.ttl, "idempotency_ttl", zero=False)


def key_request(key: str | IdempotencyKey | None, ttl: float | timedelta | None = None) -> KeyRequest | None:
    """The checked request for a key; `ttl` counts where the key has none of its own. Raises TaskError."""
    if key is None:
        if ttl is not None:
            raise TaskError("idempotency_ttl without idempotency_key", "it says how long the key stands")
        return None
    given = key if isinstance(key, IdempotencyKey) else IdempotencyKey(key)
    chosen = given.ttl if given.ttl is not None else ttl
    seconds = DEFAULT_TTL if chosen is None else check_duration(chosen, "idempotency_ttl", zero=False)
    return KeyRequest(given.key, given.scope, seconds)


@dataclass(frozen=True, slots=True)
class Debounce:
    """While a run of a task is delayed under this key, a trigger with the key makes no other run: it puts that one off
    by `delay` (seconds, or a timedelta), up to `max_delay` after its creation.

    In mode "leading" the run keeps the payload of the first trigger; in "trailing" it takes that of the newest.
    """

    key: str
    delay: float | timedelta
    mode: Literal["leading", "trailing"] = "leading"
    max_delay: float | timedelta | None = None

    def __post_init__(self) -> None:
        check_key(self.key, "debounce key")
        delay = check_duration(self.delay, "delay", zero=False)
        if self.mode not in ("leading", "trailing"):
            raise TaskError(
                f"the mode of debounce key {self.key!r:.60} is {self.mode!r}",
                "there is leading and trailing",
                'Debounce("user-7", delay=5, mode="trailing")',
            )
        if self.max_delay is not None and check_duration(self.max_delay, "max_delay", zero=False) < delay:
            raise TaskError(
                f"max_delay {self.max_delay!r} is shorter than the delay {self.delay!r}",
                "the run could never be put off",
                'Debounce("user-7", delay=5, max_delay=60)',
            )

    @property
    def request(self) -> DebounceRequest:
        limit = None if self.max_delay is None else check_duration(self.max_delay, "max_delay")
        return DebounceRequest(self.key, self.mode, limit)
