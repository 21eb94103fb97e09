"""Why a run does not execute: the codes of `Run.cause`, and the words for each.

| code | besides | the run |
|---|---|---|
| `delayed` | `until` | starts at a time |
| `retry` | `until`, `attempt`, `max_attempts` | failed, and is tried again at a time |
| `queue_limit` | `queue`, `limit`, `ahead`, `key`? | waits for a place in its queue |
| `queue_paused` | `queue` | waits until its queue goes on |
| `no_worker` | `seen`? | waits for a worker: none runs (ns: when one did last) |
| `no_worker_for_queue` | `queue` | no running worker takes from its queue |
| `workers_busy` | `ahead` | workers run, and have no free place |
| `unknown_task` | `task` | no running worker knows its task |
| `version` | `version` | no running worker has the version of the code that was asked for |
| `run` | `run_ids`, `count` | waits for runs |
| `until` | `until` | waits for a time |
| `token` | `token_id`, `until`? | waits for a token |
| `resuming` | `queue`? | has waited, and waits for a free place to go on |
| `worker_lost` | `worker`, `crashes` | its worker died; it runs again |
| `shutdown` | `worker`? | its worker was shut down; it runs again |

Ended runs may have `canceled` (`by`?: a run id), `expired` (`ttl`), `max_duration` (`seconds`), `memory` (`limit`, `peak`:
bytes) and `crashes`.
"""

from __future__ import annotations

from typing import Any


def words(cause: dict[str, Any], now: int) -> str:
    """The reason in words, as of `now` (ns)."""
    raise KeyError(cause)
