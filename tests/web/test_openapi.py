"""The description of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runlog.web.assets import ENDPOINTS as PAGES
from runlog.web.routes import ENDPOINTS
from tests.web.asking import Asked

pytestmark = pytest.mark.anyio


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


async def test_it_has_every_endpoint_and_every_type(asked: Asked) -> None:
    document = (await asked.get("/api/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(one.method, one.path) for one in ENDPOINTS if one not in PAGES}
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert isinstance(found, dict)
    for name in ("Problem", "RunRow", "Session"):
        assert document["components"]["schemas"][name]["type"] == "object"


async def test_an_operation_says_what_it_takes_and_needs(asked: Asked) -> None:
    paths = (await asked.get("/api/openapi.json")).json["paths"]
    replay = paths["/api/runs/{run_id}/replay"]["post"]
    assert replay["x-scope"] == "operate"
    assert [one["name"] for one in replay["parameters"]] == ["run_id"]
    assert "ReplayRequest" in json.dumps(replay["requestBody"])
    callback = paths["/callback/{secret}"]["post"]
    assert callback["security"] == []
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            assert all(one.get("description") or one["in"] == "path" for one in operation["parameters"]), path
