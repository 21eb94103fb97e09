"""The OpenAPI document, made from the endpoints and the types of what they take and answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from runlog.web.api.types import ProblemAnswer
from runlog.web.assets import ENDPOINTS as PAGES
from runlog.web.endpoint import Call, Endpoint, Parameter
from runlog.web.table import PATTERNS

_REFERENCE = "#/components/schemas/{name}"
_IN_PATH = re.compile(r"\{([a-z_]+)\}")
_KINDS = {"text": "string", "integer": "integer", "number": "number", "flag": "boolean"}
_ABOUT = """Everything needs `Authorization: Bearer TOKEN`, with the token of the link that `runlog ui` prints; what
changes something needs the one to operate, `Content-Type: application/json` and the page's `Origin`. Errors are a
`Problem`."""

_Schema = dict[str, Any]


def document(endpoints: Sequence[Endpoint]) -> _Schema:
    """The document about these endpoints, without the page's own files."""
    told = [endpoint for endpoint in endpoints if endpoint not in PAGES]
    types = [kind for one in told for kind in (one.answer, one.body) if kind is not None]
    schemas, components = msgspec.json.schema_components([ProblemAnswer, *types], ref_template=_REFERENCE)
    by_type = dict(zip([ProblemAnswer, *types], schemas, strict=True))
    paths: dict[str, _Schema] = {}
    for one in told:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "runlog", "version": version("runlog-tasks"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": {"description": "It was refused, or failed.", "content": _json(schemas[0])}},
        },
    }


def _operation(endpoint: Endpoint, schemas: dict[Any, _Schema]) -> _Schema:
    content = (
        _json(schemas[endpoint.answer])
        if endpoint.answer is not None
        else {endpoint.media_type: {"schema": {"type": "string"}}}
    )
    operation: _Schema = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "tags": [endpoint.path.split("/")[2 if endpoint.path.startswith("/api/") else 1]],
        "parameters": [*_path_parameters(endpoint.path), *map(_parameter, endpoint.parameters)],
        "responses": {
            "200": {"description": "Done.", "content": content},
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "x-scope": endpoint.scope,
    }
    if endpoint.scope is None:
        operation["security"] = []
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(schemas[endpoint.body])}
    return operation


def _json(schema: _Schema) -> _Schema:
    return {"application/json": {"schema": schema}}


def _name(endpoint: Endpoint) -> str:
    words = re.findall(r"[a-z]+", endpoint.path.removeprefix("/api"))
    return "_".join((endpoint.method.lower(), *words))


def _path_parameters(path: str) -> Iterable[_Schema]:
    for name in _IN_PATH.findall(path):
        schema = {"type": "string", "pattern": f"^{PATTERNS[name]}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(parameter: Parameter) -> _Schema:
    schema: _Schema = {"type": _KINDS[parameter.kind]}
    bounds = ("minLength", "maxLength") if parameter.kind == "text" else ("minimum", "maximum")
    for bound, value in zip(bounds, (parameter.least, parameter.most), strict=True):
        if value is not None:
            schema[bound] = value
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {"name": parameter.name, "in": "query", "description": parameter.about, "schema": schema}


async def openapi(_: Call) -> _Schema:
    from runlog.web import routes  # which imports this module

    return document(routes.ENDPOINTS)


ENDPOINTS = (Endpoint("GET", "/api/openapi.json", openapi, "view", "This document.", dict[str, Any]),)
