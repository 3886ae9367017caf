"""
The OpenAPI 3.1 document, made from the route table and the shapes.

Nothing in here is written twice: what a route takes and answers is what its classes say.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import msgspec

from hotdesk_daemon.api import problems, wire
from hotdesk_daemon.api.routes import API, ROUTES, Route

_Json: TypeAlias = Any
_REF: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_ALWAYS: Final = (500,)


def document(*, version: str) -> dict[str, Any]:
    """The whole document for this *version* of the daemon."""
    shapes = _shapes()
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths[f"{API}/openapi.json"] = {"get": _own_operation()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hotdesk_daemon",
            "version": version,
            "description": "The state of Webex hot desks, and wishes about them. Times are RFC 3339 in UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed to change something, and to see titles and organizers.",
                }
            },
        },
    }


def _shapes() -> list[type[msgspec.Struct]]:
    """Every class that a route takes as a body or answers with, and those of the stream and of problems."""
    shapes: list[type[msgspec.Struct]] = [problems.ProblemBody, wire.Event, wire.LostItems]
    for route in ROUTES:
        shapes += [shape for shape in (route.body, *route.answers.values()) if shape is not None]
    return list(dict.fromkeys(shapes))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": _path_parameters(route) + _query_parameters(route),
        "responses": {str(status): _success(route, status) for status in route.answers},
        "security": [{"token": []}] if route.changes else [{}, {"token": []}],
    }
    for status in sorted({*_statuses(route)} - route.answers.keys()):
        operation["responses"][str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {problems.MEDIA_TYPE: {"schema": _ref(problems.ProblemBody)}},
        }
    if route.body is not None:
        operation["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(route.body)),
            "content": {_JSON: {"schema": _ref(route.body)}},
        }
    return operation


def _statuses(route: Route) -> tuple[int, ...]:
    query = (422,) if route.query is not None else ()
    return (*_ALWAYS, 401, 403, *query, *route.problems)


def _success(route: Route, status: int) -> dict[str, Any]:
    """The answer of this status; a booking that was made tells where it is."""
    shape = route.answers[status]
    media = (route.media or _JSON).partition(";")[0]
    schema: dict[str, Any] = {"type": "string"} if shape is None else _ref(shape)
    made: dict[str, Any] = {}
    if route.name == "book":
        made = {"headers": {"Location": {"schema": {"type": "string"}, "description": "The booking."}}}
    return {"description": HTTPStatus(status).phrase, "content": {media: {"schema": schema}}, **made}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = msgspec.json.schema(route.query, ref_template=_REF)
    shape = schema["$defs"][route.query.__name__] if "$defs" in schema else schema
    return [
        {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": _inlined(shape["properties"][field.encode_name], schema.get("$defs", {})),
        }
        for field in msgspec.structs.fields(route.query)
    ]


def _inlined(schema: _Json, definitions: dict[str, _Json]) -> _Json:
    """*schema* with references to enumerations replaced by what they refer to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return definitions[schema["$ref"].rpartition("/")[2]]
        return {name: _inlined(member, definitions) for name, member in schema.items()}
    return [_inlined(member, definitions) for member in schema] if isinstance(schema, list) else schema


def _own_operation() -> dict[str, Any]:
    return {
        "operationId": "get_openapi",
        "summary": "This document",
        "responses": {"200": {"description": "OK", "content": {_JSON: {"schema": {"type": "object"}}}}},
        "security": [{}],
    }


def _ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=shape.__name__)}
