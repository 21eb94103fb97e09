"""Taking back what an instrumentor left behind when its install failed half-way."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class Snapshot:
    """The attributes of some packages' modules and classes, as they are now."""

    def __init__(self, packages: Iterable[str]) -> None:
        self._before: list[tuple[Any, dict[str, Any]]] = []
        wanted = set(packages)
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0].casefold() in wanted and hasattr(module, "__dict__"):
                self._before.append((module, dict(vars(module))))
                for value in list(vars(module).values()):
                    if isinstance(value, type) and value.__module__ == name:
                        self._before.append((value, dict(vars(value))))

    def restore(self) -> None:
        """Put back every attribute that is now a wrapper round what it was."""
        for owner, before in self._before:
            now = vars(owner)
            for name, value in before.items():
                if now.get(name) is not value and _is_wrapper(now.get(name), value):
                    with suppress(AttributeError, TypeError):
                        setattr(owner, name, value)


def _is_wrapper(value: Any, original: Any) -> bool:
    function = getattr(original, "__func__", original)  # of a static or class method
    for _ in range(20):
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return False
        if value is original or value is function:
            return True
    return False
