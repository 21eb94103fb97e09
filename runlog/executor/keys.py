"""Idempotency keys, where the run that asks is known."""

from __future__ import annotations

import hashlib
import time

from runlog.engines.base import Idempotency
from runlog.errors import TaskError
from runlog.executor.attempt import Attempt
from runlog.tasks.submitter import KeyRequest, Scope


def resolve_key(request: KeyRequest, attempt: Attempt | None) -> Idempotency:
    """The key as the engine knows it: no run shares it that its scope leaves out. Raises TaskError for the scope of a
    run outside of one."""
    scope = scope_of(request, attempt)
    parts = [scope, request.key]
    if scope != "global":
        if attempt is None:
            raise TaskError(
                f"the idempotency key {request.key!r:.60} has the scope {scope!r} outside a run",
                "there is no run to count in",
                'IdempotencyKey("order-7", scope="global")',
            )
        number = f"#{attempt.delivery.attempt}" if scope == "attempt" else ""
        parts.insert(1, f"{attempt.delivery.run.run_id}{number}")
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return Idempotency(digest, time.time_ns() + int(request.ttl * 1e9))


def scope_of(request: KeyRequest, attempt: Attempt | None) -> Scope:
    """The scope that was asked for, or the one that a key has by itself."""
    return request.scope or ("global" if attempt is None else "run")
