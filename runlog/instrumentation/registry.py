"""Installing what the config lists. Nothing that an instrumentation does in here can stop the program."""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, cast

from opentelemetry.trace import TracerProvider

from runlog.config import Settings
from runlog.errors import InstrumentationError
from runlog.instrumentation.bounded import STUCK_SECONDS, Bounded, HungError
from runlog.instrumentation.contract import Instrumentation, InstrumentationState, State
from runlog.instrumentation.layers import Layers
from runlog.instrumentation.lookup import Found, UnusableError, find, normalised
from runlog.instrumentation.patch import MAX_ERRORS, InstrumentationPatch
from runlog.instrumentation.plugin import Installable, Plugin, pip_line
from runlog.logger import write_log
from runlog.recording import get_recorder
from runlog.recording.clean import clean_text
from runlog.stores.base import WARN
from runlog.tracing.scope import current_place

DISABLED_VARIABLE = "RUNLOG_DISABLE_INSTRUMENTATIONS"
"""Environment: names that are not installed though they are listed, separated by commas, or `*`."""


def install_all(settings: Settings, provider: TracerProvider) -> Instrumentations:
    """Install every instrumentation that `settings` lists, in their order; raises nothing.

    They trace with `provider`. Import strings are also found in the project's folder. Ask `problems`, or call
    `raise_for_errors()`.
    """
    return install(settings.instrumentations, settings.instrumentation, provider, root=settings.root)


def install(
    listed: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    provider: TracerProvider,
    *,
    root: Path | None = None,
    stuck_seconds: float = STUCK_SECONDS,
) -> Instrumentations:
    """Install instrumentations by name or import string, each with its table of `options`."""
    instrumentations = Instrumentations(provider, options, stuck_seconds)
    for name in dict.fromkeys(item.strip() for item in listed):
        instrumentations.install(name, root)
    instrumentations.report_unlisted()
    return instrumentations


class Instrumentations:
    """The instrumentations of a process, in the order in which they were listed."""

    def __init__(
        self,
        provider: TracerProvider,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._provider, self._stuck_seconds = provider, stuck_seconds
        self._tables = {normalised(name): table for name, table in (options or {}).items()}
        self._layers = Layers()
        self._installed: list[tuple[InstrumentationState, InstrumentationPatch]] = []
        self.states: list[InstrumentationState] = []

    def __iter__(self) -> Iterator[InstrumentationState]:
        return iter(self.states)

    @property
    def problems(self) -> list[InstrumentationState]:
        return [state for state in self.states if state.is_problem]

    def spans(self) -> dict[str, int]:
        """How many spans each that is installed has made so far, by its name."""
        return {state.name: self._layers.spans(patch.name) for state, patch in self._installed}

    def install(
        self, name: str, root: Path | None = None, options: Mapping[str, Any] | None = None
    ) -> InstrumentationState:
        """Install one, by its name or import string. Takes at most a few seconds, whatever it does."""
        if options is not None:
            self._tables[normalised(name)] = options
        return self._install(name, lambda: find(name, root))

    def install_class(
        self, kind: type[Instrumentation[Any]], options: Mapping[str, Any] | None = None
    ) -> InstrumentationState:
        """Install an instrumentation that is at hand."""
        self._tables[normalised(kind.name)] = options or {}
        place = f"{kind.__module__}:{kind.__qualname__}"
        return self._install(kind.name, lambda: Found(kind.name, place, place, loaded=kind))

    def _install(self, name: str, found: Callable[[], Found]) -> InstrumentationState:
        state = InstrumentationState(name, "failed")
        self.states.append(state)
        if _is_disabled(name):
            state.state, state.reason = "disabled", f"{DISABLED_VARIABLE} names it"
            self._tables.pop(normalised(name), None)
            return state
        start = time.perf_counter()
        attempt = _Attempt(state, found, self._tables, self._provider, self._layers)
        bounded = Bounded(attempt.run, f"runlog-install-{name}", on_late=lambda _: attempt.abandon())
        try:
            bounded.run(self._stuck_seconds)
            state.state = "active"
            if attempt.patch is not None:
                self._installed.append((state, attempt.patch))
        except BaseException as error:
            _describe(state, error, attempt.stage)
            attempt.abandon()
            if isinstance(error, KeyboardInterrupt | SystemExit) and not bounded.raised(error):
                raise
        state.milliseconds = (time.perf_counter() - start) * 1000
        return state

    def report_unlisted(self) -> None:
        """Note option tables of what is not listed: it may be a name that was mistyped."""
        for name in self._tables:
            self.states.append(
                InstrumentationState(
                    name,
                    "bad-options",
                    f"[instrumentation.{name}] has options, but {name!r} is not listed",
                    f'add "{name}" to instrumentations, or delete the table',
                )
            )

    def raise_for_errors(self) -> None:
        """Raise one InstrumentationError that lists every instrumentation that could not be installed."""
        problems = self.problems
        if not problems:
            return
        lines = []
        for state in problems:
            lines.append(f"  {state.name}: {state.state}: {state.reason}")
            if state.fix:
                lines.append(f"      {state.fix}")
        count = f"{len(problems)} instrumentations" if len(problems) > 1 else "an instrumentation"
        raise InstrumentationError(f"{count} of the config cannot be installed; the rest are", "\n".join(lines))

    def uninstall(self) -> None:
        """Take everything back, the last one first; raises nothing. A second call does nothing."""
        while self._installed:
            state, patch = self._installed.pop()
            state.state = "removed"
            try:
                failed = Bounded(patch.close, f"runlog-uninstall-{state.name}").run(self._stuck_seconds)
                state.notes += [f"uninstall failed: {_one_line(error)}" for error in failed]
            except HungError as error:
                state.notes.append(f"uninstall {error}")
            except BaseException as error:  # noqa: BLE001
                state.notes.append(f"uninstall failed: {_one_line(error)}")
            self._layers.uncover(patch.name)


class _Attempt:
    """The steps of one install. `stage` says which is being done."""

    def __init__(
        self,
        state: InstrumentationState,
        found: Callable[[], Found],
        tables: dict[str, Mapping[str, Any]],
        provider: TracerProvider,
        layers: Layers,
    ) -> None:
        self._state, self._found, self._tables = state, found, tables
        self._provider, self._layers = provider, layers
        self.stage = "finding it"
        self.patch: InstrumentationPatch | None = None

    def run(self) -> None:
        state = self._state
        found = self._found()
        state.source = found.source
        _set_distribution(state, found.distribution)
        self.stage = "importing it"
        name, plugin = _load(found)
        state.notes = plugin.notes
        state.targets = plugin.check()
        self.stage = "reading its options"
        plugin.read_options(self._table(state.name, name))
        state.options = plugin.options
        self.stage = "installing it"
        provider = self._layers.provider(self._provider, name)
        self.patch = InstrumentationPatch(name, provider, state.version, self._failed)
        self._layers.cover(name, (normalised(covered) for covered in plugin.covers))
        plugin.install(self.patch)

    def _table(self, *names: str) -> Mapping[str, Any]:
        """Options stand under what the config lists or, for an import string, under the instrumentation's name."""
        tables = [self._tables.pop(key) for key in dict.fromkeys(map(normalised, names)) if key in self._tables]
        return tables[0] if tables else {}

    def abandon(self) -> None:
        """Take back what was changed, and refuse what a thread that was left behind may still change."""
        if self.patch is not None:
            self._layers.uncover(self.patch.name)
            try:
                Bounded(self.patch.close, "runlog-undo").run()
            except BaseException as error:  # noqa: BLE001
                self._state.notes.append(f"undo failed: {_one_line(error)}")

    def _failed(self, error: Exception) -> None:
        state = self._state
        state.errors += 1
        state.reason = f"while tracing: {_one_line(error)}"
        if self.patch is not None and self.patch.is_off:
            state.state = "failed"
            state.reason += f" ({state.errors} errors; it is switched off)"
        if state.errors <= MAX_ERRORS:
            _log_failure(state)


def _log_failure(state: InstrumentationState) -> None:
    """Say it where it happened: in the run, which no other process knows of."""
    recorder = get_recorder()
    message = "the instrumentation {instrumentation} failed {reason}"
    attributes = {"instrumentation": state.name, "reason": clean_text(state.reason or "", recorder.limits)}
    write_log(recorder, WARN, "runlog.instrumentation", message, attributes, None, current_place())


def _load(found: Found) -> tuple[str, Installable]:
    from runlog.instrumentation import otel

    if found.source == "opentelemetry":
        otel.check_distribution(found.distribution, found.name)
    try:
        value = found.load()
    except ModuleNotFoundError as error:
        raise _missing_module(found, error) from error
    except AttributeError as error:
        raise UnusableError("not-found", f"{found.value}: {error}", _module_fix(found)) from error
    if isinstance(value, type) and issubclass(value, Instrumentation):
        instrumentation = value()
        return normalised(value.name), Plugin(instrumentation)
    if isinstance(value, Instrumentation):
        return normalised(value.name), Plugin(value)
    if otel.is_instrumentor(value):
        instrumentor = value() if isinstance(value, type) else value
        return found.name, otel.OpenTelemetryAdapter(instrumentor, found.name, found.distribution)
    raise UnusableError(
        "failed",
        f"{found.value} is neither a runlog Instrumentation nor an OpenTelemetry instrumentor",
        "give the import string of a class that derives from runlog.instrumentation.Instrumentation",
    )


def _missing_module(found: Found, error: ModuleNotFoundError) -> UnusableError:
    missing = error.name or "?"
    own = found.value.partition(":")[0]
    if own == missing or own.startswith(missing + "."):
        return UnusableError("not-found", f"there is no module {missing!r}", _module_fix(found))
    package = missing.partition(".")[0]
    return UnusableError("target-missing", f"{package} is not installed", pip_line(_requirement(found, package)))


def _requirement(found: Found, package: str) -> str:
    """Return what a distribution says of the package that it instruments: `httpx>=0.24,<1`."""
    for line in (found.distribution.requires if found.distribution is not None else None) or ():
        requirement = line.partition(";")[0].strip()
        if normalised(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) == normalised(package):
            return requirement.replace(" ", "")
    return package


def _module_fix(found: Found) -> str | None:
    if found.distribution is not None:
        return f"pip install --force-reinstall {found.distribution.name}"
    return "create it in the project's folder, or correct the import string"


def _set_distribution(state: InstrumentationState, distribution: Distribution | None) -> None:
    if distribution is not None:
        state.distribution, state.version = distribution.name, distribution.version


def _describe(state: InstrumentationState, error: BaseException, stage: str) -> None:
    if isinstance(error, UnusableError):
        state.state, state.reason, state.fix = cast("State", error.state), error.reason, error.fix
    elif isinstance(error, HungError):
        state.state, state.reason = "hung", f"{stage} {error}"
        state.fix = f'take "{state.name}" out of instrumentations'
    else:
        state.state, state.reason = "failed", f"{stage}: {_one_line(error)}{_place(error)}"
        state.fix = f'mend it, or take "{state.name}" out of instrumentations'


def _place(error: BaseException) -> str:
    """Say where it was raised: the end of what a traceback would show."""
    own = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith((own, "<"))]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames and not isinstance(error, SyntaxError) else ""


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001
        text = ""
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def _is_disabled(name: str) -> bool:
    disabled = {normalised(item) for item in os.environ.get(DISABLED_VARIABLE, "").split(",") if item.strip()}
    return "*" in disabled or normalised(name) in disabled
