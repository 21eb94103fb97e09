"""A run with very many rows: all of it is there, and what one looks for is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from runlog.stores.base import Event
from tests.browser.made import SECOND, MadeRun, failure, run_id, writing
from tests.browser.site import Site

SMALL, LARGE = 20_000, 100_000
REFUSED = failure("ConnectError", "the connection was refused", source='client.get("/users/1")')
EACH = 20
"""Spans and logs of each batch, beside its own span."""
FIRST = f"/runs/{run_id(1)}"
SIZES = pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])


def make(site: Site, size: int) -> None:
    """A run with so many spans, and as many logs. Deep inside, after nine tenths of it, a request failed."""
    site.tasks("import runlog\n")
    with writing(site.folder) as log:
        made = MadeRun(1, "nightly-import", ago=3600)
        log.write(events=events(made, size))
        error = {"type": "ConnectError", "message": "the connection was refused", "exception": REFUSED}
        log.write([made.run("FAILED", error=error, errors=4)])
    site.serve()


def events(made: MadeRun, size: int) -> Iterator[Event]:
    batches = (size - 2) // (EACH + 1)
    failing = batches * 9 // 10
    for number in range(batches):
        exception = REFUSED if number == failing else None
        batch = made.span(f"batch {number}", exception=exception, took=SECOND // 100)
        for item in range(EACH):
            refused = exception if item == EACH - 1 else None
            made.span("HTTP GET /users/1" if refused else "HTTP GET", batch, exception=refused)
            made.log(f"item {item} of batch {number}", batch)
        yield from made.events
        made.events.clear()
    for number in range(size - 2 - batches * (EACH + 1)):
        made.span(f"last {number}")
    for number in range(size - batches * EACH):
        made.log(f"line {number}")
    made.end(REFUSED)
    yield from made.events


def rows(page: Page) -> int:
    """How many rows the tree says that it has."""
    return int(page.evaluate("document.querySelector('.tl-scroll').ariaRowCount ?? "
                             "document.querySelector('.tl-scroll').getAttribute('aria-rowcount')"))  # fmt: skip


@SIZES
def test_a_run_of_many_rows_opens_whole_and_what_is_looked_for_is_found(site: Site, size: int) -> None:
    make(site, size)
    page = site.open(FIRST)
    expect(page.locator(".tl-summary")).to_have_text(f"{2 * size:,} rows", timeout=60_000)

    # Where it went wrong.
    page.get_by_role("button", name="Jump to ConnectError").click()
    expect(page.locator(".tl-selected")).to_contain_text("HTTP GET /users/1")
    expect(page.locator(".tl-selected")).to_be_in_viewport()
    expect(page.locator(".inspector")).to_contain_text("the connection was refused")
    page.keyboard.press("Escape")

    # What repeats is one row that says how often.
    page.locator(".tl-scroll").focus()
    page.keyboard.press("4")
    page.keyboard.press("Home")
    fold = page.locator(".tl-row").filter(has_text="HTTP GET").filter(has_text=f"\u00d7{EACH - 1}")
    expect(fold.first).to_contain_text("p95 1.0 ms")
    folded = rows(page)
    page.keyboard.press("r")
    page.keyboard.press("e")
    expect(page.locator(".tl-scroll")).to_have_attribute("aria-rowcount", str(2 * size + 1))
    assert folded < size

    # One line among all.
    page.keyboard.press("/")
    page.keyboard.type("item 7 of batch 123")
    matches = sum(str(number).startswith("123") for number in range((size - 2) // (EACH + 1)))
    expect(page.locator(".tl-summary")).to_have_text(f"{matches:,} of {2 * size:,} rows match")
    expect(page.locator(".tl-row").filter(has_text="item 7 of batch 123").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Errors").first.click()
    expect(page.locator(".tl-row").filter(has_text="HTTP GET /users/1")).to_be_visible()

    # The last of them.
    page.get_by_role("button", name="Clear").click()
    page.locator(".tl-scroll").focus()
    page.keyboard.press("End")
    expect(
        page.locator(".tl-row").filter(has_text=f"line {size - (size - 2) // (EACH + 1) * EACH - 1}")
    ).to_be_visible()


@SIZES
def test_all_log_lines_of_a_run_of_many_are_there(site: Site, size: int) -> None:
    make(site, size)
    page = site.open(f"{FIRST}?tab=logs")
    lines = page.get_by_role("tabpanel").get_by_role("grid")
    expect(lines).to_have_attribute("aria-rowcount", str(size), timeout=60_000)
    lines.focus()
    page.keyboard.press("Home")
    expect(lines).to_contain_text("item 0 of batch 0")
    page.keyboard.press("End")
    expect(lines).to_contain_text(f"line {size - (size - 2) // (EACH + 1) * EACH - 1}")
