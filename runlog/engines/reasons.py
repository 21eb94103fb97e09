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
| `token` | `id`, `until`? | waits for a token |
| `several` | `waits`, `count` | waits for several things at once: the causes, ten at most, and how many there are |
| `resuming` | `queue`? | has waited, and waits for a free place to go on |
| `worker_lost` | `worker`, `crashes` | its worker died; it runs again |
| `process` | `exit_code`?, `peak` | its own process died (negative: by a signal; none: it did not start); runs again |
| `shutdown` | `worker`? | its worker was shut down; it runs again |

Ended runs may have `canceled` (`by`?: a run id), `expired` (`ttl`), `max_duration` (`seconds`), `memory` (`limit`,
`peak`: bytes), `process`, `crashes` (`worker`, `crashes`) and `queue_deleted`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from runlog.system.process import describe_exit

_SECOND = 1_000_000_000
_COUNTED = 10_000
"""Runs ahead are not counted beyond."""
_WAITS, _WAITS_IN_WORDS, _RUNS_NAMED = 10, 4, 20
"""Of waits at once."""
_FIRST = {"token": 0, "run": 1}
"""Of waits: what somebody has to act on."""


def together(waits: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The cause of a run that waits for all this at once: tokens first; what are runs is one cause."""
    causes, run_ids, runs = [], dict[str, None](), 0
    for cause in waits:
        if cause.get("code") == "run":
            run_ids.update(dict.fromkeys(cause["run_ids"]))
            runs += cause["count"]
        else:
            causes.append(cause)
    if runs:
        causes.append({"code": "run", "run_ids": list(run_ids)[:_RUNS_NAMED], "count": runs})
    if len(causes) == 1:
        return causes[0]
    causes.sort(key=lambda cause: (_FIRST.get(str(cause.get("code")), 2), cause.get("until", 0)))
    return {"code": "several", "waits": causes[:_WAITS], "count": len(causes)}


def words(cause: dict[str, Any], now: int) -> str:
    """The reason in words, as of `now` (ns)."""
    code = str(cause.get("code"))
    try:
        return _no_worker(cause, now) if code == "no_worker" else _WORDS[code](cause)
    except (KeyError, TypeError, ValueError):  # of another version of runlog
        return code.replace("_", " ")


def moments(cause: dict[str, Any]) -> list[tuple[str, int]]:
    """The times that the words of a cause name: as they are written there, and in ns."""
    waits = cause.get("waits")
    untils = [cause.get("until"), *(wait.get("until") for wait in (waits if isinstance(waits, list) else ()))]
    found: list[tuple[str, int]] = []
    for until in untils:
        if isinstance(until, int) and until:
            try:
                found.append((_at(until), until))
            except (ValueError, OverflowError, OSError):  # of another version of runlog
                continue
    return found


def _at(time: int) -> str:
    """A time as its reader's clock shows it."""
    return datetime.fromtimestamp(time / _SECOND).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _for(nanoseconds: int) -> str:
    seconds = max(0, round(nanoseconds / _SECOND))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _ahead(cause: dict[str, Any]) -> str:
    ahead = cause.get("ahead")
    if not ahead:
        return ""
    return f", {ahead:,} ahead" if ahead < _COUNTED else f", {_COUNTED:,} or more ahead"


def _bytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _retry(cause: dict[str, Any]) -> str:
    attempt, of_all = cause.get("attempt"), cause.get("max_attempts")
    which = "" if attempt is None else f" {attempt}" if of_all is None else f" {attempt} of {of_all}"
    return f"attempt{which} failed; the next one at {_at(cause['until'])}"


def _queue_limit(cause: dict[str, Any]) -> str:
    key = f" for the key `{cause['key']}`" if cause.get("key") else ""
    return f"queue `{cause['queue']}` is at its limit {cause['limit']}{key}{_ahead(cause)}"


def _no_worker(cause: dict[str, Any], now: int) -> str:
    seen = cause.get("seen")
    return "no worker has run yet" if seen is None else f"no worker has polled for {_for(now - seen)}"


def _run(cause: dict[str, Any]) -> str:
    run_ids, count = cause.get("run_ids") or (), cause.get("count")
    if count is None or count == 1:
        return f"waits for run {run_ids[0]}" if run_ids else "waits for a run"
    return f"waits for {count:,} runs"


def _token(cause: dict[str, Any]) -> str:
    until = cause.get("until")
    return f"waits for the token {cause['id']}" + (f", until {_at(until)} at the latest" if until else "")


def _several(cause: dict[str, Any]) -> str:
    shown = cause["waits"][:_WAITS_IN_WORDS]
    parts = [
        f"for the token {wait['id']}" if wait.get("code") == "token" else words(wait, 0).removeprefix("waits ")
        for wait in shown
    ]
    more = cause["count"] - len(shown)
    return f"waits {', '.join(parts)}" + (f", and {more:,} more" if more else "")


def _resuming(cause: dict[str, Any]) -> str:
    name = cause.get("queue")
    return "has waited, and goes on when there is a free place" + (f" in queue `{name}`" if name else "")


def _lost(cause: dict[str, Any]) -> str:
    crashes = cause.get("crashes", 1)
    return f"its worker {cause['worker']} was lost; runs again" + (f" (crash {crashes})" if crashes > 1 else "")


def _process(cause: dict[str, Any]) -> str:
    code = cause.get("exit_code")
    peak = f" (it used up to {_bytes(cause['peak'])} of memory)" if cause.get("peak") else ""
    return f"its process {'could not be started' if code is None else describe_exit(code)}{peak}"


def _shutdown(cause: dict[str, Any]) -> str:
    worker = cause.get("worker")
    return f"its worker{f' {worker}' if worker else ''} was shut down; runs again"


def _canceled(cause: dict[str, Any]) -> str:
    return f"its parent {cause['by']} was canceled or waits for it no more" if cause.get("by") else "canceled"


def _memory(cause: dict[str, Any]) -> str:
    peak = f"; it had {_bytes(cause['peak'])}" if cause.get("peak") else ""
    return f"it needed more memory than {_bytes(cause['limit'])}{peak}"


def _crashes(cause: dict[str, Any]) -> str:
    return f"{cause.get('crashes', 'several')} workers were lost while they ran it"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "delayed": lambda cause: f"delayed until {_at(cause['until'])}",
    "retry": _retry,
    "queue_limit": _queue_limit,
    "queue_paused": lambda cause: f"queue `{cause['queue']}` is paused",
    "no_worker_for_queue": lambda cause: f"no running worker takes from queue `{cause['queue']}`",
    "workers_busy": lambda cause: f"all workers are busy{_ahead(cause)}",
    "unknown_task": lambda cause: f"no running worker knows the task {cause['task']!r}",
    "version": lambda cause: f"no running worker has version {cause['version']} of the code",
    "run": _run,
    "until": lambda cause: f"waits until {_at(cause['until'])}",
    "token": _token,
    "several": _several,
    "resuming": _resuming,
    "worker_lost": _lost,
    "process": _process,
    "shutdown": _shutdown,
    "canceled": _canceled,
    "expired": lambda cause: f"it was not started within {cause['ttl']:g} s (ttl)",
    "max_duration": lambda cause: f"it took longer than {cause['seconds']:g} s (max_duration)",
    "memory": _memory,
    "crashes": _crashes,
    "queue_deleted": lambda _: "its queue was deleted",
}
