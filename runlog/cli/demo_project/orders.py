"""An order on its way: queues, keys, waits, limits. `runlog demo` looks at these runs while they wait."""

from __future__ import annotations

import asyncio
import os
import time

import httpx

from runlog import Context, Queue, Retry, ScheduledTime, logger, retry, schedule, stream, task, wait

SHOP_API = os.environ.get("DEMO_URL", "http://127.0.0.1:4470")
warehouse = Queue("warehouse", concurrency=1)
"""There is one robot: the others wait for it, and say so."""


@task(retry=Retry(max_attempts=2, min_delay=0.3, jitter=False))
async def fulfil_order(order: int, ctx: Context) -> None:
    """The second attempt finds the payment by its key. Then three waits go on at once, and hold no place."""
    await take_payment.trigger_and_wait(order, idempotency_key="payment")
    if ctx.attempt.number == 1:
        raise ConnectionError("the warehouse hung up")
    ctx.metadata.set("progress", "paid")
    approval = await wait.create_token(timeout=300, tags=["customs"])
    packed, label, answer = await asyncio.gather(
        pack.batch_trigger_and_wait(["piano", "stool"]),
        print_label.trigger_and_wait(order),
        wait.for_token(approval),  # somebody says yes: `runlog tokens complete`
    )
    compute_route(seconds=0.4)
    await wait.for_(0.5)  # the van leaves
    ctx.metadata.set("progress", f"{len(packed)} parcels sent, cleared by {answer.unwrap()['by']}")
    stream("mail").write(f"Dear Ada, {label} is on its way")


def compute_route(seconds: float) -> None:
    """A mistake that is hard to find: it blocks the event loop, and with it all other runs."""
    time.sleep(seconds)


@task
async def take_payment(order: int) -> str:
    return f"receipt-{order}"


@task(queue=warehouse)
async def pack(item: str) -> None:
    """The robot answers when it has packed the item."""
    async with httpx.AsyncClient(timeout=30) as client:
        await client.post(f"{SHOP_API}/robot/{item}")


@task
async def print_label(order: int) -> str:
    """The carrier's first answer is 429 with `Retry-After: 1`: the second try comes a second later."""
    async with httpx.AsyncClient() as client:
        response = await retry.http(client, "POST", f"{SHOP_API}/labels/{order}")
    return str(response.json()["label"])


@task
async def index_product(name: str) -> None:
    """Triggered at each key stroke, it runs once when there is a rest."""
    logger.info("indexing {name}", name=name)


@schedule(cron="* * * * *", tz="Europe/Berlin")
@task
async def count_till(at: ScheduledTime) -> None:
    logger.info("counting the till", planned=at.timestamp.isoformat())
