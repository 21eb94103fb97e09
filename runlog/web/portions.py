"""What is left of changes to many runs, between the requests that go on with them."""

from __future__ import annotations

import secrets
from collections import OrderedDict

_MOST = 16


class Portions:
    """The runs that are still to be changed, by a name that nobody can guess. The oldest are forgotten first."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()

    def keep(self, act: str, run_ids: list[str]) -> str:
        """Keep what is left; return its name."""
        name = secrets.token_urlsafe(16)
        self._left[name] = (act, run_ids)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        return name

    def take(self, act: str, name: str) -> list[str] | None:
        """What is left under a name, once; None where that is nothing."""
        if self._left.get(name, ("", []))[0] != act:
            return None
        return self._left.pop(name)[1]
