"""auth.v1.Auth: what the gateway asks for each credential that it does not remember."""

from typing import Any

import grpc

from auth.authentication import Authenticator
from auth.identity import Identity
from kit.errors import Unauthenticated
from wire.auth.v1 import auth_pb2, auth_pb2_grpc

LONGEST_CREDENTIAL = 16 * 1024


class AuthServicer(auth_pb2_grpc.AuthServicer):
    """The servicer; failures become status codes in `kit.rpc`."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def Authenticate(
        self,
        request: auth_pb2.AuthenticateRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> auth_pb2.AuthenticateResponse:
        """Who holds the credential."""
        if not 0 < len(request.credential) <= LONGEST_CREDENTIAL:
            raise Unauthenticated("credential_size")
        identity = await self._authenticator.authenticate(request.credential, request.address)
        return auth_pb2.AuthenticateResponse(identity=_wire(identity))


def add_to(server: grpc.aio.Server, authenticator: Authenticator) -> None:
    """Serves `auth.v1.Auth` on the server."""
    add = auth_pb2_grpc.add_AuthServicer_to_server
    add(AuthServicer(authenticator), server)  # type: ignore[no-untyped-call]


def _wire(identity: Identity) -> auth_pb2.Identity:
    expires_at = identity.expires_at
    return auth_pb2.Identity(
        user_id=identity.user_id,
        key_id=identity.key_id,
        scopes=identity.scopes,
        expires_at_ms=int(expires_at.timestamp() * 1000) if expires_at else 0,
        key_prefix=identity.key_prefix,
        clerk_id=identity.clerk_id,
        session_id=identity.session_id,
    )
