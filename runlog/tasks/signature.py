"""What a task's function takes and returns, read from its annotations."""

from __future__ import annotations

import inspect
import types
import typing
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runlog.errors import TaskError
from runlog.tasks.context import Context

ANYTHING: Any = Any
_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Signature:
    """`payload` and `context` are the names of the parameters, or None where the function has none."""

    parameters: inspect.Signature
    payload: str | None
    payload_type: Any
    payload_required: bool
    context: str | None
    result_type: Any

    def arguments(
        self, payload: object, context: Context | None, *, given: bool
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call with this payload; without one (`given` is False) its default counts. No `context` is
        needed where the function takes none."""
        bound: OrderedDict[str, Any] = OrderedDict()
        if self.payload is not None and given:
            bound[self.payload] = payload
        if self.context is not None:
            bound[self.context] = context
        return self._split(bound)

    def plain_arguments(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], context: Callable[[], Context]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a plain call, with `context()` where the caller gave none. Raises TypeError."""
        name, parameters = self.context, self.parameters.parameters
        if name is None or name in kwargs or len(args) + len(kwargs) == len(parameters):
            return args, kwargs
        index = list(parameters).index(name)
        if index < len(args) and isinstance(args[index], Context):
            return args, kwargs
        others = self.parameters.replace(parameters=[item for item in parameters.values() if item.name != name])
        return self._split(OrderedDict(others.bind(*args, **kwargs).arguments, **{name: context()}))

    def _split(self, arguments: OrderedDict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        bound = inspect.BoundArguments(self.parameters, arguments)
        return bound.args, bound.kwargs


def read_signature(function: Callable[..., Any], place: str, names: Mapping[str, Any]) -> Signature:
    """Read a task's function; `names` are those around it, for annotations written as text.

    Raises NameError if the annotation of a parameter names what is not there (yet), TaskError if no task can look
    like this.
    """
    parameters = inspect.signature(function)
    payload: inspect.Parameter | None = None
    payload_type, context = ANYTHING, None
    for parameter in parameters.parameters.values():
        annotation = _resolve(parameter.annotation, function, names)
        if _is_context(annotation):
            context = parameter.name
        elif payload is not None or parameter.kind not in _KINDS:
            raise TaskError(
                f"{place} takes more than a task can be given",
                f"a task has one payload, and a `Context` if it wants one; {parameter} is left over",
                f"def {getattr(function, '__name__', 'name')}(payload: Payload, ctx: Context)   # Payload: a dataclass",
            )
        else:
            payload, payload_type = parameter, annotation
    return Signature(
        parameters,
        payload.name if payload else None,
        payload_type,
        payload is not None and payload.default is inspect.Parameter.empty,
        context,
        _result_type(parameters.return_annotation, function, names),
    )


def _result_type(annotation: Any, function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    try:
        return _resolve(annotation, function, names)
    except (NameError, TypeError, SyntaxError, AttributeError):  # the value is then told by its own type
        return ANYTHING


def _resolve(annotation: Any, function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return ANYTHING
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    return typing.get_type_hints(holder, scope, dict(names), include_extras=True)["it"]


def _is_context(annotation: Any) -> bool:
    if annotation is Context:
        return True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return Context in typing.get_args(annotation)
    return False
