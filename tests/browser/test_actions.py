"""Runs cancelled and replayed from the page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.site import Site

TASKS = """
from runlog import task

@task(id="greet")
async def greet(payload: dict) -> str:
    return f"hello {payload['name']}"
"""


def queued(site: Site, count: int = 1, payload: str = '{"name": "Ada"}') -> list[str]:
    """Runs that no worker executes yet."""
    site.tasks(TASKS)
    return [site.runlog("trigger", "greet", payload).strip() for _ in range(count)]


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def test_a_run_is_cancelled_replayed_with_another_payload_and_watched(site: Site) -> None:
    (run_id,) = queued(site)
    site.serve()
    page = site.open(f"/runs/{run_id}")
    expect(page.locator(".run-title")).to_contain_text("Queued")
    page.keyboard.press("Shift+C")
    expect(page.get_by_role("dialog")).to_contain_text("No worker executes it")
    page.get_by_role("dialog").get_by_role("textbox").fill("wrong customer")
    confirm(page, "Cancel the run")
    expect(page.locator(".run-title")).to_contain_text("Canceled")
    expect(page.locator(".run-sentence")).to_contain_text("wrong customer")
    expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)

    page.keyboard.press("Shift+R")
    page.get_by_role("radio", name="Another").check()
    editor = page.get_by_role("textbox", name="Payload as JSON")
    expect(editor).to_have_value('{\n  "name": "Ada"\n}')
    editor.fill('{"name": "Grace",}')
    expect(page.get_by_role("dialog")).to_contain_text("Line 1, column 18")
    expect(page.get_by_role("dialog").get_by_role("button", name="Replay", exact=True)).to_be_disabled()
    editor.fill('{"name": "Grace"}')
    confirm(page, "Replay")
    page.get_by_role("button", name="Open it").click()
    expect(page).not_to_have_url(site.url(f"/runs/{run_id}"))
    expect(page.locator(".run-facts")).to_contain_text("replay of")
    site.worker()
    expect(page.locator(".run-title")).to_contain_text("Completed")
    page.get_by_role("tab", name="Payload & result").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("hello Grace")


def test_a_payload_without_its_secrets_is_not_sent_with_the_marks(site: Site) -> None:
    (run_id,) = queued(site, payload='{"name": "Ada", "password": "hunter2"}')
    site.runlog("cancel", run_id)
    site.serve()
    page = site.open(f"/runs/{run_id}")
    expect(page.locator(".run-title")).to_contain_text("Canceled")
    page.keyboard.press("Shift+R")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Give them anew in the place of the marks")
    expect(dialog.get_by_role("radio", name="The same")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Replay", exact=True)).to_be_disabled()
    page.get_by_role("textbox", name="Payload as JSON").fill('{"name": "Ada", "password": "hunter3"}')
    confirm(page, "Replay")
    expect(page.locator(".toasts")).to_contain_text("is queued")


def test_all_that_match_are_cancelled_when_they_are_as_many_as_was_confirmed(site: Site) -> None:
    queued(site, 3)
    site.serve()
    page = site.open("/runs?q=task:greet")
    expect(page.get_by_role("row").filter(has_text="Queued")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="all 3 that match").click()
    page.keyboard.press("Shift+C")
    expect(page.get_by_role("dialog")).to_contain_text("3 runs of these have not ended")
    queued(site)
    confirm(page, "Cancel 3 runs")
    expect(page.get_by_role("dialog")).to_contain_text("It is 4 runs by now")
    confirm(page, "Cancel 4 runs")
    expect(page.locator(".toasts")).to_contain_text("4 runs canceled")
    page.keyboard.press("n")
    expect(page.get_by_role("row").filter(has_text="Canceled")).to_have_count(4)


def test_a_link_for_looking_says_why_nothing_can_be_changed(site: Site) -> None:
    (run_id,) = queued(site)
    site.serve("--view-only")
    page = site.open(f"/runs/{run_id}")
    button = page.get_by_role("button", name="Cancel…")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "This link can only look: its scope is view")
    page.keyboard.press("Shift+C")
    expect(page.get_by_role("dialog")).to_have_count(0)
