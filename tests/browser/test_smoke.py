from __future__ import annotations

from tests.browser.site import Site


def test_the_page_opens(site: Site) -> None:
    site.tasks("import runlog\n")
    site.serve()
    page = site.open("/")
    page.wait_for_selector("body")
    print(page.content()[:500])
