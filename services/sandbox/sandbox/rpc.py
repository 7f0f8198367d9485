"""sandbox.v1.Sandboxes: what the gateway, the hub and auth ask."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import grpc

from kit.errors import ValidationFailed
from sandbox.errors import SandboxNotFound
from sandbox.lifecycle.destroy import destroy_owned
from sandbox.lifecycle.ledger import look_up_with_ports
from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, Port, Sandbox
from sandbox.repository import upkeep
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc

MOST_TOUCHED = 1000

Context = grpc.aio.ServicerContext[Any, Any]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class Sandboxes(sandbox_pb2_grpc.SandboxesServicer):
    """The service; `parts` raises Unavailable until there are some."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts

    async def Get(
        self, request: sandbox_pb2.GetRequest, context: Context
    ) -> sandbox_pb2.GetResponse:
        parts = self._parts()
        sandbox_id = _uuid(request.sandbox_id)
        found = await look_up_with_ports(parts, sandbox_id) if sandbox_id else None
        if found is None:
            raise SandboxNotFound
        return _described(parts, *found)

    async def Touch(
        self, request: sandbox_pb2.TouchRequest, context: Context
    ) -> sandbox_pb2.TouchResponse:
        ids = [found for text in request.sandbox_ids[:MOST_TOUCHED] if (found := _uuid(text))]
        async with self._parts().database.connection() as connection:
            await upkeep.touch(connection, ids)
        return sandbox_pb2.TouchResponse()

    async def DestroyOwned(
        self, request: sandbox_pb2.DestroyOwnedRequest, context: Context
    ) -> sandbox_pb2.DestroyOwnedResponse:
        user_id = _uuid(request.user_id)
        if user_id is None:
            raise ValidationFailed.of("user_id", "is not a UUID")
        cause = Cause(request.reason or "owner_deleted")
        count = await destroy_owned(self._parts(), user_id, cause)
        return sandbox_pb2.DestroyOwnedResponse(count=count)


def _described(parts: Parts, sandbox: Sandbox, ports: list[Port]) -> sandbox_pb2.GetResponse:
    template = parts.catalog.get(sandbox.template)
    expires_at = sandbox.expires_at
    return sandbox_pb2.GetResponse(
        owner_id=str(sandbox.user_id or ""),
        state=sandbox.state,
        generation=sandbox.generation,
        expires_at_ms=int(expires_at.timestamp() * 1000) if expires_at else 0,
        ports=[
            sandbox_pb2.Port(
                container_port=port.port,
                access=port.access,
                token_sha256=parts.port_tokens.digest(sandbox.id, port),
            )
            for port in ports
        ],
        user=template.user if template else "",
        workdir=template.workdir if template else "",
        disk_bytes=sandbox.resources.disk_bytes,
        reason=sandbox.reason or "",
    )
