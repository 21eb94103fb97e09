"""The lists of runs and log lines grow while one looks, narrow to what one asks for, and stay as one left them."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from runlog.stores.base import ERROR, INFO
from tests.browser.made import MadeRun, failure, run_id, writing
from tests.browser.site import Site

REFUSED = failure("ConnectError", "the connection was refused")
MANY, AROUND = 60, 30


def fill(site: Site) -> None:
    """An hour of runs, one a minute: each third failed."""
    with writing(site.folder) as log:
        for number in range(1, MANY + 1):
            add(site, number, ago=60 * (MANY + 1 - number), writer=log)


def add(site: Site, number: int, *, ago: float = 1, writer: object = None) -> None:
    made = MadeRun(number, "charge-card" if number % 2 else "send-email", ago=ago)
    failed = number % 3 == 0
    made.log(f"line {number}", level=ERROR if failed else INFO, attributes={"user.id": number})
    if number == AROUND:
        made.log("what came after it")
    made.end(REFUSED if failed else None)
    error = {"type": "ConnectError", "message": "the connection was refused", "exception": REFUSED}
    row = made.run("FAILED" if failed else "COMPLETED", error=error if failed else None, tags=(f"batch-{number % 5}",))
    if writer is not None:
        writer.write([row], made.events)  # type: ignore[attr-defined]
        return
    with writing(site.folder) as log:
        log.write([row], made.events)


def list_of(page: Page, name: str) -> Locator:
    return page.get_by_role("grid", name=name)


def count(page: Page) -> Locator:
    return page.locator(".list-count")


def test_filters_facets_and_the_time_are_in_the_address_and_undone_by_the_back_button(shared: Site) -> None:
    page = shared.open("/runs")
    expect(count(page)).to_have_text(f"{MANY} runs")
    page.get_by_label("Search runs").fill("task:charge-card")
    page.keyboard.press("Enter")
    expect(count(page)).to_have_text("30 runs")
    facets = page.get_by_role("complementary", name="Values to filter by")
    facets.get_by_role("button", name=re.compile("^Failed")).first.click()
    expect(count(page)).to_have_text("10 runs")
    expect(page.get_by_label("Search runs")).to_have_value("task:charge-card status:FAILED")
    expect(list_of(page, "Runs").get_by_role("row").filter(has_text="ConnectError")).to_have_count(10)

    address = page.url.removeprefix(shared.url(""))
    other = shared.open(address)
    expect(count(other)).to_have_text("10 runs")

    page.go_back()
    expect(count(page)).to_have_text("30 runs")
    page.go_back()
    expect(count(page)).to_have_text(f"{MANY} runs")
    expect(page.get_by_label("Search runs")).to_have_value("")


def test_a_query_that_is_wrong_says_where(shared: Site) -> None:
    page = shared.open("/runs")
    expect(count(page)).to_have_text(f"{MANY} runs")
    page.get_by_label("Search runs").fill("task:charge-card (status:FAILED")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Search runs")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".query-below")).to_have_text("this parenthesis is not closed")


def test_what_one_types_is_completed(shared: Site) -> None:
    page = shared.open("/runs")
    expect(count(page)).to_have_text(f"{MANY} runs")
    box = page.get_by_label("Search runs")
    box.press_sequentially("task:cha")
    page.get_by_role("option").filter(has_text="charge-card").first.click()
    expect(box).to_have_value(re.compile("^task:charge-card"))
    box.press("Enter")
    expect(count(page)).to_have_text("30 runs")


def test_dragging_over_the_histogram_narrows_the_time(shared: Site) -> None:
    page = shared.open("/runs")
    expect(count(page)).to_have_text(f"{MANY} runs")
    expect(page.locator(".histogram-bar").nth(3)).to_be_attached()
    box = page.locator(".histogram-plot").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=.*to="))
    expect(count(page)).to_have_text(re.compile(r"^(9|1\d|2[0-4]) runs$"))  # a quarter of them
    shown = int((count(page).text_content() or "").split()[0])
    expect(list_of(page, "Runs")).to_have_attribute("aria-rowcount", str(shown + 1))
    page.go_back()
    expect(count(page)).to_have_text(f"{MANY} runs")


def test_a_view_is_kept_under_a_name(shared: Site) -> None:
    page = shared.open("/runs?q=status:FAILED")
    expect(count(page)).to_have_text("20 runs")
    page.get_by_role("button", name="Views").first.click()
    page.get_by_label("Name of the view").fill("what failed")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.goto(shared.url("/runs"))
    expect(count(page)).to_have_text(f"{MANY} runs")
    page.get_by_role("button", name="All runs").click()
    page.get_by_role("button", name="what failed", exact=True).click()
    expect(count(page)).to_have_text("20 runs")


def test_back_from_a_run_the_list_is_as_it_was_left(shared: Site) -> None:
    page = shared.open("/runs")
    runs = list_of(page, "Runs")
    expect(runs.get_by_role("row").nth(5)).to_be_visible()
    runs.evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    first = runs.get_by_role("row").filter(has_text="59 min ago").first
    first.click()
    expect(page.locator(".run-title")).to_be_visible()
    page.go_back()
    expect(runs.get_by_role("row", selected=True)).to_be_in_viewport()
    assert runs.evaluate("(list) => list.scrollTop") > 0


def test_lines_are_searched_and_shown_with_what_is_around_them(shared: Site) -> None:
    page = shared.open("/logs")
    lines = list_of(page, "Log lines")
    expect(lines.get_by_role("row").first).to_contain_text(f"line {MANY}")
    page.get_by_label("Search logs").fill(f"level:error user.id:{AROUND}")
    page.keyboard.press("Enter")
    expect(lines.get_by_role("row")).to_have_count(1)
    page.keyboard.press("Escape")
    lines.get_by_role("row").click()
    inspector = page.get_by_role("complementary", name="Inspector")
    expect(inspector).to_contain_text("user.id")
    page.keyboard.press("c")
    expect(lines).to_contain_text("what came after it")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{run_id(AROUND)}"))
    expect(page.locator(".inspector")).to_contain_text(f"line {AROUND}")


def in_the_middle(page: Page) -> str:
    """The row that stands there once all is drawn, without what changes with the clock."""
    text = page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
            done(document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest("[role=row]").textContent))))"""
    )
    return re.sub(r"\d+ (s|min|h) ago", "", str(text))


def test_new_runs_are_counted_while_one_looks_further_down_and_come_when_asked_for(site: Site) -> None:
    site.tasks("import runlog\n")
    fill(site)
    site.serve()
    page = site.open("/runs")
    runs = list_of(page, "Runs")
    expect(count(page)).to_have_text(f"{MANY} runs")
    add(site, MANY + 1)  # at the top it comes by itself
    expect(runs).to_have_attribute("aria-rowcount", str(MANY + 2))
    runs.evaluate("(list) => { list.scrollTop = 400; }")
    before = in_the_middle(page)
    for number in (MANY + 2, MANY + 3):
        add(site, number)
    expect(page.locator(".list-pill")).to_have_text("↑ 2 new runs")
    assert runs.evaluate("(list) => list.scrollTop") == 400
    assert in_the_middle(page) == before
    page.locator(".list-pill").click()
    expect(runs).to_have_attribute("aria-rowcount", str(MANY + 4))


def test_lines_come_at_the_end_of_a_tail_and_wait_while_it_is_held(site: Site) -> None:
    site.tasks("import runlog\n")
    fill(site)
    site.serve()
    page = site.open("/logs?tail=1")
    lines = list_of(page, "Log lines")
    expect(lines.get_by_role("row").last).to_contain_text(f"line {MANY}")
    add(site, MANY + 1)
    expect(lines.get_by_role("row").last).to_contain_text(f"line {MANY + 1}")
    page.keyboard.press("Space")
    for number in (MANY + 2, MANY + 3):
        add(site, number)
    expect(page.locator(".list-pill")).to_have_text("↓ 2 new lines")
    expect(lines.get_by_role("row").last).to_contain_text(f"line {MANY + 1}")
    page.keyboard.press("Space")
    expect(lines.get_by_role("row").last).to_contain_text(f"line {MANY + 3}")
