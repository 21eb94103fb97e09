"""`@task`: ids, options, plain calls, payloads, the registry."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID

import anyio
import pydantic
import pytest
import typing_extensions

from runlog.errors import PayloadError, RunNotFound, TaskError
from runlog.tasks import Context, Debounce, NotStored, Registry, Retry, TaskDecorator, current_run
from runlog.tasks.decorator import kebab_case
from runlog.tasks.payload import Codec
from runlog.tasks.signature import ANYTHING


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def task(registry: Registry) -> TaskDecorator:
    return TaskDecorator(registry)


@dataclasses.dataclass
class Order:
    number: int
    when: datetime | None = None


class Model(pydantic.BaseModel):
    number: int
    hidden: str = pydantic.Field(default="x", exclude=True)


class Color(enum.Enum):
    RED = "red"


class Shape(typing_extensions.TypedDict):
    sides: int


@pytest.mark.parametrize(
    ("name", "task_id"),
    [("sync_user", "sync-user"), ("syncUser", "sync-user"), ("_private_", "private"), ("HTTPCall2Go", "http-call2-go")],
)
def test_the_id_is_the_functions_name_in_kebab_case(name: str, task_id: str) -> None:
    assert kebab_case(name) == task_id


def test_bare_and_with_options(task: TaskDecorator, registry: Registry) -> None:
    @task
    async def first_task() -> None:
        """What it does."""

    @task(id="other", retry=5, max_duration=timedelta(minutes=1), tags=["a"], queue="mail")
    def second(n: int) -> int:
        return n

    assert (first_task.id, first_task.retry, first_task.max_duration, first_task.tags) == (
        "first-task",
        Retry(),
        None,
        (),
    )
    assert (first_task.__name__, first_task.__doc__) == ("first_task", "What it does.")
    assert (second.id, second.retry, second.max_duration) == ("other", Retry(max_attempts=5), 60.0)
    assert (second.tags, second.queue_name, first_task.queue_name) == (("a",), "mail", "first-task")
    assert registry.ids() == ["first-task", "other"]
    assert registry.find("nothing") is None
    with pytest.raises(TaskError, match="did you mean 'other'"):
        registry.get("othr")


def test_retry_forms() -> None:
    assert (Retry.of(None), Retry.of(1), Retry.of(Retry(7))) == (Retry(3), Retry(1), Retry(7))
    exact = Retry(min_delay=1, factor=2, max_delay=5, jitter=False)
    assert [exact.delay(n) for n in (1, 2, 3, 4, 100_000)] == [1, 2, 4, 5, 5]
    delays = [Retry().delay(2) for _ in range(200)]
    assert 2 <= min(delays) < max(delays) <= 4
    for wrong in ({"max_attempts": 0}, {"factor": 0}, {"min_delay": 5, "max_delay": 1}, {"min_delay": math.nan}):
        with pytest.raises(ValueError):
            Retry(**wrong)
    assert Retry(on=ValueError).on == (ValueError,)  # type: ignore[arg-type] # kind to who forgets the comma
    for kinds in ("ValueError", [1], int):
        with pytest.raises(ValueError, match="exception types"):
            Retry(on=cast("Any", kinds))


def test_two_functions_with_one_id_are_an_error_that_names_both(task: TaskDecorator) -> None:
    @task(id="same")
    async def one() -> None: ...

    with pytest.raises(TaskError) as error:

        @task(id="same")
        async def two() -> None: ...

    text = str(error.value)
    assert "'same'" in text
    for name in ("one", "two"):
        assert f"{name} ({__file__}:" in text


def test_a_module_that_is_imported_again_replaces_its_tasks(registry: Registry) -> None:
    def define() -> Any:
        @TaskDecorator(registry)
        async def again() -> None: ...

        return again

    define()
    assert define() is registry.get("again")


def _generator() -> Any:
    yield 1


async def _async_generator() -> Any:
    yield 1


def _two_payloads(a: int, b: int) -> None: ...


def _variable(*values: int) -> None: ...


@pytest.mark.parametrize("function", [_generator, _async_generator, _two_payloads, _variable, Order, 5])
def test_what_cannot_be_a_task_is_refused(task: TaskDecorator, function: Any) -> None:
    with pytest.raises(TaskError):
        task(function)


def test_a_task_is_no_function_to_make_a_task_of(task: TaskDecorator) -> None:
    with pytest.raises(TaskError, match="already"):
        task(task(id="twice")(lambda: None))


@pytest.mark.parametrize(
    "options",
    [
        {"id": ""},
        {"id": "two words"},
        {"id": "a\n"},
        {"id": "x" * 129},
        {"max_duration": 0},
        {"queue": ""},
        {"queue": "two words"},
        {"ttl": 0},
        {"ttl": -1},
        {"priority": math.nan},
        {"priority": "high"},
        {"memory": 512},
        {"process": True, "memory": 0},
        {"middleware": lambda ctx: ctx},
        {"middleware": ["text"]},
        {"version": ""},
    ],
)
def test_wrong_options_are_refused(task: TaskDecorator, options: dict[str, Any]) -> None:
    with pytest.raises(TaskError):
        task(**options)(_function)


async def _function() -> None: ...


def test_tags_are_checked(task: TaskDecorator) -> None:
    for tags in ("text", ["x"] * 11, [""], ["x" * 129], [1]):
        with pytest.raises(TaskError):
            task(tags=tags)(_function)  # type: ignore[arg-type]
    made = task(tags=["own"])(_function)
    assert made.request(None, {"tags": ["own", "more"]}).tags == ("own", "more")
    with pytest.raises(TaskError):
        made.request(None, {"tags": [f"t{n}" for n in range(10)]})


def test_plain_calls_run_the_function_here_and_now(task: TaskDecorator) -> None:
    @task
    def plain(n: int) -> int:
        return n + 1

    @task
    async def with_context(n: int, ctx: Context) -> tuple[int, str, int]:
        return n, ctx.task.id, ctx.attempt.number

    @task
    def context_first(ctx: Context, n: int = 7) -> tuple[str, int]:
        return ctx.run.id, n

    @task
    def by_keyword(n: int, *, ctx: Context | None = None) -> bool:
        return ctx is None

    assert plain(1) == 2
    assert anyio.run(with_context, 3) == (3, "with-context", 1)
    mine = Context(with_context.info)
    assert context_first() == ("", 7)
    call: Any = context_first
    assert (call(8), call(n=9), call(mine, 1)) == (("", 8), ("", 9), ("", 1))
    assert by_keyword(1) is False
    keyword: Any = by_keyword
    assert keyword(1, ctx=None) is True
    with pytest.raises(TypeError):
        call(1, 2, 3)
    mine.checkpoint()


def test_there_is_no_current_run_outside_one() -> None:
    with pytest.raises(RunNotFound, match="no current run"):
        current_run()
    assert current_run("default") == "default"


def test_annotations_may_name_what_is_defined_later_or_locally(task: TaskDecorator) -> None:
    @dataclasses.dataclass
    class Local:
        n: int

    @task
    async def local(payload: Local) -> None: ...

    @task
    async def later(payload: Later) -> Missing:  # type: ignore[name-defined]  # noqa: F821
        ...

    assert local.request(Local(1), {}).payload == b'{"n":1}'
    with pytest.raises(TaskError, match="Later"):
        later.check()
    globals()["Later"] = int
    try:
        assert later.request(1, {}).payload == b"1"
        assert later.signature.result_type is ANYTHING
    finally:
        del globals()["Later"]


ROUND_TRIPS: list[tuple[Any, Any]] = [
    (int, 5),
    (Order, Order(1, datetime(2026, 1, 2, tzinfo=UTC))),
    (Model, Model(number=3)),
    (Shape, {"sides": 4}),
    (list[Order], [Order(1), Order(2)]),
    (dict[str, set[int]], {"a": {1, 2}}),
    (tuple[int, str], (1, "x")),
    (bytes, b"\xff\x00"),
    (Decimal, Decimal("1.10")),
    (UUID, UUID(int=7)),
    (Color, Color.RED),
    (Path, Path("/tmp/x")),
    (int | None, None),
    (timedelta, timedelta(seconds=1.5)),
    (Annotated[int, pydantic.Field(gt=0)], 3),
    (int, 2**200),
    (Any, {"free": [1, "two", None]}),
    (str, "\x00 \u2028 😀"),
]


@pytest.mark.parametrize(("annotation", "value"), ROUND_TRIPS, ids=str)
def test_payloads_and_results_come_back_as_they_went(annotation: Any, value: Any) -> None:
    codec = Codec(annotation, "it")
    assert codec.decode_payload(codec.encode_payload(value)) == value
    data, reason = codec.encode_result(value, 1_000_000)
    assert reason is None
    assert codec.decode_result(data) == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_numbers_for_comes_back_too(number: float) -> None:
    codec = Codec(float, "it")
    assert repr(codec.decode_payload(codec.encode_payload(number))) == repr(number)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "x"),
        (Order, {"number": "one"}),
        (Any, object()),
        (str, "\ud800"),
        (list[int], [1, "b"]),
        (Any, {1: object()}),
    ],
)
def test_payloads_that_do_not_fit_are_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(PayloadError, match="'it'"):
        Codec(annotation, "it").encode_payload(value)


def test_a_payload_that_would_not_come_back_is_refused() -> None:
    class OneWay(pydantic.BaseModel):
        number: int = pydantic.Field(exclude=True)

    with pytest.raises(PayloadError):
        Codec(OneWay, "it").encode_payload(OneWay(number=1))


def test_a_type_that_pydantic_does_not_know_is_said_so(task: TaskDecorator) -> None:
    class Strange: ...

    @task
    async def strange(payload: Strange) -> None: ...

    with pytest.raises(PayloadError, match="Strange"):
        strange.check()


def test_missing_and_surplus_payloads_are_refused(task: TaskDecorator) -> None:
    @task
    async def needs(n: int) -> None: ...

    @task
    async def optional(n: int = 3) -> int:
        return n

    @task
    async def none() -> None: ...

    from runlog.tasks.options import MISSING

    with pytest.raises(PayloadError, match="needs a payload"):
        needs.request(MISSING, {})
    with pytest.raises(PayloadError, match="takes no payload"):
        none.request(1, {})
    assert optional.request(MISSING, {}).payload is None
    assert optional.arguments(None, Context(optional.info)) == ((), {})
    assert none.request(None, {}).payload is None


def test_results_that_do_not_fit_their_annotation_come_back_as_plain_data() -> None:
    codec = Codec(int, "it")
    data, reason = codec.encode_result({"not": "an int"}, 1000)
    assert reason is None
    assert codec.decode_result(data) == {"not": "an int"}


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("make", [Hostile, lambda: (n for n in [1]), lambda: iter([1]), lambda: _cycle([])])
def test_results_without_json_are_described(make: Callable[[], object]) -> None:
    data, reason = Codec(ANYTHING, "it").encode_result(make(), 1000)
    described = Codec(ANYTHING, "it").decode_result(data)
    assert isinstance(described, NotStored)
    assert described.reason == reason
    assert "JSON" in described.reason


def _cycle(values: list[Any]) -> list[Any]:
    values.append(values)
    return values


class Mailer:
    async def send(self) -> None: ...
    async def fetch(self, number: int) -> None: ...
    @staticmethod
    async def count(number: int) -> int:
        return number

    async def bound(self, number: int) -> int:
        return number


def test_a_method_is_refused_and_what_can_be_called_without_an_object_is_not(task: TaskDecorator) -> None:
    for method in (Mailer.send, Mailer.fetch):
        with pytest.raises(TaskError, match="is a method"):
            task(id="a-method")(cast("Callable[[Any], Any]", method))
    assert task(Mailer.count).id == "count"
    assert task(Mailer().bound).id == "bound"


def test_a_function_without_a_name_needs_an_id(task: TaskDecorator) -> None:
    for function in (lambda number: number, functools.partial(_function)):
        with pytest.raises(TaskError, match="no name"):
            task(function)
    assert task(id="double")(lambda number: number * 2).id == "double"
    with pytest.raises(TaskError, match="cannot see what"):
        task(cast("Callable[[Any], Any]", min))


def test_a_wrapped_generator_is_refused(task: TaskDecorator) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    @functools.wraps(numbers)
    def wrapper() -> Any:
        return numbers()

    with pytest.raises(TaskError, match="yields"):
        task(id="numbers")(wrapper)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_batches_that_make_no_sense_are_refused(task: TaskDecorator) -> None:
    @task
    async def take(payload: Any) -> None: ...

    for payloads in ("abc", {"a": 1}, (number for number in range(3))):
        with pytest.raises(PayloadError, match="a batch takes a list"):
            await take.batch_trigger(payloads)
    with pytest.raises(PayloadError, match="1,000"):
        await take.batch_trigger([1] * 1001)
    for name, value in {"idempotency_key": "k", "debounce": Debounce("k", delay=1)}.items():
        with pytest.raises(TaskError, match=f"one {name} for a batch of 2 runs"):
            await take.batch_trigger([1, 2], **{name: value})
