"""Which keyword arguments an OpenTelemetry instrumentor reads: it does not say, so its source is read."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap

_ENTRANCES = ("instrument", "_instrument")
_OWN = frozenset(
    {"tracer_provider", "meter_provider", "logger_provider", "skip_dep_check", "raise_exception_on_conflict"}
)
_BASE = "BaseInstrumentor"


def known_options(instrumentor: type) -> tuple[set[str], bool]:
    """Return the options of an instrumentor class and whether they are all.

    They come from its `configuration` dataclass if it has one, else from what its `_instrument` takes out of
    `**kwargs`. Not all are known if `kwargs` is passed on whole or the source cannot be read.
    """
    configuration = getattr(instrumentor, "configuration", None)
    if isinstance(configuration, type) and dataclasses.is_dataclass(configuration):
        return {field.name for field in dataclasses.fields(configuration)} - _OWN, True
    names: set[str] = set()
    is_certain, is_read = True, False
    for cls in instrumentor.__mro__:
        if cls.__name__ == _BASE or cls is object:
            continue
        for entrance in _ENTRANCES:
            if entrance in vars(cls):
                found, is_whole = _scan(vars(cls)[entrance])
                names |= found
                is_certain = is_certain and is_whole
                is_read = True
    return names - _OWN, is_certain and is_read


def _scan(function: object) -> tuple[set[str], bool]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError):
        return set(), False
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return set(), False
    arguments = definition.args
    named = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)} - {"self"}
    if arguments.kwarg is None:
        return named, True
    reader = _Reader(arguments.kwarg.arg)
    for statement in definition.body:
        reader.visit(statement)
    return named | reader.names, not reader.escapes


class _Reader(ast.NodeVisitor):
    """Collects `kwargs.get("x")`, `kwargs.pop("x")`, `kwargs["x"]` and `"x" in kwargs`; any other use escapes."""

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self.names: set[str] = set()
        self.escapes = False

    def _is_it(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._variable

    def _take(self, node: ast.AST | None) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.names.add(node.value)
        else:
            self.escapes = True

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        if self._variable not in {argument.arg for argument in every if argument is not None}:  # else its own
            self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815 - named by `ast`

    def visit_Call(self, node: ast.Call) -> None:
        method = node.func
        if (
            isinstance(method, ast.Attribute)
            and method.attr in ("get", "pop", "setdefault")
            and self._is_it(method.value)
        ):
            self._take(node.args[0] if node.args else None)
            for other in (*node.args[1:], *(keyword.value for keyword in node.keywords)):
                self.visit(other)
            return
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._is_it(node.value):
            self._take(node.slice)
        else:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn) and self._is_it(node.comparators[0]):
            self._take(node.left)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if self._is_it(node):
            self.escapes = True
