"""The OpenAPI 3.1 description of endpoints: from the same values that route and validate."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kit.endpoint import Endpoint
from kit.problems import HTTP_STATUS, MEDIA_TYPE, title

_REF = "#/components/schemas/{model}"
_EVERYWHERE = ("unauthenticated", "rate_limited", "unavailable", "timeout", "internal")

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "requestId", "error", "success"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "requestId": {"type": "string"},
        "error": {"type": "string"},
        "success": {"const": False},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """`{"paths": …, "components": {"schemas": …}}` of the endpoints."""
    inputs = {e.body for e in endpoints if e.body} | {e.query for e in endpoints if e.query}
    outputs = {e.response for e in endpoints if e.response}
    pairs: list[tuple[type[BaseModel], Any]] = [
        *((model, "validation") for model in sorted(inputs, key=lambda m: m.__name__)),
        *((model, "serialization") for model in sorted(outputs, key=lambda m: m.__name__)),
    ]
    references, definitions = models_json_schema(pairs, ref_template=_REF)
    refs = {(model, mode): ref for (model, mode), ref in references.items()}
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        path = re.sub(r"{(\w+)(:\w+)?}", r"{\1}", endpoint.path)
        operation = _operation(endpoint, path, refs, definitions.get("$defs", {}))
        paths.setdefault(path, {})[endpoint.method.lower()] = operation
    schemas = {"Problem": PROBLEM_SCHEMA, **definitions.get("$defs", {})}
    return {"paths": paths, "components": {"schemas": schemas}}


def _operation(
    endpoint: Endpoint, path: str, refs: dict[Any, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    words = [endpoint.method.lower(), *re.findall(r"\w+", path)]
    operation: dict[str, Any] = {
        "operationId": "_".join(words),
        "summary": endpoint.summary,
        "tags": [endpoint.tag or "sandboxes"],
        "parameters": _parameters(endpoint, path, refs, definitions),
        "responses": _responses(endpoint, refs),
        "security": _security(endpoint),
    }
    if endpoint.scope:
        operation["x-required-scope"] = endpoint.scope
    if endpoint.body is not None:
        content: dict[str, Any] = {"schema": refs[(endpoint.body, "validation")]}
        if endpoint.example is not None:
            content["example"] = endpoint.example
        operation["requestBody"] = {
            "required": not endpoint.body_optional,
            "content": {"application/json": content},
        }
    elif endpoint.raw_body:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {
            "required": False,
            "content": {endpoint.raw_body: {"schema": schema}},
        }
    return operation


def _parameters(
    endpoint: Endpoint, path: str, refs: dict[Any, Any], definitions: dict[str, Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    if endpoint.query is not None:
        reference = refs[(endpoint.query, "validation")]["$ref"].rsplit("/", 1)[1]
        schema = definitions[reference]
        required = schema.get("required", ())
        found += [
            {"name": name, "in": "query", "required": name in required} | _in_query(name, value)
            for name, value in schema.get("properties", {}).items()
        ]
    found += [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in endpoint.request_headers.items()
    ]
    return found


def _in_query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What a query can say: no null, for it is left out; an object as `name.key=value`."""
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    if schema.get("type") == "object":
        names = {"propertyNames": {"pattern": rf"^{name}\.[^\x00]+$"}}
        return {"style": "form", "explode": True, "schema": schema | names}
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    if len(options) > 1:
        schema["anyOf"] = options
    elif options:
        schema |= options[0]
    return {"schema": schema}


def _responses(endpoint: Endpoint, refs: dict[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.response is not None:
        content["application/json"] = {"schema": refs[(endpoint.response, "serialization")]}
    for media_type in endpoint.raw_response:
        content[media_type] = {"schema": {"type": "string"}}
    responses: dict[str, Any] = {}
    for status in (endpoint.status, *endpoint.other_statuses):
        responses[str(status)] = {"description": title(status)} | (
            {"content": content} if content else {}
        )
    codes = {*_EVERYWHERE, *endpoint.errors}
    if endpoint.credential == "none":
        codes -= {"unauthenticated"}
    else:
        codes |= {"scope_missing", "ambiguous_credentials"}
    if endpoint.body is not None:
        codes |= {"invalid_json", "validation_failed", "body_too_large", "unsupported_media_type"}
    if endpoint.query is not None:
        codes.add("validation_failed")
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(HTTP_STATUS[code], []).append(code)
    for status, names in sorted(by_status.items()):
        responses[str(status)] = {
            "description": f"{title(status)}: {', '.join(f'`{name}`' for name in names)}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return responses


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.credential == "none":
        return []
    if endpoint.credential == "session":
        return [{"session": []}]
    return [{"key": []}, {"session": []}]
