"""Everything by keyboard: from the list of runs to the cause of a failure and back, and the focus always in sight."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.made import MILLISECOND, MadeRun, failure, run_id, writing
from tests.browser.site import Site

REFUSED = failure("ConnectError", "the connection was refused", source='client.get("/users/1")')
BEFORE, FAILED, AFTER = 3, 5, 7


def fill(site: Site) -> None:
    with writing(site.folder) as log:
        for number in range(1, 9):
            made = MadeRun(number, "import" if number in (BEFORE, FAILED, AFTER) else "other", ago=600 - number)
            if number == FAILED:
                first, second = made.span("customer 1"), made.span("customer 2", exception=REFUSED)
                made.span("cache", first)
                made.log("cached", first)
                made.now += 50 * MILLISECOND
                made.span("HTTP GET /users/1", second, exception=REFUSED)
                made.end(REFUSED)
                error = {"type": "ConnectError", "message": "the connection was refused", "exception": REFUSED}
                log.write([made.run("FAILED", error=error, errors=4)], made.events)
            else:
                made.end()
                log.write([made.run("COMPLETED")], made.events)


def press(page: Page, *keys: str) -> None:
    """Press keys one after another; after none of them the focus stays lost."""
    for key in keys:
        page.keyboard.press(key)
        expect(page.locator(":focus")).to_have_count(1)


def cursor(page: Page) -> Locator:
    return page.locator(".tl-cursor, .tl-selected").first


def rows(page: Page) -> Locator:
    return page.locator(".tl-row:visible")


def test_from_the_list_to_the_cause_and_back(shared: Site) -> None:
    page = shared.open("/runs")
    expect(page.get_by_role("grid", name="Runs").get_by_role("row")).to_have_count(9)
    press(page, "j", "j", "j", "k", "j", "j")
    expect(page.get_by_role("row", selected=True)).to_contain_text("Failed")
    press(page, "Enter")
    expect(page.locator(".run-sentence")).to_contain_text("ConnectError in HTTP GET /users/1")

    press(page, "n")
    while "HTTP GET /users/1" not in (cursor(page).text_content() or ""):
        press(page, "n")
    press(page, "Enter")
    inspector = page.get_by_role("complementary", name="Inspector")
    expect(inspector).to_contain_text("the connection was refused")
    press(page, "Enter")
    expect(inspector).to_be_focused()
    press(page, "Escape")
    expect(inspector).to_have_count(0)
    expect(page.get_by_role("treegrid")).to_be_focused()

    page.go_back()
    expect(inspector).to_be_visible()
    page.go_back()
    expect(inspector).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("row", selected=True)).to_contain_text("Failed")
    press(page, "j")
    expect(page.get_by_role("row", selected=True)).to_contain_text("other")
    press(page, "Enter")
    expect(page).to_have_url(shared.url(f"/runs/{run_id(FAILED - 1)}"))


def test_the_rows_of_a_run(shared: Site) -> None:
    page = shared.open(f"/runs/{run_id(FAILED)}")
    expect(page.locator(".tl-summary")).to_have_text("7 rows")
    press(page, "j", "e")
    expect(rows(page)).to_have_count(8)
    press(page, "w")
    expect(rows(page)).to_have_count(2)
    press(page, "3")
    expect(rows(page)).to_have_count(5)
    press(page, "Home")
    expect(cursor(page)).to_contain_text("import")
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    expect(cursor(page)).to_contain_text("customer 1")
    press(page, "ArrowRight")
    expect(rows(page)).to_have_count(7)
    press(page, "ArrowRight")
    expect(cursor(page)).to_contain_text("cache")
    press(page, "ArrowLeft", "ArrowLeft")
    expect(rows(page)).to_have_count(5)
    press(page, "End")
    expect(cursor(page)).to_contain_text("customer 2")

    press(page, "f")
    expect(page).to_have_url(re.compile("from=.*to="))
    press(page, "0")
    expect(page).not_to_have_url(re.compile("from="))

    press(page, "/")
    expect(page.get_by_role("searchbox", name="Filter rows by text")).to_be_focused()
    page.keyboard.type("cache")
    expect(page.locator(".tl-summary")).to_have_text("2 of 7 rows match")
    press(page, "Enter")
    expect(page.get_by_role("treegrid")).to_be_focused()
    press(page, "/", "Escape", "Escape")
    expect(page.locator(".tl-summary")).to_have_text("7 rows")
    expect(page.get_by_role("treegrid")).to_be_focused()


def test_runs_of_a_task_tabs_and_views_have_keys(shared: Site) -> None:
    page = shared.open(f"/runs/{run_id(FAILED)}")
    expect(page.locator(".run-title")).to_contain_text("Failed")
    page.keyboard.press("[")
    expect(page).to_have_url(shared.url(f"/runs/{run_id(BEFORE)}"))
    expect(page.locator(".run-title")).to_contain_text("Completed")
    press(page, "]")
    expect(page.locator(".run-title")).to_contain_text("Failed")
    press(page, "]")
    expect(page).to_have_url(shared.url(f"/runs/{run_id(AFTER)}"))
    expect(page.locator(".run-title")).to_contain_text("Completed")
    for key, name in (("l", "Logs"), ("d", "Payload & result"), ("c", "Context"), ("t", "Timeline")):
        press(page, "v", key)
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    for key, path in (("l", "/logs"), ("e", "/errors"), ("p", "/plugins"), ("r", "/runs")):
        press(page, "g", key)
        expect(page).to_have_url(shared.url(path))


@pytest.mark.parametrize("path", ["/runs", f"/runs/{run_id(FAILED)}", "/logs", "/errors"])
def test_the_list_of_keys_opens_and_gives_the_focus_back(shared: Site, path: str) -> None:
    page = shared.open(path)
    expect(page.get_by_role("row").first).to_be_visible()
    page.keyboard.press("Tab")
    before = page.evaluate("document.activeElement.outerHTML")
    press(page, "?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Go to the runs")
    press(page, "j")  # the keys of what is below do nothing meanwhile
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.activeElement.outerHTML") == before


SEEN = """() => {
    const active = document.activeElement;
    if (active === null || active === document.body) return null;
    const name = `${active.tagName.toLowerCase()}.${active.className} ${active.textContent.slice(0, 30)}`;
    const ring = (element) => {
        const look = getComputedStyle(element);
        const outline = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0;
        return outline || look.boxShadow !== 'none' || look.backgroundImage !== 'none';
    };
    const box = active.getBoundingClientRect();
    const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0;
    const marked = [active, active.parentElement, active.parentElement.parentElement].some(ring)
        || ring(document.getElementById(active.getAttribute('aria-activedescendant') ?? '') ?? active);
    return [name, marked, inside];
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "path",
    ["/runs", f"/runs/{run_id(FAILED)}?errors=1", f"/runs/{run_id(FAILED)}?tab=logs", "/logs", "/errors", "/openapi"],
)
def test_tab_leads_through_a_view_and_always_shows_where_one_is(shared: Site, path: str, width: int) -> None:
    page = shared.open(path, width=width)
    expect(page.locator("[role=row], h2").first).to_be_visible()
    hidden, passed = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate(SEEN)
        if place is None:
            break
        name, marked, inside = place
        passed.append(name)
        if not (marked and inside):
            hidden.append(place)
    assert hidden == []
    assert len(passed) > 8
