from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import subprocess
import sys
import threading
import time
import tracemalloc
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import pydantic
import pytest

from runlog.config import Settings
from runlog.recording.clean import Limits, clean_attributes, clean_text, clean_value, read_cut

LIMITS = Limits()


def clean(value: object, limits: Limits = LIMITS) -> Any:
    """Clean, and check that the road can carry what comes out."""
    cleaned = clean_value(value, limits)
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(cleaned))
    assert decoded == cleaned or isinstance(cleaned, msgspec.msgpack.Ext)
    return cleaned


def strict_json(value: object) -> None:
    json.dumps(value, allow_nan=False).encode()


class Color(enum.Enum):
    RED = "red"
    BLUE = (0, 0, 255)


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class User:
    name: str
    password: str
    notes: list[str]
    hidden: str = dataclasses.field(default="no", repr=False)


class Point(typing.NamedTuple):
    x: int
    y: int


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    user: str
    secret_key: str
    card: pydantic.SecretStr = pydantic.SecretStr("4111")
    internal: str = pydantic.Field(default="no", repr=False)


class Struct(msgspec.Struct):
    a: int
    token: str


class SlotsOnly:
    __slots__ = ("x",)


AWARE = dt.datetime(2024, 5, 1, 12, 0, tzinfo=dt.UTC)
LOCAL = types.SimpleNamespace(a=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**64), "-18446744073709551616"),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("text", "text"),
        ("line\nbreak\ttab", "line\nbreak\ttab"),
        ("before\0after", "before\\x00after"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("emoji 🎉 stays", "emoji 🎉 stays"),
        ("\u202ebidi", "\u202ebidi"),
        (b"bytes", "bytes"),
        (b"\xff\x00x", "\\xff\\x00x"),
        (bytearray(b"ab"), "ab"),
        (memoryview(b"abcdef")[::2], "ace"),
        (memoryview(b"\x01\x02\x03\x04").cast("B", (2, 2)), "\x01\x02\x03\x04"),
        (AWARE, "2024-05-01T12:00:00+00:00"),
        (dt.datetime.fromisoformat("0001-01-01"), "0001-01-01T00:00:00"),
        (dt.datetime.fromisoformat("9999-12-31T23:59:59.999999"), "9999-12-31T23:59:59.999999"),
        (dt.date(2024, 5, 1), "2024-05-01"),
        (dt.time(1, 2), "01:02:00"),
        (dt.timedelta(minutes=1, milliseconds=500), 60.5),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("NaN"), "NaN"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (1 + 2j, "(1+2j)"),
        (Color.RED, "red"),
        (Color.BLUE, "BLUE"),
        (Level.HIGH, 3),
        ([1, [2, (3,)]], [1, [2, [3]]]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        ({1: "a", None: "b", (1, 2): "c", b"k": "d"}, {"1": "a", "None": "b", "<tuple>": "c", "k": "d"}),
        ({3}, [3]),
        (frozenset({"x"}), ["x"]),
        (range(3), "range(0, 3)"),
        (collections.deque([1, 2]), [1, 2]),
        (collections.UserList([1, 2]), [1, 2]),
        (collections.UserDict({"a": 1}), {"a": 1}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({"a": 1}.keys(), ["a"]),
        (array.array("i", [1, 2]), [1, 2]),
        (Point(1, 2), {"x": 1, "y": 2}),
        (User("bob", "hunter2", ["n"]), {"name": "bob", "password": "[redacted:password]", "notes": ["n"]}),
        (
            Model.model_validate({"user": "bob", "secret_key": "k", "other": 1}),
            {"user": "bob", "secret_key": "[redacted:secret-key]", "card": "[redacted:secret]", "other": 1},
        ),
        (Struct(1, "t"), {"a": 1, "token": "[redacted:token]"}),
        (ValueError("bad value"), "ValueError: bad value"),
        (KeyError("k"), "KeyError: 'k'"),
        (LOCAL, "namespace(a=1)"),
        (int, "<class int>"),
        (User, f"<class {User.__module__}.User>"),
        (SlotsOnly(), f"<{SlotsOnly.__module__}.SlotsOnly>"),
        (len, "<function len>"),
        (sys, repr(sys)),
    ],
)
def test_values(value: object, expected: object) -> None:
    assert clean(value) == expected
    strict_json(clean(value))


def test_negative_zero_stays() -> None:
    assert str(clean(-0.0)) == "-0.0"


def test_attrs_classes() -> None:
    attribute = types.SimpleNamespace
    kind = type("Attrs", (), {"__attrs_attrs__": (attribute(name="a", repr=True), attribute(name="b", repr=False))})
    value = kind()
    value.a, value.b = 1, 2
    assert clean(value) == {"a": 1}


def test_subclasses_are_read_by_the_builtin_and_not_by_their_own_methods() -> None:
    def refuse(*args: object) -> Any:
        raise AssertionError("foreign code was called")

    methods = dict.fromkeys(
        ("__str__", "__repr__", "__len__", "__iter__", "__getitem__", "__eq__", "__format__", "items", "isprintable"),
        refuse,
    )
    for base, value, expected in (
        (str, "abc", "abc"),
        (int, 7, 7),
        (float, 1.5, 1.5),
        (dict, {"a": 1}, {"a": 1}),
        (list, [1], [1]),
        (tuple, (1,), [1]),
        (set, {1}, [1]),
    ):
        kind = type("Own", (base,), {**methods, "__hash__": base.__hash__})
        cleaned = clean_value(kind(value), LIMITS)
        assert cleaned == expected
        assert type(cleaned) in (str, int, float, dict, list)


@pytest.mark.parametrize("number", [10**5000, -(10**5000), 1 << 1_000_000], ids=["5001 digits", "negative", "huge"])
def test_integers_of_any_size(number: int) -> None:
    cleaned = clean(number)
    assert type(cleaned) is str
    assert cleaned.startswith(("0x", "-0x")) or "1,000,001 bits" in cleaned


# --- hostile values ---------------------------------------------------------------------------------------------------


class Raises:
    calls = 0

    def __repr__(self) -> str:
        type(self).calls += 1
        raise ValueError("no repr")


def test_a_type_whose_repr_raised_is_not_called_again() -> None:
    first, second = clean(Raises()), clean(Raises())
    assert "Raises" in first
    assert "raised ValueError" in first
    assert "not called again" in second
    assert Raises.calls == 1


class Slow:
    calls = 0

    def __repr__(self) -> str:
        type(self).calls += 1
        time.sleep(0.05)
        return "slow but right"


def test_a_type_whose_repr_was_slow_is_not_called_again() -> None:
    assert clean(Slow()) == "slow but right"
    assert "not called again" in clean(Slow())
    assert Slow.calls == 1


class Recursive:
    def __repr__(self) -> str:
        return f"<{self!r}>"


class Logs:
    def __repr__(self) -> str:
        return f"<logs {clean_value({'self': self}, LIMITS)}>"


def test_a_repr_that_cleans_itself_is_called_once() -> None:
    assert "called within itself" in clean(Logs())


class NotText:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


class LiesAboutClass:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class RaisesOnEverything:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class HostileMeta(type):
    def __hash__(cls) -> int:
        raise RuntimeError("no hash")

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError("no eq")

    def __instancecheck__(cls, instance: object) -> bool:
        raise RuntimeError("no instance check")

    def __subclasscheck__(cls, subclass: type) -> bool:
        raise RuntimeError("no subclass check")

    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no module")


class OfHostileMeta(metaclass=HostileMeta):
    pass


class BadMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        raise ValueError("no length")


class HostileKey:
    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@dataclasses.dataclass
class BadField:
    a: int

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def instance_of_unset_dataclass() -> object:
    return User.__new__(User)


def unset_model() -> object:
    return Model.__new__(Model)


@pytest.mark.parametrize(
    "make",
    [
        Raises, Recursive, Logs, NotText, LiesAboutClass, RaisesOnEverything, OfHostileMeta, BadMapping,
        lambda: {HostileKey(): 1}, lambda: BadField(1), instance_of_unset_dataclass, unset_model,
        lambda: KeyError(HostileKey()), lambda: ValueError(HostileKey(), 1), lambda: [Raises()] * 3,
        lambda: memoryview(bytearray(4)), object, lambda: NotImplemented, lambda: ..., threading.Lock,
        lambda: OfHostileMeta,
    ],
)  # fmt: skip
def test_hostile_values_never_raise(make: Callable[[], object]) -> None:
    for _ in range(2):
        value = make()
        strict_json(clean(value))
        strict_json(clean_text(value, LIMITS))
        attributes, _ = clean_attributes({"value": value, "also": 1}, LIMITS)
        assert attributes["also"] == 1


def test_a_hostile_argument_is_not_held_against_its_exception() -> None:
    class OwnError(Exception):
        pass

    clean(OwnError(Raises()))
    assert clean(OwnError("fine")).endswith("OwnError: fine")


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes(ending: type[BaseException]) -> None:
    class Ends:
        def __repr__(self) -> str:
            raise ending

    for call in (clean_value, clean_text):
        with pytest.raises(ending):
            call(Ends(), LIMITS)
    with pytest.raises(ending):
        clean_attributes({"a": [Ends()]}, LIMITS)


def test_iterators_and_coroutines_are_left_unconsumed() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def work() -> None: ...

    generator, coroutine, mapped, iterator = numbers(), work(), map(str, [1]), iter([1])
    cleaned = clean({"g": generator, "c": coroutine, "m": mapped, "i": iterator})
    assert cleaned["g"].startswith("<generator")
    assert "numbers" in cleaned["g"]
    assert cleaned["c"].startswith("<coroutine")
    assert list(generator) == [1]
    assert list(mapped) == ["1"]
    assert list(iterator) == [1]
    coroutine.close()


# --- large and deep values --------------------------------------------------------------------------------------------


def peak_of(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 200_000_000, id="200 MB text"),
        pytest.param(memoryview(bytearray(1_000_000_000)), id="1 GB memoryview"),
        pytest.param(b"y" * 100_000_000, id="100 MB bytes"),
        pytest.param(dict.fromkeys(range(1_000_000), 1), id="a million keys"),
        pytest.param(list(range(1_000_000)), id="a million items"),
        pytest.param(set(range(1_000_000)), id="a set of a million"),
        pytest.param(np.zeros(10_000_000), id="80 MB array"),
    ],
)
def test_large_values_cost_little_memory(value: Any) -> None:
    clean_value(value, LIMITS)
    assert peak_of(lambda: clean_value(value, LIMITS)) < 4 << 20
    assert peak_of(lambda: clean_attributes({"value": value}, LIMITS)) < 4 << 20
    assert len(msgspec.msgpack.encode(clean_value(value, LIMITS))) < 1 << 20


def test_a_long_text_keeps_head_tail_and_size() -> None:
    cut = clean("head" + "x" * 200_000 + "tail", Limits(value_length=1000))
    head, tail, size = read_cut(cut)
    assert (head[:4], tail[-4:], size) == ("head", "tail", 200_008)
    assert len(head) == len(tail) == 500
    assert read_cut(clean(b"x" * 3000, Limits(value_length=1000)))[2] == 3000


def test_all_texts_together_are_bounded() -> None:
    limits = Limits(value_length=1000)
    cleaned = clean({str(number): "x" * 999 for number in range(5000)}, limits)
    assert len(msgspec.msgpack.encode(cleaned)) < 600_000
    assert len(cleaned) == 5000


def test_truncated_containers_say_how_much_is_missing() -> None:
    assert clean(list(range(50_000)))[-1] == "<40,001 more>"
    assert clean(dict.fromkeys(range(50_000), 1))["…"] == "<40,001 more>"


def test_cycles() -> None:
    items: list[Any] = [1]
    items.append(items)
    table: dict[str, Any] = {"list": items}
    table["self"] = table
    assert clean(table) == {"list": [1, "<cycle>"], "self": "<cycle>"}
    strict_json(clean(table))


def test_a_value_that_stands_twice_is_no_cycle() -> None:
    shared = {"a": 1}
    assert clean([shared, shared, {"b": shared}]) == [{"a": 1}, {"a": 1}, {"b": {"a": 1}}]


def test_ten_thousand_levels() -> None:
    nested: Any = "bottom"
    mapping: Any = "bottom"
    for _ in range(10_000):
        nested, mapping = [nested], {"a": mapping}
    for value in (nested, mapping, {"a": nested}):
        cleaned = clean(value)
        strict_json(cleaned)
        assert "<depth>" in json.dumps(cleaned)


def test_shared_references_do_not_explode() -> None:
    value: Any = ["leaf"]
    for _ in range(30):
        value = [value, value]
    assert len(msgspec.msgpack.encode(clean(value))) < 1 << 20


def test_a_container_that_another_thread_changes() -> None:
    shared: dict[int, int] = {}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            shared[number] = number
            shared.pop(number - 50, None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert "unreadable" not in str(clean_attributes({"shared": shared}, LIMITS))
    finally:
        stop.set()
        thread.join()


# --- numpy ------------------------------------------------------------------------------------------------------------


def test_numpy_values_are_summarised() -> None:
    assert clean(np.float64(1.5)) == 1.5
    assert clean(np.int32(7)) == 7
    assert clean(np.array([1])[0] == 1) is True
    assert clean(np.str_("s")) == "s"
    assert clean(np.float64("nan")) == "NaN"
    assert clean(np.datetime64("2024-05-01")) == "2024-05-01"
    assert clean(np.arange(100).reshape(10, 10)) == {
        "type": "numpy.ndarray",
        "shape": [10, 10],
        "dtype": "int64",
        "first": [0, 1, 2, 3, 4, 5, 6, 7],
    }
    assert clean(np.array([Raises()], dtype=object))["dtype"] == "object"


def test_numpy_is_not_imported() -> None:
    code = (
        "import sys\nfrom runlog.recording.clean import Limits, clean_value\n"
        "clean_value({'a': [object(), 1.5]}, Limits())\nsys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- attributes and messages ------------------------------------------------------------------------------------------


def test_attributes_of_every_kind_of_mapping() -> None:
    for values in ({"a": 1}, collections.UserDict(a=1), types.MappingProxyType({"a": 1}), collections.OrderedDict(a=1)):
        assert clean_attributes(values, LIMITS) == ({"a": 1}, 0)
    assert clean_attributes(BadMapping(), LIMITS)[0].keys() == {"runlog.unreadable"}
    assert clean_attributes("no mapping", LIMITS) == ({"value": "no mapping"}, 0)  # type: ignore[arg-type]


def test_attributes_over_the_limit_are_counted() -> None:
    cleaned, dropped = clean_attributes({f"k{number}": number for number in range(30)}, Limits(attributes=10))
    assert (len(cleaned), dropped) == (10, 20)


def test_secret_keys_are_redacted_at_every_depth() -> None:
    cleaned, _ = clean_attributes(
        {
            "password": "a",
            "user": {"apiKey": "b", "list": [{"x-auth-token": "c"}], "token_count": 5},
            "has_password": True,
            "secret": None,
            "credentials": {"user": "d"},
        },
        LIMITS,
    )
    assert cleaned == {
        "password": "[redacted:password]",
        "user": {"apiKey": "[redacted:api-key]", "list": [{"x-auth-token": "[redacted:token]"}], "token_count": 5},
        "has_password": True,
        "secret": None,
        "credentials": "[redacted:credentials]",
    }


def test_extra_keys_come_from_the_settings(project: pathlib.Path) -> None:
    (project / "runlog.toml").write_text('[scrub]\nkeys = ["customerCode"]\n[limits]\nattributes = 5\n')
    limits = Limits.from_settings(Settings.load())
    assert limits.attributes == 5
    assert clean_attributes({"customer_code": 7, "customer": 1}, limits)[0] == {
        "customer_code": "[redacted:customer-code]",
        "customer": 1,
    }


def test_long_keys_are_bounded() -> None:
    keys = {f"{number}{'k' * 4000}": number for number in range(5000)}
    assert len(msgspec.msgpack.encode(clean({"nested": keys}, Limits(value_length=1000)))) < 1_000_000
    cleaned, _ = clean_attributes({"k" * 10_000: 1}, LIMITS)
    assert len(next(iter(cleaned))) <= 4096


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("text", "text"),
        ("a\0b", "a\\x00b"),
        (5, "5"),
        (None, "null"),
        ({"a": [1], "password": "p"}, '{"a":[1],"password":"[redacted:password]"}'),
        (ValueError("bad"), "ValueError: bad"),
    ],
)
def test_messages(message: object, expected: str) -> None:
    assert clean_text(message, LIMITS) == expected


def test_a_long_message_is_cut_even_inside_a_structure() -> None:
    limits = Limits(value_length=100)
    assert read_cut(clean_text("x" * 1000, limits))[2] == 1000
    assert "900 characters" not in str(clean_text({"a": "x" * 1000}, limits))
    assert "1,000 characters cut" in clean_text({"a": "x" * 1000}, limits)
