"""A headless Chromium for the tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.site import PATIENCE, Site

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="package")
def browser() -> Iterator[object]:
    """The machine's Chromium. A machine without one skips these tests; CI installs it.

    It ends with this package: until then playwright's event loop runs in this thread, where no other could."""
    program = os.environ.get("RUNLOG_CHROMIUM") or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        reason = "there is no Chromium on this machine: apt-get install chromium, or set RUNLOG_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # As root, as in a container, Chromium has no sandbox.
        found = playwright.chromium.launch(executable_path=program, args=_FLAGS, chromium_sandbox=os.geteuid() != 0)
        yield found
        found.close()


@pytest.fixture
def site(project: Path, browser: object) -> Iterator[Site]:
    """A project whose page can be opened. Fails if a browser complained about the page."""
    found = Site(project, browser)  # type: ignore[arg-type]
    try:
        yield found
        assert found.complaints == []
    finally:
        found.close()


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One project and one server for the tests of a module that only read: its `fill(site)` writes the run log."""
    found = Site(tmp_path_factory.mktemp("project"), browser)  # type: ignore[arg-type]
    try:
        found.tasks("import runlog\n")
        request.module.fill(found)
        found.serve()
        yield found
    finally:
        found.close()


@pytest.fixture
def shared(served: Site) -> Iterator[Site]:
    """The module's project. Fails if a browser complained about the page."""
    try:
        yield served
        assert served.complaints == []
    finally:
        served.complaints.clear()
        served.close_pages()
