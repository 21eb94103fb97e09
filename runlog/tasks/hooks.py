"""Functions that are called at the turns of a run: of one task, or of all."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from runlog.errors import TaskError

HookName = Literal[
    "on_start_attempt",
    "on_success",
    "on_failure",
    "on_complete",
    "on_cancel",
    "on_wait",
    "on_resume",
    "catch_error",
]
_VALUES: dict[HookName, tuple[str, ...]] = {
    "on_start_attempt": (),
    "on_success": ("output",),
    "on_failure": ("error",),
    "on_complete": ("result",),
    "on_cancel": ("reason",),
    "on_wait": ("reason",),
    "on_resume": (),
    "catch_error": ("error",),
}
HOOK_NAMES: tuple[HookName, ...] = tuple(_VALUES)
F = TypeVar("F", bound=Callable[..., Any])


class Hook:
    """One function, and which of the values that a hook has it takes."""

    def __init__(self, name: HookName, function: Callable[..., Any]) -> None:
        """Raises TaskError if the function takes what this hook does not have."""
        self.name, self.function = name, function
        inner = inspect.unwrap(function)
        code = getattr(inner, "__code__", None)
        qualified = getattr(inner, "__qualname__", repr(inner))
        self.origin = (code.co_filename if code else "?", qualified)
        """Where it was defined: the same for a module that is imported again."""
        self.place = f"{qualified} ({code.co_filename}:{code.co_firstlineno})" if code else qualified
        self.is_async = inspect.iscoroutinefunction(inner)
        self.parameters = _parameters(name, function, self.place)

    def call_arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a call, picked from what is there."""
        return {name: values[name] for name in self.parameters}

    def __repr__(self) -> str:
        return f"<Hook {self.name}: {self.place}>"


class Hooks:
    """The hooks of a task, or of all tasks: `@my_task.on_failure`, `@hooks.on_failure`.

    A hook is a function, sync or async, that names the parameters it wants: `ctx`, `payload`, and what the hook has
    besides. A sync one is called in a thread. What a hook raises is logged and changes nothing, except in
    `on_start_attempt`, where it fails the attempt. Raises TaskError for a parameter that the hook does not have.
    """

    def __init__(self) -> None:
        self._hooks: dict[HookName, tuple[Hook, ...]] = {}
        self._lock = threading.Lock()

    def of(self, name: HookName) -> tuple[Hook, ...]:
        """In the order of their definition."""
        return self._hooks.get(name, ())

    def __bool__(self) -> bool:
        """There are some."""
        return bool(self._hooks)

    def on_start_attempt(self, function: F) -> F:
        """Before each attempt's code, inside its middleware. What it raises fails the attempt."""
        return self._add("on_start_attempt", function)

    def on_success(self, function: F) -> F:
        """The run has COMPLETED. Has `output`."""
        return self._add("on_success", function)

    def on_failure(self, function: F) -> F:
        """The run has finally FAILED or TIMED_OUT. Has `error`, the exception."""
        return self._add("on_failure", function)

    def on_complete(self, function: F) -> F:
        """The run has ended, well or not; after `on_success` and `on_failure`. Has `result`, a RunResult."""
        return self._add("on_complete", function)

    def on_cancel(self, function: F) -> F:
        """The run was cancelled while it executed. Has `reason`, a text."""
        return self._add("on_cancel", function)

    def on_wait(self, function: F) -> F:
        """The run begins to wait, for runs, a time or a token. Has `reason`, a text."""
        return self._add("on_wait", function)

    def on_resume(self, function: F) -> F:
        """The run goes on after a wait."""
        return self._add("on_resume", function)

    def catch_error(self, function: F) -> F:
        """An attempt has raised `error`. Return None to go on as usual, a `Retry` or `RetryAfter` to try again so if
        attempts are left, an `AbortRun` to fail the run now."""
        return self._add("catch_error", function)

    def _add(self, name: HookName, function: F) -> F:
        hook = Hook(name, function)
        with self._lock:
            others = [other for other in self._hooks.get(name, ()) if other.origin != hook.origin]
            self._hooks[name] = (*others, hook)
        return function

    def __repr__(self) -> str:
        return f"<Hooks {[hook for name in HOOK_NAMES for hook in self.of(name)]!r}>"


hooks = Hooks()
"""Those of all tasks."""


def _parameters(name: HookName, function: Any, place: str) -> tuple[str, ...]:
    if not callable(function) or inspect.isclass(function):
        raise TaskError(f"{function!r} is no function", "a hook is one", f"@hooks.{name}\ndef say(ctx): ...")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TaskError(f"{place} yields", f"{name} is called once and has no second half", "@middleware   # has two")
    known = ("ctx", "payload", *_VALUES[name])
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.name not in known or parameter.kind not in (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        ):
            raise TaskError(
                f"{place} takes {parameter}, which {name} does not have",
                f"it has {', '.join(known)}, by these names",
                f"def {getattr(function, '__name__', name)}({', '.join(known)})   # any of them",
            )
    return tuple(parameter.name for parameter in parameters)
