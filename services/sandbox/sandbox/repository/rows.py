"""Between rows and values."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import asyncpg

from sandbox.models import ContainerState, Resources, Sandbox
from sandbox.states import State

COLUMNS = (
    "id, user_id, api_key_id, template, image, state, generation, resources, egress, metadata, "
    "fingerprint, container_id, container, reason, created_at, started_at, expires_at, destroyed_at"
)


def resources_of(document: str) -> Resources:
    """Limits from a jsonb column."""
    return Resources(**json.loads(document))


def sandbox_of(row: Mapping[str, Any] | asyncpg.Record) -> Sandbox:
    """A row of sandbox.sandboxes with all of COLUMNS."""
    values: dict[str, Any] = dict(row)
    container = values["container"]
    values["state"] = State(values["state"])
    values["resources"] = resources_of(values["resources"])
    values["metadata"] = json.loads(values["metadata"])
    values["container"] = ContainerState(**json.loads(container)) if container else None
    return Sandbox(**values)


def to_json(value: Resources | ContainerState | dict[str, Any]) -> str:
    """For a jsonb parameter."""
    return json.dumps(value if isinstance(value, dict) else asdict(value), separators=(",", ":"))
