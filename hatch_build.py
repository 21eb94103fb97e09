"""Builds the web page into the wheel, the source distribution and editable installs."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "RUNLOG_WITHOUT_PAGE"


def _page() -> ModuleType:
    """Return the module that builds the page: of this tree, not of a runlog that is installed."""
    place = Path(__file__).parent / "runlog/web/ui/build.py"
    spec = importlib.util.spec_from_file_location("runlog_build_page", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before the files of a distribution are gathered."""

    def dependencies(self) -> list[str]:
        page = _page()
        needed = not os.environ.get(WITHOUT) and not page.is_current() and page.find_node() is None
        return [page.NODE_WHEEL] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        page = _page()
        if os.environ.get(WITHOUT) or page.is_current():
            return
        self.app.display_waiting("building the web page (once: npm fetches what it is made from)")
        began = time.monotonic()
        try:
            size = page.build()
        except page.NotBuilt as error:
            if version != "editable":
                raise SystemExit(
                    f"error: the web page could not be built: {error}\n"
                    f"It needs a network or a node with npm. To build without the page:  {WITHOUT}=1"
                ) from None
            self.app.display_warning(f"the web page was not built, `runlog ui` will say how to: {error}")
            return
        self.app.display_info(f"built the web page: {size}, {time.monotonic() - began:.1f} s")
