"""What type checkers make of the task API. mypy reads this file; nothing runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import httpx

from runlog.tasks import (
    AsyncTask,
    BatchHandle,
    Context,
    Debounce,
    IdempotencyKey,
    Item,
    Local,
    Queue,
    Resource,
    Retry,
    RunHandle,
    RunResult,
    SyncTask,
    current_run,
    hooks,
    lifespan,
    middleware,
    retrying,
    task,
    trigger,
)


@dataclass
class Order:
    number: int


@task
async def bare(order: Order) -> str:
    return str(order.number)


@task(id="with-options", retry=Retry(max_attempts=5), max_duration=3, tags=["a"])
async def with_options(order: Order, ctx: Context) -> list[int]:
    return [ctx.attempt.number]


@task(retry=1)
async def nothing() -> None: ...


@task
async def only_context(ctx: Context) -> str:
    return ctx.run.id


@task
def in_thread(number: int) -> float:
    return number / 2


@task(retry=5)
def in_thread_with_context(number: int, ctx: Context) -> float:
    return number / ctx.attempt.number


@task
def in_thread_without_payload() -> int:
    return 1


@middleware
async def session(ctx: Context) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def transaction(ctx: Context) -> AsyncIterator[None]:
    yield


@task(
    queue=Queue("mail", concurrency=5),
    ttl=timedelta(hours=1),
    priority=60,
    process=True,
    memory=512,
    middleware=[transaction, session],
    version="v2",
)
async def everything(order: Order) -> str:
    return str(order.number)


@everything.on_success
async def delivered(output: str, ctx: Context) -> None: ...


@hooks.on_failure
def failed(error: Exception) -> None: ...


@lifespan
async def database() -> AsyncIterator[Order]:
    yield Order(1)


@lifespan
def settings() -> Iterator[int]:
    yield 1


client = Local[Order]("client")

assert_type(everything, AsyncTask[Order, str])
assert_type(database, Resource[Order])
assert_type(database.get(), Order)
assert_type(settings, Resource[int])
assert_type(client.get(), Order)
assert_type(client.get(None), Order | None)
assert_type(bare, AsyncTask[Order, str])
assert_type(with_options, AsyncTask[Order, list[int]])
assert_type(nothing, AsyncTask[None, None])
assert_type(only_context, AsyncTask[None, str])
assert_type(in_thread, SyncTask[int, float])
assert_type(in_thread_with_context, SyncTask[int, float])
assert_type(in_thread_without_payload, SyncTask[None, int])

assert_type(in_thread(1), float)
assert_type(in_thread_without_payload(), int)
assert_type(current_run(), Context)
assert_type(current_run(None), Context | None)


async def calling() -> None:
    coroutine: Coroutine[Any, Any, str] = bare(Order(1))
    assert_type(await coroutine, str)
    assert_type(await with_options(Order(1)), list[int])
    assert_type(await only_context(), str)


async def triggering() -> None:
    handle = await bare.trigger(Order(1), delay=5, tags=["t"])
    assert_type(handle, RunHandle[str])
    result = await handle.wait()
    assert_type(result, RunResult[str])
    assert_type(result.output, str | None)
    assert_type(result.unwrap(), str)
    assert_type(await handle.cancel(), bool)
    assert_type(await with_options.trigger_and_wait(Order(1)), list[int])
    assert_type(await only_context.trigger_and_wait(), str)
    assert_type(await only_context.trigger(), RunHandle[str])
    assert_type(await in_thread.trigger_and_wait(1), float)
    assert_type(await in_thread.batch_trigger([1, 2]), BatchHandle[float])
    assert_type(await (await in_thread.batch_trigger([1])).wait(), list[RunResult[float]])
    assert_type(await bare.batch_trigger_and_wait([Order(1)]), list[RunResult[str]])
    assert_type(await trigger("by-id", {"free": "form"}), RunHandle[Any])


async def triggering_with_options() -> None:
    handle = await bare.trigger(
        Order(1),
        run_at=datetime(2030, 1, 1, tzinfo=UTC),
        ttl=timedelta(hours=1),
        queue=Queue("mail"),
        concurrency_key="user-7",
        priority=60,
        idempotency_key=IdempotencyKey("order-7", scope="global"),
        idempotency_ttl=timedelta(days=1),
        metadata={"step": 1},
        max_attempts=5,
        max_duration=30,
        version="v2",
    )
    assert_type(handle, RunHandle[str])
    assert_type(await only_context.trigger(debounce=Debounce("user-7", delay=5)), RunHandle[str])
    assert_type(await only_context.trigger_and_wait(idempotency_key="k"), str)
    assert_type(await bare.trigger_and_wait(Order(1), queue="mail"), str)
    batch = await bare.batch_trigger([Order(1), Item(Order(2), delay=5)], tags=["t"])
    assert_type(batch, BatchHandle[str])
    results = await bare.batch_trigger_and_wait([Item(Order(1), idempotency_key="k")], queue="mail")
    assert_type(results, list[RunResult[str]])
    assert_type(await trigger("by-id", queue="mail", metadata={"step": 1}), RunHandle[Any])


async def retried(client: httpx.AsyncClient, session: httpx.Client) -> None:
    async def fetch() -> int:
        return 1

    def fetch_here() -> int:
        return 1

    assert_type(await retrying.on_throw(fetch, Retry(5)), int)
    assert_type(retrying.on_throw(fetch_here, 5), int)
    assert_type(await retrying.http(client, "GET", "https://example.com", headers={}), httpx.Response)
    assert_type(retrying.http(session, "GET", "https://example.com", retry=3), httpx.Response)


async def refused() -> None:
    await bare.trigger(Order(1), delay="5m")  # type: ignore[arg-type]
    await bare.trigger(Order(1), run_at="2030-01-01")  # type: ignore[arg-type]
    await bare.batch_trigger([Item(5)])  # type: ignore[arg-type]
    Item(5, dealy=5)  # type: ignore[call-arg]
    await bare.trigger(5)  # type: ignore[arg-type]
    await bare.trigger()  # type: ignore[call-arg]
    await nothing.trigger(5)  # type: ignore[call-overload]
    await bare.trigger(Order(1), dealy=5)  # type: ignore[call-arg]
    await in_thread.batch_trigger(["one"])  # type: ignore[list-item]
    in_thread("one")  # type: ignore[arg-type]
    await nothing.trigger_and_wait()
