"""Hands the link to a browser through a file that only its owner reads: it stands in no list of processes."""

from __future__ import annotations

import html
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from runlog.system.files import private_directory
from runlog.system.secret import create_private

_FILE = "ui-open.html"
_KEPT = 60.0
"""Seconds that a browser has to come up and read it."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}"><title>runlog</title></head>
<body><a href="{link}">runlog</a></body></html>
"""


class Handover:
    """The file, removed after a minute and at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._remove()

    def open_page(self, link: str) -> bool:
        """Have the browser open a link; False if there is none. It does not wait for the browser."""
        try:
            browser = webbrowser.get()
            self._remove()
            private_directory(self._path.parent)
            create_private(self._path, _PAGE.format(link=html.escape(link)))
        except (webbrowser.Error, OSError):
            return False
        self._timer = threading.Timer(_KEPT, self._remove)
        self._timer.daemon = True
        self._timer.start()
        url = self._path.absolute().as_uri()
        threading.Thread(target=browser.open, args=(url,), name="runlog-browser", daemon=True).start()
        return True

    def _remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()
