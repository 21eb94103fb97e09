"""Settings: a project's file < environment < arguments."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runlog.errors import ConfigError
from runlog.system.version import git_commit

CONFIG_FILE = "runlog.toml"
PYPROJECT_FILE = "pyproject.toml"
DATA_FOLDER = ".runlog"

Level = Literal["debug", "info", "warn", "error"]
Seconds = Annotated[float, Field(ge=0, le=100 * 365 * 86_400, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LogSettings(_Section):
    """`[log]`: what the logger records. `RUNLOG_LOG_LEVEL` wins over `level`."""

    level: Level = "info"
    rate: Annotated[int, Field(ge=0)] = 10_000
    """Logs a second that one run may write before they are refused (and counted); 0 is no limit. Errors pass."""


class ConsoleSettings(_Section):
    """`[console]`: records shown in the terminal. With `spans`, also each span as it ends."""

    enabled: bool = True
    level: Level = "info"
    spans: bool = False


class CaptureSettings(_Section):
    """`[capture]`: what is taken into the run it belongs to."""

    logging: bool = True
    stdout: bool = True
    stderr: bool = True
    warnings: bool = True


class LimitSettings(_Section):
    """`[limits]`: sizes in characters (values) and bytes (payload, output). `OTEL_*_LIMIT` wins where set."""

    attributes: Annotated[int, Field(ge=1)] = 1024
    value_length: Annotated[int, Field(ge=64)] = 131_072
    events: Annotated[int, Field(ge=0)] = 128
    links: Annotated[int, Field(ge=0)] = 128
    payload: Annotated[int, Field(ge=1)] = 3_000_000
    output: Annotated[int, Field(ge=1)] = 10_000_000


class ScrubSettings(_Section):
    """`[scrub]`: what counts as a secret beside the built-in rules, which a project cannot switch off."""

    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class SpoolSettings(_Section):
    """`[spool]`: the files that hold records until they are stored; sizes in MiB."""

    size: Annotated[int, Field(ge=8)] = 512
    segment_size: Annotated[float, Field(gt=0, le=64)] = 1.0


class RetentionSettings(_Section):
    """`[retention]`: when ended runs are deleted; `max_size` in MiB. 0 is never."""

    days: Annotated[float, Field(ge=0)] = 30
    max_size: Annotated[float, Field(ge=0)] = 2048


class WorkerSettings(_Section):
    """`[worker]`: how runs are executed; seconds.

    `concurrency` is runs at once and `threads` sync tasks at once, in each of the `processes` of `runlog worker`.
    """

    concurrency: Annotated[int, Field(ge=1)] = 10
    processes: Annotated[int, Field(ge=1)] = 1
    queues: tuple[Annotated[str, Field(pattern=r"^\S{1,128}$")], ...] = ()
    """Runs of these only, if there are any."""
    grace: Seconds = 30
    watchdog_grace: Seconds = 10
    """After its `max_duration` an attempt has so long to react, before it is ended over its head."""
    threads: Annotated[int, Field(ge=1)] = 40
    lease: Annotated[float, Field(ge=0.5, le=86_400, allow_inf_nan=False)] = 12
    """A worker that shows no sign of life for so long loses its runs, where its death cannot be seen; it is renewed
    every third of it. Workers on one queue have to agree."""


class ExportSettings(_Section):
    """`[export]`: OpenTelemetry processors and exporters that receive each span as well.

    Items are import strings `module:Class`, or `otlp` for OTLP over HTTP (configured by `OTEL_EXPORTER_OTLP_*`).
    """

    exporters: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()


class UiSettings(_Section):
    """`[ui]`: the web page. Where it listens is chosen where it is started. `RUNLOG_UI_URL` wins over `url`."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?$")] = "http://127.0.0.1:4477"
    """Where others reach it: what the callbacks of tokens begin with."""


class Settings(_Section):
    """Everything that can be set. `root` is the project's folder; what it keeps is in `.runlog/` there."""

    root: Path = Field(default_factory=Path.cwd, exclude=True)
    source: Path | None = Field(default=None, exclude=True)
    """The file that the settings came from, or None."""

    tasks: tuple[str, ...] = ()
    version: str | None = None
    """The version of the project's code; None: the git commit of its folder, where there is one."""
    instrumentations: tuple[str, ...] = ()
    instrumentation: dict[str, dict[str, Any]] = Field(default_factory=dict)
    database: str = f"sqlite:///{DATA_FOLDER}"
    store: str | None = None
    log: LogSettings = LogSettings()
    console: ConsoleSettings = ConsoleSettings()
    capture: CaptureSettings = CaptureSettings()
    limits: LimitSettings = LimitSettings()
    scrub: ScrubSettings = ScrubSettings()
    spool: SpoolSettings = SpoolSettings()
    retention: RetentionSettings = RetentionSettings()
    worker: WorkerSettings = WorkerSettings()
    export: ExportSettings = ExportSettings()
    ui: UiSettings = UiSettings()

    @property
    def folder(self) -> Path:
        """The folder that holds what the project keeps: `.runlog/` beside the config file."""
        return self.root / DATA_FOLDER

    @property
    def code_version(self) -> str | None:
        """`version`, or else the git commit of the project's folder."""
        return self.version or git_commit(self.root)

    @property
    def queue_path(self) -> Path:
        return self._sqlite_folder(self.database) / "queue.db"

    @property
    def log_path(self) -> Path:
        return self._sqlite_folder(self.store or self.database) / "log.db"

    @property
    def spool_path(self) -> Path:
        return self.folder / "spool"

    def _sqlite_folder(self, url: str) -> Path:
        scheme, separator, path = url.partition(":///")
        if scheme != "sqlite" or not separator or not path:
            raise ConfigError(
                f"cannot use the database {url!r}",
                "this version of runlog keeps its data in SQLite",
                f'database = "sqlite:///{DATA_FOLDER}"   # a folder, relative to the project',
            )
        return self.root / path

    @classmethod
    def load(
        cls,
        start: Path | None = None,
        arguments: Mapping[str, Any] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Self:
        """Find the project at `start` (the current folder) or above it and read its settings.

        Without a config file the project is `start` itself, with every default. `arguments` is nested like the
        file and wins over it and over the environment; `options` is the option of a command, such as `--queue`, that an
        argument came from, by the argument's name (`worker.queues`). Raises ConfigError.
        """
        start = (start or Path.cwd()).resolve()
        root, source, values = _find(start)
        merged = _merge(_merge(values, _from_environment()), arguments or {})
        try:
            return cls.model_validate({**merged, "root": root, "source": source})
        except ValidationError as error:
            raise _config_error(error, source, arguments or {}, options or {}) from None

    @classmethod
    def salvage(cls, start: Path | None = None) -> Self:
        """Like `load`, for recording that has to go on: settings that are wrong are left out, the others count.

        Raises nothing. Of a file that is no TOML only the place is known.
        """
        root, source, values = _find_leniently((start or Path.cwd()).resolve())
        values = _merge(values, _from_environment())
        for pattern in list(_patterns(values)):
            try:
                re.compile(pattern)
            except (re.error, TypeError, RecursionError):
                _patterns(values).remove(pattern)
        while True:
            try:
                return cls.model_validate({**values, "root": root, "source": source})
            except ValidationError as error:
                left_out = [_leave_out(values, item["loc"]) for item in error.errors()]
                if not any(left_out):
                    return cls(root=root)


# Environment variables, and the setting that each one is. OTEL_* limits are the SDK's names for ours.
_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "RUNLOG_LOG_LEVEL": ("log", "level"),
    "RUNLOG_DATABASE": ("database",),
    "RUNLOG_STORE": ("store",),
    "RUNLOG_CONSOLE": ("console", "enabled"),
    "RUNLOG_CONSOLE_LEVEL": ("console", "level"),
    "RUNLOG_CONCURRENCY": ("worker", "concurrency"),
    "RUNLOG_VERSION": ("version",),
    "RUNLOG_UI_URL": ("ui", "url"),
    "OTEL_ATTRIBUTE_COUNT_LIMIT": ("limits", "attributes"),
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ("limits", "attributes"),
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("limits", "value_length"),
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("limits", "value_length"),
    "OTEL_SPAN_EVENT_COUNT_LIMIT": ("limits", "events"),
    "OTEL_SPAN_LINK_COUNT_LIMIT": ("limits", "links"),
}
_FORBIDDEN = {
    "host": "the bind address is chosen where the page is started",
    "port": "the bind address is chosen where the page is started",
    "token": "a token in a project's file would be shared with its code",
    "root": "the project is where its config file is",
    "source": "the project is where its config file is",
}


def _find(start: Path) -> tuple[Path, Path | None, dict[str, Any]]:
    for folder in (start, *start.parents):
        own, shared = folder / CONFIG_FILE, folder / PYPROJECT_FILE
        table = _read(shared).get("tool", {}).get("runlog") if shared.is_file() else None
        if own.is_file() and table is not None:
            raise ConfigError(
                f"{folder} has two configs: {CONFIG_FILE} and [tool.runlog] in {PYPROJECT_FILE}",
                "runlog reads one of them, and cannot know which is meant",
                f"move the settings into one file: delete {own}, or [tool.runlog] from {shared}",
            )
        if own.is_file():
            return folder, own, _checked(_read(own), own)
        if table is not None:
            return folder, shared, _checked(table, shared)
    return start, None, {}


def _find_leniently(start: Path) -> tuple[Path, Path | None, dict[str, Any]]:
    for folder in (start, *start.parents):
        for path in (folder / CONFIG_FILE, folder / PYPROJECT_FILE):
            if not path.is_file():
                continue
            try:
                values = _read(path)
            except ConfigError:
                values = {}
            if path.name == PYPROJECT_FILE:
                values = values.get("tool", {}).get("runlog")
            if isinstance(values, dict):
                return folder, path, {name: value for name, value in values.items() if name not in _FORBIDDEN}
    return start, None, {}


def _patterns(values: dict[str, Any]) -> list[Any]:
    scrub = values.get("scrub")
    patterns = scrub.get("patterns") if isinstance(scrub, dict) else None
    return patterns if isinstance(patterns, list) else []


def _leave_out(values: Any, place: tuple[int | str, ...]) -> bool:
    """Delete what stands at `place`, or the nearest above it that is there; say whether there was any."""
    *above, last = place
    for name in above:
        below = values.get(name) if isinstance(values, dict) else None
        if not isinstance(below, dict):
            last = name
            break
        values = below
    return isinstance(values, dict) and values.pop(last, None) is not None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML", str(error)) from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}", error.strerror) from None


def _checked(values: dict[str, Any], source: Path) -> dict[str, Any]:
    page = values.get("ui")
    for name in (values.keys() | (page.keys() if isinstance(page, dict) else set())) & _FORBIDDEN.keys():
        raise ConfigError(
            f"{source}: {name!r} cannot be set in a project", _FORBIDDEN[name], f"delete the line with {name!r}"
        )
    scrub = values.get("scrub")
    if scrub is False or (isinstance(scrub, dict) and "enabled" in scrub):
        raise ConfigError(
            f"{source}: a project cannot switch scrubbing off",
            fix="delete the line; [scrub] takes keys and patterns to add",
        )
    return values


def _from_environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, path in _ENVIRONMENT.items():
        text = os.environ.get(variable, "").strip()
        if not text:
            continue
        *parents, name = path
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[name] = text.lower() if name == "level" else text
    return values


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


_MESSAGES = {"tuple_type": "this must be a list", "string_pattern_mismatch": "1 to 128 characters, and no spaces"}


def _config_error(
    error: ValidationError, source: Path | None, arguments: Mapping[str, Any], options: Mapping[str, str]
) -> ConfigError:
    problems, places = [], []
    for item in error.errors():
        *parents, last = path = tuple(str(part) for part in item["loc"])
        place, name = _origin(path, source, arguments, options)
        places.append(place)
        if item["type"] == "extra_forbidden":
            problems.append(f"unknown setting {name!r}{_nearest(parents, last)}")
        else:
            problems.append(f"{name} = {item['input']!r}: {_MESSAGES.get(item['type'], item['msg'])}")
    return ConfigError(f"wrong settings in {' and '.join(dict.fromkeys(places))}", "\n".join(problems))


def _origin(
    path: tuple[str, ...], source: Path | None, arguments: Mapping[str, Any], options: Mapping[str, str]
) -> tuple[str, str]:
    """Where a setting was given, and what it is called there."""
    name = ".".join(path)
    value: Any = arguments
    for part in path:
        if not isinstance(value, Mapping):
            break
        value = value.get(part, _NOT_GIVEN)
    if value is not _NOT_GIVEN:
        option = next((option for setting, option in options.items() if f"{name}.".startswith(f"{setting}.")), None)
        return ("the arguments", name) if option is None else ("the command's options", option)
    for variable, setting in _ENVIRONMENT.items():
        if path[: len(setting)] == setting and os.environ.get(variable, "").strip():
            return "the environment", variable
    return str(source), name


_NOT_GIVEN = object()


def _nearest(parents: list[str], name: str) -> str:
    model: type[BaseModel] = Settings
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        model = annotation
    names = [field for field in model.model_fields if field not in ("root", "source")]
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(sorted(names))}"
