"""What to do with a value of each type: which are leaves, and what is in those that are not."""

from __future__ import annotations

import array
import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import itertools
import pathlib
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from runlog.recording import foreign
from runlog.recording.foreign import class_attribute, type_name

T = TypeVar("T")

MAX_TEXT_BITS = 1900
"""Integers up to this size are written in decimal (any Python can: the digits stay under its lowest limit)."""

_MAX_HEX_BITS = 65_536
_ARRAY_SAMPLE = 8
_MAX_CHILDREN = 10_000
_MAX_KINDS = 4096


class Items(NamedTuple):
    """A container: its children as (key, value), the key None in a sequence; and how many there are (-1: unknown)."""

    children: Iterator[tuple[object, object]]
    size: int
    is_mapping: bool


class Buffer(NamedTuple):
    """Bytes, to be shown as text."""

    data: memoryview


Shape = Items | Buffer | str | float | int | bool | None
"""What a converter returns. A `str` may be of any length; an `int` of any size."""

Converter = Callable[[Any], Shape]

_arguments = BaseException.__dict__["args"].__get__


def sequence(values: Iterable[object], size: int) -> Items:
    return Items(((None, value) for value in values), size, is_mapping=False)


def _copied(values: Iterable[T]) -> list[T]:
    # In one step of the interpreter, so that no other thread changes a builtin container half-way.
    return list(itertools.islice(values, _MAX_CHILDREN))


def mapping(pairs: Iterable[tuple[object, object]], size: int) -> Items:
    return Items(iter(pairs), size, is_mapping=True)


def integer_text(number: int) -> str:
    """Return an integer of any size as text, in time linear in its size."""
    bits = number.bit_length()
    if bits <= MAX_TEXT_BITS:
        return str(number)
    return hex(number) if bits <= _MAX_HEX_BITS else f"<int of {bits:,} bits>"


# Subclasses are read by the builtin's own methods, so that no method of theirs runs.
def _text(value: str) -> str:
    return value


def _integer(value: int) -> int:
    return int.__add__(value, 0)


def _float(value: float) -> float:
    return float.__add__(value, -0.0)


def _dict(value: dict[object, object]) -> Items:
    return mapping(_copied(dict.items(value)), dict.__len__(value))


def _list(value: list[object]) -> Items:
    return sequence(list.__iter__(value), list.__len__(value))


def _tuple(value: tuple[object, ...]) -> Items:
    fields = class_attribute(type(value), "_fields")
    values = tuple.__iter__(value)
    size = tuple.__len__(value)
    if type(fields) is tuple and len(fields) == size:
        return mapping(zip(fields, values, strict=True), size)
    return sequence(values, size)


def _set(value: set[object]) -> Items:
    return sequence(_copied(set.__iter__(value)), set.__len__(value))


def _frozenset(value: frozenset[object]) -> Items:
    return sequence(_copied(frozenset.__iter__(value)), frozenset.__len__(value))


def _deque(value: collections.deque[object]) -> Items:
    return sequence(_copied(collections.deque.__iter__(value)), collections.deque.__len__(value))


def _view(value: Any) -> Items:
    return sequence(_copied(value), len(value))


def _buffer(value: Any) -> Buffer:
    view = memoryview(value)
    return Buffer(view.cast("B") if view.c_contiguous else memoryview(view.tobytes()))


def _array(value: array.array[Any]) -> Items:
    return sequence(array.array.__iter__(value), array.array.__len__(value))


def _proxy(value: types.MappingProxyType[object, object]) -> Items:
    return _foreign_mapping(value)


def _foreign_mapping(value: Mapping[object, object]) -> Items:
    kind = type(value)
    size = foreign.call(kind, lambda: len(value))
    pairs = foreign.call(kind, lambda: _copied((key, value[key]) for key in value))
    return mapping(pairs, max(size, len(pairs)))


def _user_list(value: collections.UserList[object]) -> Items:
    data = object.__getattribute__(value, "data")
    return _list(data) if issubclass(type(data), list) else sequence((), 0)


def _enum(value: enum.Enum) -> Shape:
    plain = object.__getattribute__(value, "_value_")
    if type(plain) in (str, int, float, bool):
        return plain  # type: ignore[no-any-return]
    return foreign.exact_text(object.__getattribute__(value, "_name_"))


def _duration(value: dt.timedelta) -> float:
    return dt.timedelta.total_seconds(value)


def _exception(value: BaseException) -> str:
    return f"{type_name(type(value))}: {exception_text(value)}"


def exception_text(error: BaseException) -> str:
    """Return an exception's message: `str()` of it, or its arguments where that raises."""
    kind = type(error)
    own = class_attribute(kind, "__str__")
    if own is not BaseException.__str__:
        return foreign.text_of(error, str)
    # The builtin __str__ only shows the arguments: what one of them does must not be held against the exception.
    arguments: tuple[object, ...] = _arguments(error)
    if len(arguments) == 1:
        only = arguments[0]
        return only if type(only) is str else foreign.text_of(only, str)
    return f"({', '.join(foreign.text_of(item, repr) for item in arguments)})" if arguments else ""


def _class(value: type) -> str:
    return f"<class {type_name(value)}>"


def _function(value: Any) -> str:
    name = getattr(value, "__qualname__", None)
    module = getattr(value, "__module__", None)
    where = f"{module}." if type(module) is str and module != "builtins" else ""
    return f"<function {where}{name if type(name) is str else '?'}>"


def _unread(value: Any) -> str:
    return f"<{type_name(type(value))} {value.__qualname__}>"


def _named_only(value: object) -> str:
    return f"<{type_name(type(value))}>"


def _secret(_value: object) -> str:
    return "[redacted:secret]"


def _fields_of(names: Iterable[str]) -> Converter:
    kept = tuple(names)

    def convert(value: object) -> Items:
        pairs = foreign.call(type(value), lambda: foreign.instance_fields(value, iter(kept)))
        return mapping(pairs, len(pairs))

    return convert


def _model(value: object) -> Items:
    pairs: list[tuple[object, object]] = list(dict.items(object.__getattribute__(value, "__dict__")))
    with contextlib.suppress(AttributeError, TypeError):  # a pydantic dataclass has none, and most models None
        pairs += dict.items(object.__getattribute__(value, "__pydantic_extra__"))
    hidden = class_attribute(type(value), "__pydantic_fields__")
    shown = [pair for pair in pairs if not _is_hidden(hidden, pair[0])]
    return mapping(shown, len(shown))


def _is_hidden(fields: object, name: object) -> bool:
    return type(fields) is dict and getattr(fields.get(name), "repr", True) is False


def _array_like(value: Any) -> Shape:
    """Summarise an array, a tensor or a data frame; none is converted or copied."""
    kind = type(value)

    def summary() -> list[tuple[object, object]]:
        pairs: list[tuple[object, object]] = [("type", type_name(kind)), ("shape", list(value.shape))]
        if (dtype := getattr(value, "dtype", None)) is not None:
            pairs.append(("dtype", str(dtype)))
        flat = getattr(value, "flat", None)
        if flat is not None:
            pairs.append(("first", flat[:_ARRAY_SAMPLE].tolist()))
        return pairs

    pairs = foreign.call(kind, summary)
    return mapping(pairs, len(pairs))


def _numpy_scalar(value: Any) -> Shape:
    plain = value.item()
    if type(plain) in (bool, int, float, str):
        return plain  # type: ignore[no-any-return]
    return _buffer(plain) if type(plain) is bytes else str(value)


def _other(value: object) -> str:
    kind = type(value)
    function = repr
    if class_attribute(kind, "__repr__") is object.__repr__:
        if class_attribute(kind, "__str__") is object.__str__:
            return f"<{type_name(kind)}>"
        function = str
    return foreign.text_of(value, function)


_UNREAD = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.WrapperDescriptorType)

_EMPTY: dict[object, object] = {}
_VIEWS: tuple[type, ...] = (type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items()))

# In this order: an enum that is a str is an enum, a datetime is a date.
_BY_BASE: tuple[tuple[type, Converter], ...] = (
    (enum.Enum, _enum),
    (BaseException, _exception),
    (str, _text),
    (bool, bool),
    (int, _integer),
    (float, _float),
    (dict, _dict),
    (list, _list),
    (tuple, _tuple),
    (set, _set),
    (frozenset, _frozenset),
    (bytes, _buffer),
    (bytearray, _buffer),
    (memoryview, _buffer),
    (dt.datetime, dt.datetime.isoformat),
    (dt.date, dt.date.isoformat),
    (dt.time, dt.time.isoformat),
    (dt.timedelta, _duration),
    (decimal.Decimal, decimal.Decimal.__str__),
    (fractions.Fraction, fractions.Fraction.__str__),
    (uuid.UUID, uuid.UUID.__str__),
    (pathlib.PurePath, pathlib.PurePath.__str__),
    (complex, complex.__repr__),
    (collections.deque, _deque),
    (collections.UserList, _user_list),
    (array.array, _array),
    (types.MappingProxyType, _proxy),
    (type, _class),
    *((kind, _function) for kind in _FUNCTIONS),
    *((kind, _unread) for kind in _UNREAD),
    *((kind, _view) for kind in _VIEWS),
    (range, range.__repr__),
)

_converters: dict[int, tuple[type, Converter]] = {}


def converter(kind: type) -> Converter:
    """Return what turns values of this type into something plain. Decided once a type."""
    known = _converters.get(id(kind))
    if known is None:
        if len(_converters) >= _MAX_KINDS:
            _converters.clear()
        known = _converters[id(kind)] = kind, _classify(kind)
    return known[1]


def _classify(kind: type) -> Converter:
    order = foreign.bases(kind)
    numpy = sys.modules.get("numpy")
    if numpy is not None and (scalar := getattr(numpy, "generic", None)) in order and scalar is not None:
        return _numpy_scalar
    by_fields = _classify_fields(kind)
    if by_fields is not None:
        return by_fields
    for base, convert in _BY_BASE:
        if base in order:
            return convert
    if class_attribute(kind, "shape") is not None and _has_any(kind, "dtype", "dtypes", "columns"):
        return _array_like
    if _has_any(kind, "__next__", "__anext__", "__await__"):
        return _named_only
    try:
        is_mapping = issubclass(kind, Mapping)
    except Exception:  # noqa: BLE001 - a foreign __subclasshook__
        return _named_only
    return _foreign_mapping if is_mapping else _other


def _has_any(kind: type, *names: str) -> bool:
    return any(class_attribute(kind, name) is not None for name in names)


def _classify_fields(kind: type) -> Converter | None:
    if class_attribute(kind, "get_secret_value") is not None:
        return _secret
    if class_attribute(kind, "__pydantic_fields__") is not None:
        return _model
    if issubclass(kind, BaseException):
        return None
    try:
        if class_attribute(kind, "__dataclass_fields__") is not None:
            return _fields_of(item.name for item in dataclasses.fields(kind) if item.repr)  # type: ignore[arg-type]
        if (attributes := class_attribute(kind, "__attrs_attrs__")) is not None:
            return _fields_of(item.name for item in attributes if item.repr)  # type: ignore[attr-defined]
        if issubclass(kind, msgspec.Struct):
            return _fields_of(kind.__struct_fields__)
    except Exception:  # noqa: BLE001 - something else by the same name
        return None
    return None
