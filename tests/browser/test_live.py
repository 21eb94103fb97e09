"""The page of a run while it goes on, in another process."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.site import Site
from tests.helpers import wait_until

TASKS = '''
import os
from pathlib import Path

import anyio
from runlog import logger, task

async def told(name):
    """Wait until the test has made a file."""
    while not Path(name).exists():
        await anyio.sleep(0.01)

@task(id="steps")
async def steps(count: int) -> int:
    Path("pid").write_text(str(os.getpid()))
    for number in range(count):
        await told(f"go-{number}")
        async with logger.trace(f"step-{number}"):
            logger.info(f"line {number}")
    return count
'''


@pytest.fixture
def run(site: Site) -> str:
    """A run that waits in its worker for each of its five steps."""
    site.tasks(TASKS)
    site.worker()
    run_id = json.loads(site.runlog("trigger", "steps", "5", "--json"))["run_id"]
    wait_until(lambda: (site.folder / "pid").exists(), 60)
    site.serve()
    return str(run_id)


def go(site: Site, number: int) -> None:
    (site.folder / f"go-{number}").touch()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def test_what_another_process_records_is_on_screen_without_a_reload(site: Site, run: str) -> None:
    page = site.open(f"/runs/{run}")
    expect(row(page, "run()")).to_have_count(1)
    expect(row(page, "line 0")).to_have_count(0)
    for number in range(5):
        go(site, number)
        expect(row(page, f"step-{number}")).to_have_count(1)
        expect(row(page, f"line {number}")).to_have_count(1)
    expect(page.get_by_role("main").get_by_text("Completed").first).to_be_visible()


def test_after_the_server_was_restarted_nothing_is_missing_and_nothing_twice(site: Site, run: str) -> None:
    page = site.open(f"/runs/{run}")
    go(site, 0)
    expect(row(page, "line 0")).to_have_count(1)
    site.stop_serving(signal.SIGKILL)
    for number in (1, 2):
        go(site, number)
    expect(page.get_by_text("reconnecting", exact=False).first).to_be_visible()
    site.serve()
    for number in (1, 2):
        expect(row(page, f"step-{number}")).to_have_count(1)
        expect(row(page, f"line {number}")).to_have_count(1)
    go(site, 3)
    expect(row(page, "line 3")).to_have_count(1)
    expect(row(page, "line 0")).to_have_count(1)


def test_a_worker_that_is_killed_shows_without_a_reload(site: Site, run: str) -> None:
    go(site, 0)
    page = site.open(f"/runs/{run}")
    expect(row(page, "line 0")).to_have_count(1)
    for number in range(1, 5):
        (site.folder / f"go-{number}").unlink(missing_ok=True)
    for _ in range(3):  # the budget for crashes
        wait_until(lambda: _alive(site.folder / "pid"), 60)
        pid = int((site.folder / "pid").read_text())
        (site.folder / "pid").unlink()
        os.kill(pid, signal.SIGKILL)
        site.worker()
    expect(page.get_by_role("main").get_by_text("Crashed").first).to_be_visible(timeout=60_000)


def _alive(path: Path) -> bool:
    try:
        os.kill(int(path.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True
