from __future__ import annotations

import builtins
import json
import sys
from typing import Any

import msgspec
import pytest

from runlog.recording.clean import Limits, read_cut
from runlog.recording.exceptions import describe_exception

LIMITS = Limits()


def describe(error: BaseException) -> dict[str, Any]:
    described = describe_exception(error, LIMITS)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(described)) == described
    return described


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        if cause is not None:
            raise error from cause
        raise error
    except BaseException as caught:
        return caught


class AppError(Exception):
    pass


def test_type_message_notes_and_frames() -> None:
    error = AppError("bad value")
    error.add_note("first note")
    error.add_note("second note")
    local_secret = "never shown"  # noqa: F841
    described = describe(raised(error))
    assert described["type"] == "AppError"
    assert described["module"] == AppError.__module__
    assert described["message"] == "bad value"
    assert described["notes"] == ["first note", "second note"]
    (frame,) = described["frames"]
    assert frame["file"] == __file__
    assert frame["function"] == "raised"
    assert frame["source"] == "raise error"
    assert frame["line"] == raised.__code__.co_firstlineno + 4
    assert "never shown" not in json.dumps(described)
    assert described.keys() == {"type", "module", "message", "notes", "frames"}


def test_frames_run_from_the_outermost_to_the_innermost() -> None:
    def outer() -> None:
        inner()

    def inner() -> None:
        raise ValueError

    with pytest.raises(ValueError) as caught:
        outer()
    functions = [frame["function"].rsplit(".", 1)[-1] for frame in describe(caught.value)["frames"]]
    assert functions[-2:] == ["outer", "inner"]


def test_builtin_exceptions() -> None:
    assert describe(KeyError("k"))["message"] == "'k'"
    assert describe(ValueError())["message"] == ""
    assert describe(ValueError("a", 1))["message"] == "('a', 1)"
    assert describe(OSError(2, "No such file", "x"))["message"] == "[Errno 2] No such file: 'x'"
    assert describe(KeyboardInterrupt())["type"] == "KeyboardInterrupt"
    assert describe(SystemExit(3))["message"] == "3"


def test_cause_and_context_as_python_shows_them() -> None:
    caused = describe(raised(AppError("top"), ValueError("below")))
    assert caused["cause"]["message"] == "below"
    assert "context" not in caused

    try:
        try:
            raise ValueError("first")
        except ValueError:
            raise AppError("second")
    except AppError as error:
        described = describe(error)
        error.__suppress_context__ = True
        suppressed = describe(error)
    assert described["context"]["message"] == "first"
    assert "context" not in suppressed


def test_long_chains_are_counted() -> None:
    error: BaseException = ValueError("0")
    for number in range(1, 1000):
        error = raised(AppError(str(number)), error)
    described = describe(error)
    depth = 0
    while "cause" in described:
        described = described["cause"]
        depth += 1
    assert depth == 15
    assert described["dropped"] == {"chain": 984}


def test_cycles_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    described = describe(first)
    assert described["context"]["message"] == "second"
    assert described["context"]["dropped"] == {"repeated": 1}
    first.__cause__ = first
    assert describe(first)["dropped"] == {"repeated": 1}


def test_groups() -> None:
    inner = ExceptionGroup("inner", [KeyError("k")])
    group = BaseExceptionGroup("outer", [ValueError("v"), inner, KeyboardInterrupt()])
    described = describe(group)
    assert described["type"] == "BaseExceptionGroup"
    assert described["message"] == "outer (3 sub-exceptions)"
    assert [member["type"] for member in described["group"]] == ["ValueError", "ExceptionGroup", "KeyboardInterrupt"]
    assert described["group"][1]["group"][0]["message"] == "'k'"


def test_large_groups_are_counted() -> None:
    described = describe(BaseExceptionGroup("many", [raised(ValueError(str(number))) for number in range(1000)]))
    assert len(described["group"]) == 100
    assert described["dropped"] == {"group": 900}
    nested: Exception = ValueError("bottom")
    for _ in range(500):
        nested = ExceptionGroup("level", [nested])
    assert len(json.dumps(describe(nested))) < 100_000


def test_deep_tracebacks_keep_both_ends() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise ValueError("deep")
        recurse(depth - 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5000)
    try:
        recurse(3000)
    except ValueError as error:
        described = describe(error)
    finally:
        sys.setrecursionlimit(limit)
    assert len(described["frames"]) == 100
    assert described["dropped"]["frames"] == 3002 - 100
    assert described["frames"][-1]["source"] == 'raise ValueError("deep")'
    assert described["frames"][0]["source"] == "recurse(3000)"


def test_all_frames_together_are_bounded() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise ValueError("deep")
        recurse(depth - 1)

    errors = []
    for _ in range(100):
        try:
            recurse(90)
        except ValueError as error:
            errors.append(error)
    assert len(msgspec.msgpack.encode(describe(ExceptionGroup("many", errors)))) < 1 << 20


def test_a_recursion_error_is_described() -> None:
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError) as caught:
        endless()
    assert describe(caught.value)["type"] == "RecursionError"


def refuse(self: object) -> Any:
    raise RuntimeError("refused")


class HostileError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")

    def __repr__(self) -> str:
        raise ValueError("no text")


for name in ("__notes__", "__cause__", "__context__", "__traceback__", "args"):
    setattr(HostileError, name, property(refuse))


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class OddGroup(ExceptionGroup[Exception]):
    @property
    def exceptions(self) -> Any:
        raise RuntimeError("no members")

    def __str__(self) -> str:
        return "odd"


def test_hostile_exceptions() -> None:
    described = describe(raised(HostileError("x")))
    assert described["type"] == "HostileError"
    assert "raised ValueError" in described["message"] or "not called again" in described["message"]
    assert "Unprintable" in describe(ValueError(Unprintable()))["message"]
    assert "Unprintable" in describe(ValueError(Unprintable(), 1))["message"]
    assert describe(OddGroup("odd", [ValueError("member")]))["group"][0]["message"] == "member"


def test_notes_that_are_none() -> None:
    error = ValueError("x")
    error.__notes__ = 5  # type: ignore[assignment]
    assert describe(error)["notes"] == ["<notes: int>"]
    error.__notes__ = ["a", 5, Unprintable()]  # type: ignore[list-item]
    assert describe(error)["notes"][:2] == ["a", "5"]
    error.__notes__ = [str(number) for number in range(1000)]
    assert describe(error)["dropped"] == {"notes": 900}


def test_long_messages_are_cut() -> None:
    described = describe_exception(ValueError("x" * 1_000_000), Limits(value_length=1000))
    assert read_cut(described["message"])[2] == 1_000_000


def test_code_without_a_file() -> None:
    code = compile("raise ValueError('from nowhere')", "<nowhere>", "exec")
    try:
        builtins.exec(code)
    except ValueError as error:
        frame = describe(error)["frames"][-1]
    assert (frame["file"], frame["source"]) == ("<nowhere>", "")
