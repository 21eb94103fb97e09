"""What is around every view: the link, other tabs, the theme."""

from __future__ import annotations

from tests.browser.site import Site


def test_the_link_opens_the_page_and_its_other_tabs_and_leaves_no_token_behind(site: Site) -> None:
    site.tasks("import runlog\n")
    site.serve()
    page = site.open("/plugins?x=1")
    page.wait_for_selector(".top-name")
    assert page.url == site.url("/plugins?x=1")
    other = page.context.new_page()
    other.goto(site.url("/openapi"))
    other.get_by_role("heading", name="Routes").wait_for()
    assert page.evaluate("localStorage.length") == 0


def test_without_the_link_the_page_says_where_it_is_and_takes_it(site: Site) -> None:
    site.tasks("import runlog\n")
    site.serve()
    page = site.open("/openapi")
    page.get_by_role("heading", name="Routes").wait_for()
    link = page.evaluate("location.origin + '/#token=' + sessionStorage['runlog.token']")
    page.evaluate("sessionStorage.clear()")
    page.reload()
    page.get_by_text("This page needs its link").wait_for()
    page.get_by_label("Or paste the link here").fill(link)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Routes").wait_for()


def test_the_theme_is_the_systems_until_one_is_chosen_which_is_remembered(site: Site) -> None:
    site.tasks("import runlog\n")
    site.serve()
    page = site.open("/openapi", theme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.get_by_role("heading", name="Routes").wait_for()
    dark = page.evaluate(ground)
    page.get_by_label("Theme").click()
    page.get_by_role("menuitemradio", name="Light").click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)" != dark
    page.reload()
    page.get_by_role("heading", name="Routes").wait_for()
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
