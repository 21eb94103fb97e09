"""The page's own files, from a fixed map: no path of a request reaches the file system."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

from runlog.web.api.types import Problem
from runlog.web.endpoint import Call, Endpoint, Refused

FOLDER = Path(__file__).with_name("static")
PAGES = ("/", "/runs", "/runs/{run_id}", "/logs", "/errors", "/errors/{fingerprint}", "/plugins", "/openapi")
_INDEX = "index.html"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
}
_COMPRESSED = (".js", ".css", ".svg")
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>runlog</title></head><body>
<h1>The page is not built</h1>
<p>This runlog is a source tree whose page was not built yet. Build it, then reload:</p>
<pre>make page</pre>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class _Asset:
    data: bytes
    packed: bytes | None
    media_type: str


class Assets:
    """The files of the built page. They are read again when the page was built again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._built: int | None = None
        self._index = b""
        self._files: dict[str, _Asset] = {}

    @property
    def is_built(self) -> bool:
        self._refresh()
        return self._built is not None

    def index(self) -> bytes:
        """The page."""
        self._refresh()
        return self._index if self._built is not None else _NOT_BUILT.encode()

    def find(self, name: str) -> _Asset | None:
        self._refresh()
        return self._files.get(name)

    def _refresh(self) -> None:
        try:
            built = (self._folder / _INDEX).stat().st_mtime_ns
            if built == self._built:
                return
            index = (self._folder / _INDEX).read_bytes()
            folder = self._folder / "assets"
            files = (
                {path.name: _read(path) for path in folder.iterdir() if path.suffix in _TYPES}
                if folder.is_dir()
                else {}
            )
        except OSError:  # not built, or just being built
            self._built, self._files = None, {}
            return
        self._built, self._index, self._files = built, index, files


def _read(path: Path) -> _Asset:
    data = path.read_bytes()
    packed = gzip.compress(data, mtime=0) if path.suffix in _COMPRESSED else None
    return _Asset(data, packed, _TYPES[path.suffix])


async def page(call: Call) -> Response:
    assets = call.services.assets
    return Response(assets.index(), 200 if assets.is_built else 503, media_type="text/html")


async def asset(call: Call) -> Response:
    found = call.services.assets.find(call.path["name"])
    if found is None:
        raise Refused(404, Problem("not-found", "there is no such file"))
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    if found.packed is not None and "gzip" in call.request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media_type)
    return Response(found.data, headers=headers, media_type=found.media_type)


ENDPOINTS = (
    *(Endpoint("GET", path, page, None, "The page.", media_type="text/html", any_query=True) for path in PAGES),
    Endpoint("GET", "/assets/{name}", asset, None, "A file of the page.", media_type="text/javascript"),
)
