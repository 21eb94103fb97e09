"""From the list to what went wrong, in two clicks: the run, and the jump to where it failed."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.made import SECOND, MadeRun, failure, writing
from tests.browser.site import Site

REFUSED = failure("ConnectError", "the connection was refused", source='client.get("/users/1")')


def fill(site: Site) -> None:
    """Runs that went well, and one between them that failed, deep inside and long before its end."""
    with writing(site.folder) as log:
        for number in range(1, 30):
            made = MadeRun(number, "nightly-import", ago=600 - number)
            made.log("nothing to do")
            if number == 20:
                fail(made)
                error = {"type": "ConnectError", "message": "the connection was refused", "exception": REFUSED}
                log.write([made.run("FAILED", error=error, reason="failed", errors=3)], made.events)
            else:
                made.end()
                log.write([made.run("COMPLETED")], made.events)


def fail(made: MadeRun) -> None:
    for step in range(40):
        fails = step == 30
        customer = made.span(f"customer {step}", took=SECOND // 10, exception=REFUSED if fails else None)
        for part in range(10):
            made.span(f"read part {part}", customer)
        if fails:
            made.span("HTTP GET /users/1", customer, exception=REFUSED)
    made.end(REFUSED)


def test_two_clicks_lead_from_the_list_to_the_cause(shared: Site) -> None:
    page = shared.open("/runs")
    page.get_by_role("row").filter(has_text="Failed").click()
    # Without another click: what happened, in a sentence, and the line of one's own code.
    expect(page.locator(".run-sentence")).to_contain_text("ConnectError in HTTP GET /users/1")
    expect(page.locator(".cause")).to_contain_text("the connection was refused")
    expect(page.locator(".cause")).to_contain_text('client.get("/users/1")')
    page.get_by_role("button", name="Jump to ConnectError").click()
    inspector = page.get_by_role("complementary", name="Inspector")
    expect(inspector.get_by_role("heading", name="HTTP GET /users/1")).to_be_visible()
    expect(inspector).to_contain_text("the connection was refused")
    expect(page.locator(".tl-row.tl-selected")).to_contain_text("HTTP GET /users/1")
    expect(page.locator(".tl-row.tl-selected")).to_be_in_viewport()


def test_the_way_to_the_cause_can_be_sent_to_somebody(shared: Site) -> None:
    page = shared.open("/runs?q=status:FAILED")
    page.get_by_role("row").filter(has_text="Failed").click()
    page.get_by_role("button", name="Jump to ConnectError").click()
    expect(page.get_by_role("complementary", name="Inspector")).to_contain_text("the connection was refused")
    address = page.url.removeprefix(shared.url(""))
    other = shared.open(address)
    expect(other.get_by_role("complementary", name="Inspector")).to_contain_text("the connection was refused")
    expect(other.locator(".tl-row.tl-selected")).to_be_in_viewport()
    page.go_back()
    expect(page.get_by_role("complementary", name="Inspector")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("row").filter(has_text="Failed")).to_have_count(1)
    expect(page.get_by_role("row", selected=True)).to_contain_text("Failed")
    expect(page.get_by_label("Search runs")).to_have_value("status:FAILED")
