"""Where a run ran, and what of it is not in the record."""

from __future__ import annotations

from typing import Any

from runlog.config import Settings
from runlog.engines.local import live_workers
from runlog.reading.presence import plugins_told, worker_told
from runlog.stores.base import EXPORT_EVENT, Event, Reader, Run
from runlog.stores.query import And, Query, Term, format_time
from runlog.web.api.plugins import plugin_of
from runlog.web.api.types import Loss, Pairs, RunContext, Worker
from runlog.web.endpoint import Call, Endpoint

_SECONDS = 5.0
"""What is missing is found by reading all of a run."""
_AFTER = 60_000_000_000
"""Nanoseconds after a run's end in which its spans are exported."""
_RESOURCE = "resource."
_TOLD_ELSEWHERE = ("event.name", "worker.name", "process.pid", "host.name", "process.runtime.version", "runlog.version")
_REFUSED = {
    "rate": "logs over the limit of one run in a second (log.rate)",
    "full": "the spool was full, and even errors had no room",
    "invalid": "they could not be encoded",
    "spool:debug": "debug logs, as the spool was filling",
    "spool:info": "info logs, as the spool was filling",
    "spool:span": "spans and warnings, as the spool was almost full",
}
_DROPPED = {
    "attributes": "attributes over the limit of one record (limits.attributes)",
    "events": "events of a span over the limit (limits.events)",
    "links": "links of a span over the limit (limits.links)",
    "unscrubbed": "records whose text was removed, as it could not be searched for secrets",
}


def run_context(reader: Reader, settings: Settings, run: Run) -> RunContext:
    """What the workers of a run's attempts told of themselves, and what is missing in it."""
    told = {name: worker_told(reader, name) for name in _workers(reader, run)}
    live = set(live_workers(settings.queue_path))
    workers = [_worker(name, event, alive=name in live) for name, event in told.items()]
    last = next(reversed(told), None)
    return RunContext(
        workers=workers,
        plugins=[] if last is None else [plugin_of(event) for event in plugins_told(reader, last)],
        losses=_losses(reader, run),
        resource=_resource(told.get(last or "")),
        queue=_queue(run),
        versions=_versions(run, workers),
    )


def _workers(reader: Reader, run: Run) -> list[str]:
    """The names of the workers that had an attempt, the last one last."""
    named = [event.attributes.get("worker") for event in reader.attempts(run)]
    names = dict.fromkeys(str(name) for name in named if name)
    if run.worker is not None:
        names.pop(run.worker, None)
        names[run.worker] = None
    return list(names)


def _worker(name: str, told: Event | None, *, alive: bool) -> Worker:
    attributes: dict[str, Any] = told.attributes if told is not None else {}
    parts = name.rsplit("-", 2)  # host-pid-random
    pid = attributes.get("process.pid", int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else None)
    others = [(key, value) for key, value in attributes.items() if key not in _TOLD_ELSEWHERE]
    return Worker(
        id=name,
        pid=pid if isinstance(pid, int) else None,
        host=_text(attributes.get("host.name", parts[0] if len(parts) == 3 else None)),
        version=_text(attributes.get("runlog.version")),
        python=_text(attributes.get("process.runtime.version")),
        alive=alive,
        attributes=[(key, value) for key, value in others if not key.startswith(_RESOURCE) and value not in ("", [])],
    )


def _resource(told: Event | None) -> Pairs:
    attributes = {} if told is None else told.attributes
    return [(key.removeprefix(_RESOURCE), value) for key, value in attributes.items() if key.startswith(_RESOURCE)]


def _queue(run: Run) -> Pairs:
    key = (run.options or {}).get("concurrency_key")
    return [("queue", run.queue), *([("concurrency_key", key)] if key is not None else [])]


def _versions(run: Run, workers: list[Worker]) -> Pairs:
    asked = (run.options or {}).get("version")
    pairs: Pairs = [("code", run.code_version), ("asked for", asked)]
    pairs += [("runlog", worker.version) for worker in workers[-1:]]
    pairs += [("python", worker.python) for worker in workers[-1:]]
    return [(name, value) for name, value in pairs if value]


def _losses(reader: Reader, run: Run) -> list[Loss]:
    lost = reader.losses(run)
    found = [Loss("refused", count, _REFUSED.get(why, why)) for why, count in lost.refused.items()]
    found += [Loss("dropped", count, _DROPPED.get(what, what)) for what, count in lost.dropped.items()]
    if lost.truncated:
        found.append(Loss("cut", lost.truncated, "values longer than the limit (limits.value_length)"))
    return found + _not_exported(reader, run)


def _not_exported(reader: Reader, run: Run) -> list[Loss]:
    """Exporters that failed while the run went on: whether its own spans were among theirs is not known."""
    terms = [Term("name", "=", EXPORT_EVENT), Term("attr.exporter", "exists"), Term("level", ">=", "warn")]
    terms.append(Term("time", ">=", format_time(run.created)))
    if run.ended is not None:
        terms.append(Term("time", "<=", format_time(run.ended + _AFTER)))
    node = And(tuple(terms))
    failed: dict[str, Event] = {}
    for event in reader.search(Query(str(node), node)).items:
        failed.setdefault(str(event.attributes.get("exporter")), event)
    return [
        Loss("not exported", _failed(event), f"{name} failed meanwhile: {event.attributes.get('error')}")
        for name, event in failed.items()
    ]


def _failed(event: Event) -> int:
    counts = (event.attributes.get(key) for key in ("failed", "dropped"))
    return sum(count for count in counts if isinstance(count, int))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


async def context(call: Call) -> RunContext:
    settings, run_id = call.services.settings, call.path["run_id"]
    return await call.read(
        lambda reader: run_context(reader, settings, reader.run(run_id, data=False)), seconds=_SECONDS
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/runs/{run_id}/context",
        context,
        "view",
        "Where a run ran, and what of it is not in the record.",
        RunContext,
    ),
)
