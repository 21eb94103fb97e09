"""What `runlog doctor` looks at. Nothing is changed, and no check stops another."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from runlog.cli.project import load_settings
from runlog.cli.version import DISTRIBUTION, installed
from runlog.config import Settings
from runlog.errors import ConfigError, RunlogError
from runlog.reading.clock import age
from runlog.reading.opening import has_log
from runlog.reading.text import counted, size_text
from runlog.stores.base import EXPORT_EVENT, WARN, Event

_SAFE_SQLITE = (3, 51, 3)
_LITTLE_DISK = 256 * 1024 * 1024
_BACKLOG = 64 * 1024 * 1024
_RECENT = 86_400 * 1_000_000_000
"""How old (ns) an exporter's failure may be to be told."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer; `fix` is what to do."""

    name: str
    state: Literal["ok", "warn", "error"]
    text: str
    fix: str | None = None


def run_checks() -> Iterator[Check]:
    """Every check in turn. With a config that cannot be read there is nothing else to look at."""
    yield from _guarded("runlog", _versions)
    try:
        settings = load_settings()
    except ConfigError as error:
        yield Check("config", "error", ": ".join(filter(None, (error.what, error.why))), error.fix)
        return
    checks: list[tuple[str, Callable[[Settings], Iterator[Check]]]] = [
        ("config", _config),
        ("folder", _folder),
        ("run log", _log),
        ("queue", _queue),
        ("spool", _spool),
        ("instrumentations", _instrumentations),
        ("exporters", _exporters),
    ]
    for name, check in checks:
        yield from _guarded(name, partial(check, settings))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except RunlogError as error:
        yield Check(name, "error", " ".join(filter(None, (error.what, error.why))), error.fix)
    except Exception as error:  # noqa: BLE001 - a check that breaks is an answer, too
        yield Check(name, "error", f"the check failed: {type(error).__name__}: {error}")


def _versions() -> Iterator[Check]:
    import apsw

    text = f"runlog {installed(DISTRIBUTION)}, Python {sys.version.split()[0]}, SQLite {apsw.sqlite_lib_version()}"
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < _SAFE_SQLITE:
        why = "; SQLite before 3.51.3 can damage a log that several processes write (runlog's lock prevents it)"
        yield Check("runlog", "warn", text + why, "pip install --upgrade apsw")
    else:
        yield Check("runlog", "ok", text)


def _config(settings: Settings) -> Iterator[Check]:
    if settings.source is None:
        text = f"no runlog.toml and no [tool.runlog] at {settings.root} or above: every setting has its default"
        yield Check("config", "warn", text, "echo 'tasks = [\"tasks\"]' > runlog.toml")
        return
    yield Check("config", "ok", f"{settings.source}")
    if not settings.tasks:
        yield Check("tasks", "warn", "the config names no modules with tasks", 'tasks = ["tasks"]')
        return
    missing = [name for name in settings.tasks if not _module_exists(settings.root, name)]
    if missing:
        text = f"no module {', '.join(map(repr, missing))} is found from {settings.root}"
        yield Check("tasks", "error", text, f"correct tasks in {settings.source}, or install the package")
    else:
        yield Check("tasks", "ok", ", ".join(settings.tasks))


def _module_exists(root: Path, name: str) -> bool:
    """Whether a module can be found, looked up without importing anything of the project."""
    from importlib.machinery import PathFinder

    path: list[str] | None = [str(root), *sys.path]
    spec = None
    for index in range(name.count(".") + 1):
        spec = PathFinder.find_spec(".".join(name.split(".")[: index + 1]), path)
        if spec is None:
            return False
        path = list(spec.submodule_search_locations or [])
    return spec is not None


def _folder(settings: Settings) -> Iterator[Check]:
    folder = settings.folder
    place = folder if folder.exists() else settings.root
    if not os.access(place, os.W_OK | os.X_OK):
        text = f"{place} cannot be written: records stay in memory and are lost with their process"
        yield Check("folder", "error", text, f"make it writable for this user: chmod u+rwx {place}")
        return
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    if free < _LITTLE_DISK:
        text = f"{size_text(free)} are left on the disk of {folder}"
        yield Check("folder", "warn", text, "free some space, or: runlog prune --max-size 100")
    elif folder.exists() and folder.stat().st_mode & 0o077:
        text = f"others can look into {folder} (mode {folder.stat().st_mode & 0o777:o})"
        yield Check("folder", "warn", text, f"chmod 700 {folder}")
    else:
        yield Check("folder", "ok", f"{folder}, {size_text(free)} free on its disk")


def _log(settings: Settings) -> Iterator[Check]:
    path = settings.log_path
    if not has_log(settings):
        yield Check("run log", "ok", f"nothing is recorded yet ({path})")
        return
    from runlog.stores import open_reader
    from runlog.stores.sqlite.check import check_log

    health = check_log(path)
    if health.problems:
        text = f"{path} is damaged: {'; '.join(health.problems[:3])}"
        yield Check("run log", "error", text, f"mv {path} {path}.old   # a new one is started; the queue is elsewhere")
        return
    log = open_reader(settings)
    try:
        numbers = log.statistics()
    finally:
        log.close()
    size = size_text(numbers.size)
    kept = f"{counted(numbers.runs, 'run')}, {counted(numbers.events, 'record')}"
    text = f"{kept}, {size}, schema {numbers.schema}, sound"
    most = settings.retention.max_size * 1024 * 1024
    if most and numbers.size > 1.2 * most:
        yield Check("run log", "warn", f"{text}; retention.max_size is {size_text(most)}", "runlog prune")
    else:
        yield Check("run log", "ok", text)
    for moved in health.moved_aside:
        text = f"a damaged log was moved aside: {moved} ({size_text(moved.stat().st_size)})"
        yield Check("run log", "warn", text, f"look at it with sqlite3, or: rm {moved}*")


def _queue(settings: Settings) -> Iterator[Check]:
    path = settings.queue_path
    if not path.exists():
        yield Check("queue", "ok", "no run was ever queued")
        return
    from runlog.engines.local import live_workers
    from runlog.system.sqlite import connect_reader

    connection = connect_reader(path)
    try:
        rows = connection.execute("PRAGMA quick_check(3)").fetchall()
    finally:
        connection.close()
    damage = [str(row[0]) for row in rows if row[0] != "ok"]
    workers = len(live_workers(path))
    if damage:
        yield Check(
            "queue", "error", f"{path} is damaged: {'; '.join(damage)}", f"stop the workers, then: mv {path} {path}.old"
        )
    else:
        who = f"{counted(workers, 'worker')} on this machine"
        yield Check("queue", "ok", f"{who}, {size_text(path.stat().st_size)}, sound")
    for moved in sorted(path.parent.glob(path.name + ".damaged-*")):
        if not moved.name.endswith(("-wal", "-shm")):
            text = f"a damaged queue was moved aside: {moved}; the runs in it are not executed"
            yield Check("queue", "warn", text, f"look at it with sqlite3, or: rm {moved}*")


def _spool(settings: Settings) -> Iterator[Check]:
    from runlog.recording.recovery import dead_spools

    root = settings.spool_path
    if not root.is_dir():
        yield Check("spool", "ok", "empty")
        return
    dead = {path.name for path in dead_spools(root)}
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]  # one being made
    size = sum(_size(folder) for folder in folders)
    live = len(folders) - len(dead)
    if dead:
        who = "1 process" if len(dead) == 1 else f"{len(dead)} processes"
        text = f"{who} died with records that are not in the log yet"
        yield Check("spool", "warn", text, "runlog runs   # any command that reads stores them")
    elif size > _BACKLOG and size > settings.spool.size * 1024 * 1024 * 0.5:
        text = f"{size_text(size)} of {settings.spool.size} MiB hold records that wait to be stored"
        yield Check("spool", "warn", text, "see whether the disk is full, or another program holds the log locked")
    else:
        who = "1 live process" if live == 1 else f"{live} live processes"
        yield Check("spool", "ok", f"{who}, {size_text(size)} reserved" if live else "empty")


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except OSError:  # its process has just ended
        return 0


def _instrumentations(settings: Settings) -> Iterator[Check]:
    if not settings.instrumentations and not settings.instrumentation:
        yield Check("instrumentations", "ok", "none listed")
        return
    from runlog.cli.instrumentations import try_instrumentations

    for state in try_instrumentations(settings):
        name = f"  {state.name}"
        if state.is_problem:
            yield Check(name, "error", f"{state.state}: {state.reason}", state.fix)
        else:
            what = ", ".join(state.targets) or state.reason or ""
            notes = "; ".join(state.notes)
            text = f"{state.state}{': ' + what if what else ''}{'; ' + notes if notes else ''}"
            yield Check(name, "warn" if state.notes else "ok", text)


def _exporters(settings: Settings) -> Iterator[Check]:
    from runlog.tracing.loading import load_exporter, load_processor

    loaders: dict[str, Callable[[str], object]] = {
        **dict.fromkeys(settings.export.processors, load_processor),
        **dict.fromkeys(settings.export.exporters, load_exporter),
    }
    if not loaders:
        yield Check("exporters", "ok", "none listed")
        return
    sys.path.insert(0, str(settings.root))
    try:
        for name, loader in loaders.items():
            yield from _guarded("exporters", partial(_exporter, settings, name, loader))
    finally:
        sys.path.remove(str(settings.root))


def _exporter(settings: Settings, name: str, loader: Callable[[str], object]) -> Iterator[Check]:
    start = time.perf_counter()
    loaded = loader(name)
    shutdown = getattr(loaded, "shutdown", None)
    if callable(shutdown):
        shutdown()
    milliseconds = (time.perf_counter() - start) * 1000
    text = f"{name}: {type(loaded).__name__} loads ({milliseconds:.0f} ms)"
    told = _last_export_event(settings, name)
    now = time.time_ns()
    if told is None or told.level < WARN or told.time < now - _RECENT:
        yield Check("exporters", "ok", text)
        return
    found = told.attributes
    text = (
        f"{name} failed {age(told.time, now)}: {found.get('error')}"
        f" ({found.get('failed')} spans failed, {found.get('dropped')} dropped; they are in the run log)"
    )
    where = "see that its receiver runs"
    if name.strip().lower() == "otlp":
        endpoint = getattr(loaded, "_endpoint", None) or "what OTEL_EXPORTER_OTLP_ENDPOINT says"
        where = f"see that a receiver listens at {endpoint}; OTEL_EXPORTER_OTLP_ENDPOINT sets it"
    yield Check("exporters", "warn", text, f"{where}; all of it: runlog search name:{EXPORT_EVENT}")


def _last_export_event(settings: Settings, name: str) -> Event | None:
    """What a process last said of an exporter: that it fails, or works again. None: no process did."""
    from runlog.stores import open_reader
    from runlog.stores.query import And, Query, Term

    if not settings.log_path.exists():
        return None
    node = And((Term("name", "=", EXPORT_EVENT), Term("attr.exporter", "=", name)))
    log = open_reader(settings)
    try:
        found = log.search(Query(str(node), node), limit=1, budget=5.0).items
    finally:
        log.close()
    return found[0] if found else None
