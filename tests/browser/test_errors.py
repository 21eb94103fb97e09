"""What goes wrong, each kind once, and the way from there to where it happened."""

from __future__ import annotations

from playwright.sync_api import expect

from runlog.stores.base import Event, Run
from tests.browser.made import MadeRun, failure, writing
from tests.browser.site import Site

DECLINED = failure("CardDeclined", "card of user 7 was declined", source="raise CardDeclined(user)")
NO_ANSWER = failure("TimeoutError", "no answer")
LOGGED = failure("ValueError", "not a number: 'x'", source="int(text)")


def fill(site: Site) -> None:
    with writing(site.folder) as log:
        for number in range(1, 7):
            log.write(*failed(number))


def failed(number: int) -> tuple[list[Run], list[Event]]:
    """A run that failed, having logged an exception that it survived."""
    made = MadeRun(number, "charge-card", ago=600 - number * 60)
    exception = {**DECLINED, "message": f"card of user {number} was declined"}
    made.log("the number was guessed", level=17, exception=LOGGED)
    made.span("HTTP POST /charges", exception=exception)
    made.end(exception)
    error = {"type": "CardDeclined", "message": exception["message"], "exception": exception}
    return [made.run("FAILED", error=error, reason="failed", errors=3)], made.events


def test_errors_of_a_kind_are_one_row_that_leads_to_where_it_happened(shared: Site) -> None:
    page = shared.open("/errors")
    row = page.get_by_role("row").filter(has_text="CardDeclined")
    expect(row).to_contain_text("charge-card")
    expect(row.get_by_role("gridcell")).to_contain_text(["failed", "", "6", "6"])
    expect(page.get_by_role("row").filter(has_text="ValueError")).to_contain_text("logged")
    row.click()
    expect(page.get_by_role("heading", name="CardDeclined")).to_be_visible()
    expect(page.locator(".error-exception")).to_contain_text("raise CardDeclined(user)")
    times = page.locator(".error-times li")
    expect(times).to_have_count(6)
    expect(times.nth(1)).to_contain_text("card of user 5 was declined")
    times.nth(1).get_by_role("link").click()
    expect(page.locator(".cause")).to_contain_text("card of user 5 was declined")
    page.go_back()
    expect(times).to_have_count(6)
    page.keyboard.press("Escape")
    expect(page.locator(".errors .selected")).to_contain_text("CardDeclined")


def test_a_logged_exception_leads_to_its_line(shared: Site) -> None:
    page = shared.open("/errors?q=guessed&sort=count")
    page.get_by_role("row").filter(has_text="ValueError").click()
    page.locator(".error-times li").first.get_by_role("link").click()
    expect(page.get_by_role("complementary", name="Inspector")).to_contain_text("the number was guessed")


def test_errors_of_another_time_are_not_among_them(shared: Site) -> None:
    page = shared.open("/errors?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
    page.get_by_role("button", name="Look in all time").click()
    expect(page.get_by_role("row").filter(has_text="CardDeclined")).to_be_visible()


def test_a_new_kind_waits_until_one_asks_for_it(shared: Site) -> None:
    page = shared.open("/errors")
    rows = page.locator(".errors .virtual-row")
    expect(rows).to_have_count(2)
    with writing(shared.folder) as log:
        made = MadeRun(90, "send-mail", ago=1)
        error = {"type": "TimeoutError", "message": "no answer", "exception": NO_ANSWER}
        made.end(NO_ANSWER)
        log.write([made.run("FAILED", error=error, reason="failed")], made.events)
    page.get_by_role("button", name="1 new kind").click()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("TimeoutError")


def test_what_to_do_without_plugins_is_said(shared: Site) -> None:
    page = shared.open("/plugins")
    expect(page.locator(".plugins")).to_contain_text('instrumentations = ["httpx", "requests", "sqlalchemy"]')
