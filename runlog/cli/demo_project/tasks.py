"""Tasks that fail, each in its own way, and what a run log says of it. Read it beside `runlog show RUN`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass

import anyio
import httpx
import requests
import shop

from runlog import AbortRun, Context, Retry, logger, stream, task, wait

SHOP_API = os.environ.get("DEMO_URL", "http://127.0.0.1:4470")


@dataclass
class SyncUser:
    user_id: int


@task(retry=Retry(max_attempts=3, min_delay=0.2))
async def sync_user(payload: SyncUser) -> dict[str, object]:
    """One HTTP call and one SQL statement, both traced by plugins; a span of its own round each."""
    logger.info("syncing user {user_id}", user_id=payload.user_id)

    async def fetch(span) -> dict[str, object]:  # type: ignore[no-untyped-def]
        span.set_attribute("user.id", payload.user_id)
        async with httpx.AsyncClient() as client:
            response = await client.get(f"{SHOP_API}/users/{payload.user_id}", headers={"x-request-id": "demo-1"})
        response.raise_for_status()
        return response.json()  # type: ignore[no-any-return]

    user = await logger.trace("fetch-user", fetch)
    with logger.trace("save", table="users") as span:
        await anyio.to_thread.run_sync(shop.save_user, user)
        span.set_attribute("rows", 1)
    return user


@task
async def import_customers(user_ids: list[int]) -> int:
    """Three child runs in this run's trace; the parent gives its slot back while it waits."""
    logger.info("importing {count} customers", count=len(user_ids))
    results = await sync_user.batch_trigger_and_wait([SyncUser(user_id) for user_id in user_ids])
    return sum(result.ok for result in results)


@task(retry=Retry(max_attempts=3, min_delay=0.3, jitter=False))
async def send_invoice(invoice: int, ctx: Context) -> str:
    """The mail service answers 503 twice: two failed attempts, two retry delays, then success."""
    async with httpx.AsyncClient() as client:
        response = await client.post(
            f"{SHOP_API}/mail/{ctx.run.id}", json={"invoice": invoice, "api_key": "sk_live_not_kept"}
        )
    if response.status_code == 503:
        logger.warn("the mail service is busy", attempt=ctx.attempt.number)
        response.raise_for_status()
    return f"invoice {invoice} sent"


@task(retry=Retry(max_attempts=2, min_delay=0.2))
async def charge_card(order: int) -> None:
    """Fails for good: nothing listens at the payment service. `runlog show` says so first."""
    with logger.trace("payment", {"order.id": order, "card_number": "4242 4242 4242 4242"}):
        async with httpx.AsyncClient() as client:
            await client.post("http://127.0.0.1:9/charge", json={"order": order})


class DoesNotBalance(Exception):
    """The till and the ledger do not agree."""


@task(retry=Retry(max_attempts=2, min_delay=0.2, jitter=False))
async def close_books(day: str, ctx: Context) -> None:
    """Fails for good, deep inside: a child run, calls and statements that repeat, a wait, and colours come before."""
    ctx.metadata.set("progress", "matching payments")
    await sync_user.trigger_and_wait(SyncUser(5), idempotency_key="cashier")
    async with httpx.AsyncClient(base_url=SHOP_API) as client:
        with logger.trace("match-payments", day=day) as span:
            unpaid = 0
            for order in range(1, 13):
                payment = (await client.get(f"/payments/{order}")).json()
                unpaid += not (payment["cents"] or await anyio.to_thread.run_sync(shop.was_paid, order))
            span.set_attribute("orders.unpaid", unpaid)
            print(f"\x1b[32m✓ {12 - unpaid} orders are paid\x1b[0m, \x1b[31m✗ {unpaid} are not\x1b[0m")
            logger.warn("{count} orders are not paid", count=unpaid)
        await wait.for_(0.2)  # the last receipts come in
        ctx.metadata.set("progress", "booking")
        stream("ledger").write(f"{day}: {12 - unpaid} payments")
        with logger.trace("book", day=day):
            response = await client.post("/ledger", json={"day": day, "payments": 12 - unpaid})
            if response.status_code == 409:
                raise DoesNotBalance(response.json()["error"])


@task
def monthly_report(month: str) -> dict[str, int]:
    """A sync task in a thread: print, logging and warnings land in its run; the project's plugin traces subprocess."""
    print(f"report for {month}")
    orders = requests.get(f"{SHOP_API}/orders", params={"month": month, "token": "t0p-secret"}, timeout=5).json()
    logging.getLogger("shop.report").warning("%d orders have no address", 2, extra={"month": month})
    warnings.warn("PDF version 1 is going away", stacklevel=2)
    total = shop.total_of(orders)
    subprocess.run([sys.executable, "-c", "print('rendered')"], check=True, capture_output=True)
    return {"orders": len(orders), "total": total}


@task
async def watch_prices(symbol: str) -> None:
    """Runs until it is cancelled: open spans end as what they are."""
    with logger.trace("watching {symbol}", symbol=symbol):
        while True:
            await anyio.sleep(0.2)
            logger.debug("tick", symbol=symbol)


@charge_card.on_failure
async def tell_customer(payload: int, error: BaseException) -> None:
    """A hook: called once, when no attempt is left."""
    logger.warn("telling the customer of order {order}", order=payload, because=type(error).__name__)


@task
def refund(order: int) -> str:
    """Says itself that another attempt is pointless; `runlog replay` with another payload is not."""
    if not shop.was_paid(order):
        logger.error("order {order} was never paid", order=order)
        raise AbortRun(f"order {order} was never paid")
    return f"order {order} is refunded"


@task
async def resize_image(name: str, ctx: Context) -> str:
    """Its worker process is killed with SIGKILL half-way. Nothing it logged is lost, and the run goes on elsewhere."""
    logger.info("resizing {name}", name=name)
    with logger.trace("decode", image=name):
        if ctx.attempt.number == 1:
            logger.warn("this process is about to be killed with SIGKILL", pid=os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)
    return f"{name}: 640 x 480"


@task(process=True, memory=150)
def render_catalogue(megabytes: int) -> int:
    """In a process of its own, which is ended when it uses more than 150 MiB. The worker goes on."""
    pages = []
    for _ in range(megabytes):
        pages.append(os.urandom(2**20))
        time.sleep(0.002)
    return len(pages)
