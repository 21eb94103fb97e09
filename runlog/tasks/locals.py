"""Values that middleware gives to the code of an attempt."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Generic, TypeVar, overload

from runlog.errors import TaskError

T = TypeVar("T")
D = TypeVar("D")

_MISSING: Any = object()


class Local(Generic[T]):
    """A value of one attempt, typed: `client = Local[Client]("client")`, at the top of a module.

    What middleware sets is there in the task, its hooks and its threads, and gone when the attempt ends. It is a
    ContextVar: what a child task of the event loop sets, its parent does not see.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._variable: ContextVar[T] = ContextVar(f"runlog-local-{name}")

    def set(self, value: T) -> None:
        self._variable.set(value)

    @overload
    def get(self) -> T: ...
    @overload
    def get(self, default: D) -> T | D: ...
    def get(self, default: Any = _MISSING) -> Any:
        """The value; else `default`, where one is given. Raises TaskError where none is."""
        value = self._variable.get(default)
        if value is _MISSING:
            raise TaskError(
                f"the local {self.name!r} is not set here",
                "it is set for an attempt by the code that runs before it, as middleware does",
                f"{self.name}.get(None)   # None where it is not set",
            )
        return value

    def __repr__(self) -> str:
        return f"<Local {self.name!r}>"
