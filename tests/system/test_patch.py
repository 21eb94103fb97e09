"""Patches change what they are asked to and take it back exactly."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable
from typing import Any, cast

import anyio
import pytest

from runlog.system.patch import Patch

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]


class Base:
    def inherited(self, value: int) -> int:
        """Say it twice."""
        return value * 2


class Thing(Base):
    limit = 3

    def method(self, value: int, *, extra: int = 0) -> int:
        return value + extra

    async def method_async(self, value: int) -> int:
        await anyio.lowlevel.checkpoint()
        return value

    @classmethod
    def make(cls, value: int) -> tuple[type, int]:
        return cls, value

    @staticmethod
    def static(value: int) -> int:
        return value

    @property
    def prop(self) -> int:
        return 1


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 1


def doubled(wrapped: Callable[..., Any], instance: Any, args: Arguments, kwargs: Keywords) -> Any:
    return wrapped(*args, **kwargs), instance


async def doubled_async(
    wrapped: Callable[..., Awaitable[Any]], instance: Any, args: Arguments, kwargs: Keywords
) -> Any:
    return await wrapped(*args, **kwargs), instance


@pytest.fixture
def module() -> types.ModuleType:
    module = types.ModuleType("some_module")
    exec("def function(a, b=2):\n    'Add.'\n    return a + b\nvalue = object()", module.__dict__)
    return module


def test_a_function_of_a_module_is_wrapped_and_restored(module: types.ModuleType) -> None:
    original = module.function
    patch = Patch()
    patch.wrap(module, "function", doubled)
    assert module.function(1) == (3, None)
    assert (module.function.__name__, module.function.__doc__) == ("function", "Add.")
    assert inspect.signature(module.function) == inspect.signature(original)
    assert module.function.__wrapped__ is original
    assert patch.undo() == []
    assert module.function is original


@pytest.mark.parametrize("name", ["method", "make", "static", "method_async", "inherited"])
def test_what_a_class_has_is_the_same_after_undo(name: str) -> None:
    before = dict(vars(Thing))
    patch = Patch()
    patch.wrap(Thing, name, doubled_async if name == "method_async" else doubled)
    assert vars(Thing)[name] is not before.get(name)
    patch.undo()
    assert dict(vars(Thing)) == before
    assert all(vars(Thing)[key] is value for key, value in before.items())


def test_methods_get_their_instance_and_stay_what_they_are() -> None:
    thing: Any
    kind: Any
    thing, kind, patch = Thing(), Thing, Patch()
    for name in ("method", "make", "static", "inherited"):
        patch.wrap(Thing, name, doubled)
    try:
        assert thing.method(1, extra=2) == (3, thing)
        assert kind.method(thing, 1) == (1, thing)
        assert thing.inherited(2) == (4, thing)
        assert Base().inherited(2) == 4
        assert kind.make(1) == ((Thing, 1), Thing)
        assert kind.static(1) == (1, None)
        assert isinstance(vars(Thing)["static"], staticmethod)
        assert isinstance(vars(Thing)["make"], classmethod)
        with pytest.raises(TypeError, match="missing 2 required positional arguments: 'self'"):
            kind.method()
    finally:
        patch.undo()


@pytest.mark.anyio
async def test_a_coroutine_function_stays_one() -> None:
    patch, thing = Patch(), cast("Any", Thing())
    patch.wrap(Thing, "method_async", doubled_async)
    assert inspect.iscoroutinefunction(Thing.method_async)
    assert await thing.method_async(1) == (1, thing)
    kept = Thing.method_async
    patch.undo()
    assert await kept(thing, 1) == 1


def test_one_object_is_patched_alone() -> None:
    thing: Any = Thing()
    other, patch = Thing(), Patch()
    patch.wrap(thing, "method", doubled)
    assert thing.method(1) == (1, thing)
    assert other.method(1) == 1
    patch.undo()
    assert vars(thing) == {}


def test_replace_restores_values_slots_and_what_was_inherited(module: types.ModuleType) -> None:
    slotted, thing, value, patch = Slotted(), Thing(), module.value, Patch()
    assert patch.replace(module, "value", 1) is value
    assert patch.replace(slotted, "value", 2) == 1
    assert patch.replace(thing, "limit", 4) == 3
    assert (module.value, slotted.value, thing.limit) == (1, 2, 4)
    patch.undo()
    assert module.value is value
    assert slotted.value == 1
    assert vars(thing) == {}


def test_an_attribute_that_a_module_makes_itself_is_deleted_again(module: types.ModuleType) -> None:
    module.__getattr__ = lambda name: 7  # type: ignore[method-assign]
    patch = Patch()
    patch.replace(module, "lazy", 8)
    patch.undo()
    assert "lazy" not in vars(module)


@pytest.mark.parametrize(
    ("name", "wrapper", "reason"),
    [
        ("limit", doubled, "type int"),
        ("prop", doubled, "type property"),
        ("method", doubled_async, "is not a coroutine function"),
        ("method_async", doubled, "is a coroutine function"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(name: str, wrapper: Any, reason: str) -> None:
    before, patch = vars(Thing)[name], Patch()
    with pytest.raises(TypeError, match=reason):
        patch.wrap(Thing, name, wrapper)
    assert vars(Thing)[name] is before


def test_missing_names_and_classes_are_refused(module: types.ModuleType) -> None:
    module.Thing = Thing  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        Patch().replace(module, "functoin", 1)
    with pytest.raises(AttributeError):
        Patch().wrap(Thing, "methd", doubled)
    with pytest.raises(TypeError, match="it is a class"):
        Patch().wrap(module, "Thing", doubled)


def test_undo_goes_backwards_once_and_past_failures(module: types.ModuleType) -> None:
    undone: list[str] = []
    original, patch = module.function, Patch()
    patch.wrap(module, "function", doubled)
    patch.defer(lambda: undone.append("first"))
    patch.defer(lambda: 1 // 0)  # type: ignore[arg-type]
    patch.defer(lambda: undone.append("last"))
    (error,) = patch.undo()
    assert isinstance(error, ZeroDivisionError)
    assert undone == ["last", "first"]
    assert module.function is original
    assert patch.undo() == []


def test_an_interrupt_waits_until_the_rest_is_undone(module: types.ModuleType) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    original, patch = module.function, Patch()
    patch.wrap(module, "function", doubled)
    patch.defer(interrupt)
    with pytest.raises(KeyboardInterrupt):
        patch.undo()
    assert module.function is original


def test_a_wrapper_put_over_ours_keeps_working(module: types.ModuleType) -> None:
    original, patch = module.function, Patch()
    patch.wrap(module, "function", doubled)
    ours = module.function

    def theirs(*args: Any) -> Any:
        return "theirs", ours(*args)

    module.function = theirs  # type: ignore[attr-defined]
    patch.undo()
    assert module.function is theirs
    assert module.function(1) == ("theirs", 3)
    module.function = ours  # type: ignore[attr-defined]  # they take theirs off
    assert module.function(1) == 3
    assert ours.__wrapped__ is original


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_patches_of_one_function_are_undone_in_any_order(module: types.ModuleType, order: tuple[int, int]) -> None:
    original, patches = module.function, (Patch(), Patch())
    for patch in patches:
        patch.wrap(module, "function", doubled)
    assert module.function(1) == ((3, None), None)
    patches[order[0]].undo()
    assert module.function(1) == (3, None)
    patches[order[1]].undo()
    assert module.function is original


def test_a_closed_patch_takes_no_change_any_more(module: types.ModuleType) -> None:
    undone: list[int] = []
    original, patch = module.function, Patch()
    patch.wrap(module, "function", doubled)
    patch.close()
    with pytest.raises(RuntimeError):
        patch.wrap(module, "function", doubled)
    with pytest.raises(RuntimeError):
        patch.defer(lambda: undone.append(1))
    assert undone == [1]
    assert module.function is original
