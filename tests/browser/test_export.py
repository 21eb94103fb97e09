"""A run as a file that opens without a server and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.made import MadeRun, failure, writing
from tests.browser.site import Site, Theme

REFUSED = failure("ConnectError", "</script><script>alert(1)</script>", source='client.get("/users/1")')


def fill(site: Site) -> None:
    with writing(site.folder) as log:
        made = MadeRun(1, "<b>import</b>", ago=60)
        made.log("<img src=x onerror=alert(1)>")
        customer = made.span(
            "customer 7", exception=REFUSED, attributes={"user.id": 12345678901234567890, "__proto__": "x"}
        )
        made.span("HTTP GET /users/1", customer, exception=REFUSED)
        made.end(REFUSED)
        error = {"type": "ConnectError", "message": "refused", "exception": REFUSED}
        payload = {"note": "<!-- <script> & \u2028"}
        log.write([made.run("FAILED", error=error, reason="failed", errors=3, payload=payload)], made.events)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_file_shows_what_the_page_shows(shared: Site, tmp_path: Path, theme: Theme) -> None:
    page = shared.open("/runs")
    page.get_by_role("row").filter(has_text="Failed").click()
    page.get_by_role("button", name="Export this run").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="One HTML file that opens offline").click()
    file = tmp_path / "run.html"
    download.value.save_as(file)

    page = shared.open_file(file, theme=theme)
    expect(page.locator(".run-title")).to_contain_text("<b>import</b>")
    expect(page.locator(".cause")).to_contain_text("</script><script>alert(1)</script>")
    expect(page.get_by_role("button", name="Replay…")).to_have_count(0)
    expect(page.get_by_role("button", name="Export this run")).to_have_count(0)
    page.get_by_role("button", name="Jump to ConnectError").click()
    inspector = page.get_by_role("complementary", name="Inspector")
    expect(inspector.get_by_role("heading", name="HTTP GET /users/1")).to_be_visible()
    page.get_by_role("treegrid").press("k")
    page.get_by_role("treegrid").press("Enter")
    expect(inspector).to_contain_text("12345678901234567890")
    page.get_by_role("tab", name="Logs").click()
    expect(page.get_by_role("grid", name="Logs of this run")).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_role("tab", name="Payload & result").click()
    expect(page.get_by_role("region", name="Payload")).to_contain_text("<!-- <script> &")
    page.get_by_role("tab", name="Context").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("worker-1")
    page.go_back()
    expect(page.get_by_role("region", name="Payload")).to_be_visible()


def test_the_command_line_writes_the_same_file(shared: Site, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    file.write_text(shared.runlog("export", "run_00000000000000000000000001", "--format", "html"))
    page = shared.open_file(file)
    expect(page.locator(".run-sentence")).to_contain_text("Failed")
    expect(page).to_have_title("<b>import</b> run_00000000000000000000000001")
    assert file.read_text().count("<script") == 2
