"""What a checker of accessibility finds in every view, in both themes and widths: nothing serious."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Page, expect

from runlog.stores.base import DEBUG, ERROR, INFO, WARN
from tests.browser.made import MadeRun, failure, run_id, writing
from tests.browser.site import ROOT, Site, Theme

AXE = ROOT / "runlog/web/ui/node_modules/axe-core/axe.min.js"
THEMES: tuple[Theme, ...] = ("dark", "light")
WIDTHS = (1280, 390)
DECLINED = failure("CardDeclined", "the card was declined", source="raise CardDeclined(user)")
FAILED, GOING = 3, 5
TASKS = """
from runlog import task

@task(id="charge-card")
async def charge_card() -> None:
    pass
"""


def fill(site: Site) -> None:
    """Runs in each state, and one that has all that a run can have."""
    site.tasks(TASKS)
    site.runlog("trigger", "charge-card")
    with writing(site.folder) as log:
        for number, status in enumerate(("COMPLETED", "CANCELED", "FAILED", "QUEUED", "EXECUTING", "CRASHED"), 1):
            made = MadeRun(number, "charge-card", ago=600 - number * 60)
            error = None
            if number == FAILED:
                everything(made)
                error = {"type": "CardDeclined", "message": "the card was declined", "exception": DECLINED}
            made.log("a line")
            if status != "EXECUTING":
                made.end(DECLINED if error else None)
            data = b'{"user": {"id": 5, "tags": ["a", null, true, 1.5]}}'
            row = made.run(
                status, error=error, errors=3 if error else 0, warnings=1, tags=("eu", "nightly"), payload=data,
                code_version="1.4.2", output=data, metadata=data,
            )  # fmt: skip
            log.write([row], made.events)


def everything(made: MadeRun) -> None:
    for level in (DEBUG, INFO, WARN, ERROR):
        made.log("\x1b[31mred\x1b[0m, and \x1b[43mmarked\x1b[0m", level=level, attributes={"user.id": 5})
    for number in range(12):
        made.span(
            f"HTTP GET /users/{number}", attributes={"http.request.method": "GET", "http.response.status_code": 200}
        )
    attributes = {
        "http.request.method": "POST", "url.full": "https://pay.example/charges", "http.response.status_code": 402,
        "http.request.header.accept": ["*/*"], "db.query.text": "SELECT id FROM users WHERE id = $1 -- the one",
        "user.id": 5, "retry": True,
    }  # fmt: skip
    whole = {**DECLINED, "notes": ["a note"], "cause": DECLINED, "group": [DECLINED, DECLINED]}
    made.span(
        "HTTP POST /charges", attributes=attributes, exception=whole, result={"ok": False}, dropped={"attributes": 2},
        events=[{"name": "retry", "time": made.now, "attributes": {"n": 1}}],
    )  # fmt: skip


def inspected(page: Page) -> None:
    page.get_by_role("button", name="Jump to CardDeclined").click()
    expect(page.locator(".inspector h2").filter(has_text="HTTP POST /charges")).to_be_visible()


def shown(text: str) -> Callable[[Page], None]:
    return lambda page: expect(page.get_by_role("main").get_by_text(text).first).to_be_visible()


def pressed(key: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        expect(page.locator("h1").first).to_be_attached()
        expect(page.locator("[role=row]").first).to_be_visible()
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()

    return act


def chosen(page: Page) -> None:
    expect(page.get_by_role("grid").get_by_role("row").nth(2)).to_be_visible()
    for key in ("j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_role("region", name="Chosen runs")).to_be_visible()


def line(page: Page) -> None:
    page.get_by_role("grid", name="Log lines").get_by_role("row").first.click()
    expect(page.locator(".inspector h2")).to_be_visible()


def kind(page: Page) -> None:
    page.get_by_role("grid", name="Kinds of errors").get_by_role("row").filter(has_text="CardDeclined").first.click()
    expect(page.locator(".exception").first).to_be_visible()


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "runs": ("/runs", shown("charge-card")),
    "runs chosen": ("/runs", chosen),
    "runs none": ("/runs?q=task:nothing", shown("No run")),
    "runs wrong query": ("/runs?q=(status:FAILED", shown("(status:FAILED")),
    "run": (f"/runs/{run_id(FAILED)}", inspected),
    "run going on": (f"/runs/{run_id(GOING)}", shown("run()")),
    "run logs": (f"/runs/{run_id(FAILED)}?tab=logs", shown("a line")),
    "run data": (f"/runs/{run_id(FAILED)}?tab=data", shown("Payload")),
    "run context": (f"/runs/{run_id(FAILED)}?tab=context", shown("worker-1")),
    "run missing": ("/runs/run_nothing", shown("run_nothing")),
    "keys": (f"/runs/{run_id(FAILED)}", pressed("?")),
    "cancel": (f"/runs/{run_id(GOING)}", pressed("Shift+C")),
    "replay": (f"/runs/{run_id(FAILED)}", pressed("Shift+R")),
    "logs": ("/logs", line),
    "errors": ("/errors", shown("CardDeclined")),
    "error": ("/errors", kind),
    "plugins": ("/plugins", lambda page: expect(page.locator("h1")).to_be_attached()),
    "openapi": ("/openapi", shown("Routes")),
    "error missing": ("/errors/0123456789abcdef", shown("No error of this kind")),
}


SETTLED = """async () => {
    for (let turn = 0; turn < 2; turn++) await new Promise(requestAnimationFrame);
    const changes = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.allSettled(changes.map((one) => one.finished));
}"""


def serious(page: Page) -> list[str]:
    """What axe finds wrong, with where."""
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
            .filter(({impact}) => impact === 'serious' || impact === 'critical')
            .map(({id, nodes}) => [id, ...nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`)])"""
    )
    return [" | ".join(one) for one in found]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: `make test` brings it with the page's other tools")
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_serious_is_found(shared: Site, view: str) -> None:
    path, act = VIEWS[view]
    # The checker is a script of its own, which the page's policy would not let in.
    page = shared.open(path, bypass_csp=True, reduced_motion="reduce")
    act(page)
    page.evaluate(AXE.read_text())
    found = {}
    for theme, width in product(THEMES, WIDTHS):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(SETTLED)
        if problems := serious(page):
            found[theme, width] = problems
    assert found == {}
