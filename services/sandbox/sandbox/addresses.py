"""Addresses and tokens that are given out: clients, agents, previews."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import jwt

from kit.tokens import derive
from sandbox.models import Egress, Port

AGENT_AUDIENCE = "ws-hub"


@dataclass(frozen=True, slots=True)
class AgentUrls:
    """The agents' socket as sandboxes with and without egress reach it."""

    open: str
    isolated: str


class Addresses:
    """Where things are, from PUBLIC_URL (scheme and port) and PREVIEW_DOMAIN."""

    def __init__(self, public_url: str, preview_domain: str, agents: AgentUrls) -> None:
        parts = urlsplit(public_url)
        self._scheme = parts.scheme
        self._socket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
        self._preview = preview_domain + (f":{parts.port}" if parts.port else "")
        self._agents = agents

    def client(self, sandbox_id: UUID) -> str:
        """The client socket."""
        return f"{self._socket}/client/{sandbox_id}"

    def agent(self, sandbox_id: UUID, egress: Egress) -> str:
        """The agent socket, as the sandbox reaches it."""
        url = self._agents.open if egress == "full" else self._agents.isolated
        return f"{url}/agent/{sandbox_id}"

    def preview(self, sandbox_id: UUID, port: int) -> str:
        """The public address of a port, without a slash at the end."""
        return f"{self._scheme}://{port}-{sandbox_id}.{self._preview}"


class PortTokens:
    """Tokens of private ports: derived, so that asking again gives the same and none is stored."""

    def __init__(self, internal_secret: str) -> None:
        self._key = derive(internal_secret, "port-token")

    def token(self, sandbox_id: UUID, port: Port) -> str:
        """What `X-Insien-Token` must carry, 43 characters; empty for a public port."""
        if port.access == "public":
            return ""
        text = f"{sandbox_id}:{port.port}:{port.exposure_id}".encode()
        digest = hmac.new(self._key, text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def digest(self, sandbox_id: UUID, port: Port) -> str:
        """SHA-256 of the token, hex; empty for a public port."""
        token = self.token(sandbox_id, port)
        return hashlib.sha256(token.encode()).hexdigest() if token else ""


def agent_token(jwt_secret: str, sandbox_id: UUID) -> str:
    """What the agent dials with: opens the agent socket of this sandbox and nothing else.

    It has no end of its own: the hub asks the table whether the sandbox still lives.
    """
    claims = {"sub": str(sandbox_id), "aud": AGENT_AUDIENCE, "iat": int(time.time())}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")
