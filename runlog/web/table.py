"""Which endpoint a path and a method are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from runlog.web.endpoint import Endpoint

PATTERNS = {
    "run_id": r"[A-Za-z0-9_-]{1,64}",
    "event_id": r"[0-9]{1,19}",
    "fingerprint": r"[0-9a-f]{16}",
    "name": r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}",
    "secret": r"[0-9a-z]{26}[A-Za-z0-9_-]{43}",
}
"""What may stand for a parameter of a path, by its name."""

_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_Methods = dict[str, Endpoint]


class Table:
    """The endpoints by path. A path without parameters goes before one with them."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[str, _Methods] = {}
        self._with_parameters: list[tuple[re.Pattern[str], _Methods]] = []
        by_path: dict[str, _Methods] = {}
        for endpoint in endpoints:
            methods = by_path.setdefault(endpoint.path, {})
            if endpoint.method in methods:
                raise ValueError(f"two endpoints are {endpoint.method} {endpoint.path}")
            methods[endpoint.method] = endpoint
        for path, methods in by_path.items():
            if "{" in path:
                self._with_parameters.append((_pattern(path), methods))
            else:
                self._exact[path] = methods

    def find(self, path: str) -> tuple[Mapping[str, Endpoint], dict[str, str]]:
        """The endpoints of a path by method, none for one that is not served, and the path's parameters."""
        methods = self._exact.get(path)
        if methods is not None:
            return methods, {}
        for pattern, methods in self._with_parameters:
            if found := pattern.fullmatch(path):
                return methods, found.groupdict()
        return {}, {}


def _pattern(path: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(path)
    literal, names = parts[::2], parts[1::2]
    text = re.escape(literal[0])
    for name, after in zip(names, literal[1:], strict=True):
        text += f"(?P<{name}>{PATTERNS[name]}){re.escape(after)}"
    return re.compile(text)
