"""Changing other people's objects so that every change can be taken back exactly."""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import Callable
from typing import Any, Final

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""`wrapper(wrapped, instance, args, kwargs)`: stands in for a call and returns what the caller gets.

`wrapped` is the original, bound: call it with `*args, **kwargs`. `instance` is the object (for a class method
the class) that the call is made on, or None for a function of a module and for a static method. `wrapper` is a
coroutine function exactly if what it wraps is one.
"""

_MISSING: Final = object()
_CHANGE: Final = "__runlog_change__"


class Patch:
    """A list of changes and how to undo each."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._closed = False
        self._lock = threading.RLock()

    def replace(self, owner: Any, name: str, new: Any) -> Any:
        """Set the attribute `name` of a module, class or object to `new`; return what reading it gave before.

        Raises AttributeError if there is no such attribute, TypeError if it cannot be set.
        """
        before = getattr(owner, name)
        self._apply(_Change(owner, name, _own_attribute(owner, name)), new)
        return before

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Put `wrapper` round the function or method `name` of a module, class or object.

        What is put there has the original's name, signature and `__wrapped__`, and stays a static method, class
        method or coroutine function if the original is one. Raises AttributeError if there is no such attribute and
        TypeError if it is not a function (of a class, wrap a method) or one of the two is a coroutine function alone.
        """
        change = _Change(owner, name, _own_attribute(owner, name))
        self._apply(change, _wrapped(owner, name, wrapper, change))

    def defer(self, undo: Callable[[], None]) -> None:
        """Have `undo` called when the patch is undone: for what is no attribute, such as an event's listener."""
        with self._lock:
            if self._closed:
                undo()
                raise RuntimeError("this patch is closed")
            self._undo.append(undo)

    def undo(self) -> list[Exception]:
        """Take every change back, the last one first; return what failed. A second call does nothing.

        An attribute that someone else changed after us stays as it is, and a wrapper of ours below it only passes
        calls on. One failure does not stop the rest: KeyboardInterrupt and its like are raised at the end.
        """
        with self._lock:
            pending, self._undo = self._undo, []
        failed: list[Exception] = []
        interrupt: BaseException | None = None
        for undo in reversed(pending):
            try:
                undo()
            except Exception as error:  # noqa: BLE001
                failed.append(error)
            except BaseException as error:  # noqa: BLE001
                interrupt = error
        if interrupt is not None:
            raise interrupt
        return failed

    def close(self) -> list[Exception]:
        """Undo, and raise RuntimeError at every change that is asked for from now on."""
        with self._lock:
            self._closed = True
        return self.undo()

    def _apply(self, change: _Change, new: Any) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("this patch is closed")
            change.new = new
            setattr(change.owner, change.name, new)
            self._undo.append(change.undo)


class _Change:
    """One attribute, what it was (`_MISSING`: inherited or made by `__getattr__`) and what it was set to."""

    __slots__ = ("active", "before", "name", "new", "owner")

    def __init__(self, owner: Any, name: str, before: Any) -> None:
        self.owner, self.name, self.before = owner, name, before
        self.new: Any = None
        self.active = True

    def undo(self) -> None:
        self.active = False
        if _own_attribute(self.owner, self.name) is not self.new:
            return
        before = self.before
        # Patches undone in the order they were made: what was below us may itself be undone, so go past it.
        while (below := _change_of(before)) is not None and not below.active:
            before = below.before
        if before is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, before)


def _change_of(value: Any) -> _Change | None:
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    change = getattr(function, "__dict__", {}).get(_CHANGE)
    # functools.wraps copies our mark on to other people's wrappers of ours.
    return change if isinstance(change, _Change) and change.new is value else None


def _own_attribute(owner: Any, name: str) -> Any:
    """Return what is stored in `owner` itself under `name`, unbound, or `_MISSING`."""
    stored = getattr(owner, "__dict__", {}).get(name, _MISSING)
    if stored is _MISSING and not isinstance(owner, type):
        descriptor = inspect.getattr_static(type(owner), name, None)
        if hasattr(descriptor, "__set__"):  # a slot, or a property with a setter
            return getattr(owner, name, _MISSING)
    return stored


def _wrapped(owner: Any, name: str, wrapper: Wrapper, change: _Change) -> Any:
    if not isinstance(owner, type):
        function = getattr(owner, name)
        _check(function, wrapper, owner, name)
        return _free_function(function, wrapper, change, None if isinstance(owner, types.ModuleType) else owner)
    raw = inspect.getattr_static(owner, name)
    _check(raw.__func__ if isinstance(raw, staticmethod | classmethod) else raw, wrapper, owner, name)
    if isinstance(raw, staticmethod):
        return staticmethod(_free_function(raw.__func__, wrapper, change, None))
    if isinstance(raw, classmethod):
        return classmethod(_method(raw.__func__, wrapper, change))
    if not hasattr(raw, "__get__"):  # a callable object in a class: not bound, so given no instance
        return staticmethod(_free_function(raw, wrapper, change, None))
    return _method(raw, wrapper, change)


def _check(function: Any, wrapper: Wrapper, owner: Any, name: str) -> None:
    place = f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"
    if isinstance(function, type) or not callable(function):
        kind = "a class" if isinstance(function, type) else f"of type {type(function).__name__}"
        raise TypeError(f"cannot wrap {place}: it is {kind}, not a function")
    if inspect.iscoroutinefunction(function) != inspect.iscoroutinefunction(wrapper):
        kinds = ("is", "is not") if inspect.iscoroutinefunction(function) else ("is not", "is")
        raise TypeError(f"cannot wrap {place}: it {kinds[0]} a coroutine function, and its wrapper {kinds[1]}")


def _free_function(function: Any, wrapper: Wrapper, change: _Change, instance: Any) -> Any:
    if inspect.iscoroutinefunction(function):

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            if not change.active:
                return await function(*args, **kwargs)
            return await wrapper(function, instance, args, kwargs)

        return _dressed(call_async, function, change)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not change.active:
            return function(*args, **kwargs)
        return wrapper(function, instance, args, kwargs)

    return _dressed(call, function, change)


def _method(function: Any, wrapper: Wrapper, change: _Change) -> Any:
    bind = function.__get__

    if inspect.iscoroutinefunction(function):

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            if not change.active or not args:
                return await function(*args, **kwargs)
            instance = args[0]
            return await wrapper(bind(instance, type(instance)), instance, args[1:], kwargs)

        return _dressed(call_async, function, change)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not change.active or not args:
            return function(*args, **kwargs)
        instance = args[0]
        return wrapper(bind(instance, type(instance)), instance, args[1:], kwargs)

    return _dressed(call, function, change)


def _dressed(new: Any, function: Any, change: _Change) -> Any:
    functools.update_wrapper(new, function)
    setattr(new, _CHANGE, change)
    return new
