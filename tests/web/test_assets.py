"""The page's own files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from runlog.web.assets import PAGES, Assets
from tests.web.asking import HOST, Asked

pytestmark = pytest.mark.anyio

TRAVERSALS = [
    "/assets/../../../etc/passwd", "/assets/..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/%2e%2e/etc/passwd",
    "/assets/%252e%252e%252fetc%252fpasswd", "/assets/..\\..\\etc\\passwd", "/assets/..%5c..%5cetc%5cpasswd",
    "/assets//etc/passwd", "/assets/", "/assets", "/assets/.", "/assets/..", "/assets/index.html",
    "/assets/../index.html",
    "/assets/page.js%00", "/assets/page.js%00.css", "/assets/page.js/", "/assets/./page.js",
    "/assets/page.js/../page.js",
    "/assets/\\\\host\\share\\x", "/assets/C:\\x", "/assets/file:///etc/passwd", "//etc/passwd", "/..%2f",
    "/../", "/%2e%2e/",
    "/static/index.html", "/index.html", "/assets/secret.txt", "/assets/.hidden.js", "/assets/below/page.js",
    "/%61ssets/page.js", "/assets/page%2ejs", "/runs/../assets/page.js", "/runs/%2e%2e", "/runs/a b", "/runs/<script>",
    "/errors/XYZ", "/runs/" + "x" * 65, "/Runs", "/runs/", "/nothing", "http://evil.example/", "*",
]  # fmt: skip


@pytest.fixture
def built(asked: Asked, tmp_path: Path) -> Path:
    """A built page, with files beside it that are not of it."""
    folder = tmp_path / "static"
    (folder / "assets" / "below").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>runlog</title>")
    (folder / "assets" / "page.js").write_text("let page;" * 100)
    (folder / "assets" / "below" / "page.js").write_text("")
    for name in ("secret.txt", ".hidden.js", "page.js.map"):
        (folder / "assets" / name).write_text("")
    asked.services.assets = Assets(folder)
    return folder


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", TRAVERSALS)
async def test_only_what_was_built_is_served(asked: Asked, path: str) -> None:
    answer = await asked.ask("GET", path, [("host", HOST)])
    assert (answer.status, answer.code) == (404, "not-found")


@pytest.mark.usefixtures("built")
async def test_the_page_is_one_at_each_of_its_addresses_whatever_it_keeps_in_the_query(asked: Asked) -> None:
    for path in PAGES:
        address = path.replace("{run_id}", "run_01k3").replace("{fingerprint}", "0" * 16)
        answer = await asked.get(f"{address}?tab=logs&q=a%20b&q=", token=None)
        assert (answer.status, answer.body) == (200, b"<!doctype html><title>runlog</title>")
        assert answer.header("content-type") == "text/html; charset=utf-8"
        assert answer.header("cache-control") == "no-store"


@pytest.mark.usefixtures("built")
async def test_a_file_is_kept_by_browsers_for_good_and_sent_packed(asked: Asked) -> None:
    plain = await asked.ask("GET", "/assets/page.js", [("host", HOST)])
    packed = await asked.ask("GET", "/assets/page.js", [("host", HOST), ("accept-encoding", "gzip, br")])
    assert plain.body == gzip.decompress(packed.body) == b"let page;" * 100
    for answer in (plain, packed):
        assert answer.header("content-type") == "text/javascript; charset=utf-8"
        assert answer.header("cache-control") == "public, max-age=31536000, immutable"
        assert answer.header("vary") == "Accept-Encoding"


async def test_a_page_that_is_built_again_is_served_anew(asked: Asked, built: Path) -> None:
    await asked.get("/")
    (built / "assets" / "page.js").unlink()
    (built / "assets" / "newer.css").write_text("a {}")
    index = built / "index.html"
    index.write_text("newer")
    assert (await asked.get("/")).body == b"newer"
    assert (await asked.get("/assets/page.js")).status == 404
    assert (await asked.get("/assets/newer.css")).header("content-type") == "text/css; charset=utf-8"


async def test_a_page_that_was_not_built_says_how(asked: Asked, tmp_path: Path) -> None:
    asked.services.assets = Assets(tmp_path / "nowhere")
    answer = await asked.get("/runs")
    assert answer.status == 503
    assert b"make page" in answer.body
