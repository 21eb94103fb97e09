"""Calls into code that is not ours, where it cannot be helped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from runlog.system.signals import raised_by_signal

T = TypeVar("T")

SLOW = 0.02
"""Seconds after which a type's code is not called again."""

_MAX_BANNED = 4096

# By id, because a metaclass can make a type's own hash raise; the type is kept so that its id stays its own.
_banned: dict[int, tuple[type, str]] = {}
_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_module = type.__dict__["__module__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_HEAP_TYPE = 1 << 9


class _Active(threading.local):
    def __init__(self) -> None:
        self.types: set[int] = set()


_active = _Active()


class RefusedError(Exception):
    """Foreign code was not called, or failed; the text says why."""


def bases(kind: type) -> tuple[type, ...]:
    """Return a type's method resolution order, whatever its metaclass says."""
    order: tuple[type, ...] = _mro(kind)
    return order


def class_attribute(kind: type, name: str) -> object:
    """Return what a type or one of its bases defines as `name`, without any foreign code; else None."""
    for base in _mro(kind):
        namespace = _namespace(base)
        if name in namespace:
            return namespace[name]
    return None


def type_names(kind: type) -> tuple[str, str]:
    """Return a type's module and qualified name."""
    module = _module(kind)
    return exact_text(module) if isinstance(module, str) else "", exact_text(_qualname(kind))


def type_name(kind: type) -> str:
    """Return `module.Name` of a type; just the name of a builtin one."""
    module, name = type_names(kind)
    return name if module in ("", "builtins") else f"{module}.{name}"


def exact_text(text: str) -> str:
    """Return a `str` of exactly that type, without any method of a subclass."""
    return text if type(text) is str else str.__getitem__(text, slice(None))


def call(kind: type, function: Callable[[], T]) -> T:
    """Call `function`, which runs code of the type `kind`.

    Raises RefusedError when it raises an Exception, and when the type's code raised or took over 20 ms before. What a
    process raises to end itself (KeyboardInterrupt, SystemExit) passes.
    """
    key = id(kind)
    banned = _banned.get(key)
    if banned is not None:
        raise RefusedError(banned[1])
    if key in _active.types:
        raise RefusedError("called within itself")
    _active.types.add(key)
    started = time.perf_counter()
    try:
        return function()
    except Exception as error:  # foreign code
        if raised_by_signal(error):
            raise
        reason = f"raised {_qualname(type(error))}"
        _ban(kind, reason)
        raise RefusedError(reason) from None
    finally:
        _active.types.discard(key)
        taken = time.perf_counter() - started
        if taken > SLOW:
            _ban(kind, f"took {taken * 1000:.0f} ms")


def _ban(kind: type, reason: str) -> None:
    if not type.__dict__["__flags__"].__get__(kind) & _HEAP_TYPE:
        return  # a builtin type fails for what it holds (a KeyError of a hostile key), not by itself
    if len(_banned) >= _MAX_BANNED:
        _banned.clear()
    _banned[id(kind)] = kind, f"{reason} before; not called again"


def text_of(value: object, function: Callable[[Any], str]) -> str:
    """Return `str` or `repr` of a foreign value as an exact `str`, or a placeholder that says why not."""
    kind = type(value)
    try:
        text = call(kind, lambda: function(value))
    except RefusedError as refused:
        return f"<{type_name(kind)}: {function.__name__}() {refused}>"
    return exact_text(text)


def instance_fields(value: object, names: Iterator[str]) -> list[tuple[str, object]]:
    """Return the fields of a value that its class declares, with a placeholder for one that cannot be read."""
    fields: list[tuple[str, object]] = []
    for name in names:
        try:
            fields.append((name, object.__getattribute__(value, name)))
        except AttributeError:
            continue  # declared and not set
        except Exception as error:  # noqa: BLE001 - foreign code
            fields.append((name, f"<unreadable: {_qualname(type(error))}>"))
    return fields
