"""What an instrumentation is, and what it is given when it is installed."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from runlog.instrumentation.patch import InstrumentationPatch

State = Literal[
    "active", "disabled", "not-found", "target-missing", "incompatible", "bad-options", "failed", "hung", "removed"
]


class Options(BaseModel):
    """Base of an instrumentation's options: the table `[instrumentation.NAME]`. An unknown option is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Target:
    """A library that is instrumented.

    `module` is what is imported, `distribution` what is installed (None: part of Python) and `specifier` the versions
    that are supported, as in `>=2.0,<3`.
    """

    module: str
    distribution: str | None = None
    specifier: str = ""

    @property
    def requirement(self) -> str:
        """What to give to pip."""
        return f"{self.distribution or self.module}{self.specifier}"


OptionsT = TypeVar("OptionsT", bound=BaseModel)


class Instrumentation(ABC, Generic[OptionsT]):
    """Traces a library. A subclass names what it targets and says in `install` what to change.

    Everything that `install` changes goes through the patch, which takes it back: there is no uninstall to write.
    The class is instantiated without arguments, once for each install.
    """

    name: ClassVar[str]
    """What the config lists; lower case, words joined by `-`."""
    targets: ClassVar[tuple[Target, ...]] = ()
    covers: ClassVar[frozenset[str]] = frozenset()
    """Names of instrumentations of lower layers: they are silent within a span of this one."""
    options_type: ClassVar[type[BaseModel]] = Options
    """Set by the type argument: `class MyInstrumentation(Instrumentation[MyOptions])`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            arguments = typing.get_args(base) if typing.get_origin(base) is Instrumentation else ()
            if arguments and isinstance(arguments[0], type):
                cls.options_type = arguments[0]

    @abstractmethod
    def install(self, patch: InstrumentationPatch, options: OptionsT) -> None:
        """Change the target through `patch`. What this raises is reported, and its changes are taken back."""


@dataclass(slots=True)
class InstrumentationState:
    """What became of one instrumentation that the config lists."""

    name: str
    state: State
    reason: str | None = None
    """Why it is not active."""
    fix: str | None = None
    """The line to type."""
    source: str | None = None
    """Where it comes from: `runlog`, `opentelemetry` (adapted) or the import string."""
    distribution: str | None = None
    version: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """Those it works with, also by default, as plain data."""
    targets: list[str] = field(default_factory=list)
    """What it instruments, with versions: `httpx 0.28.1`."""
    milliseconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    errors: int = 0
    """Errors of its own while tracing; none of them reached the program."""

    @property
    def is_problem(self) -> bool:
        return self.state not in ("active", "disabled", "removed")
