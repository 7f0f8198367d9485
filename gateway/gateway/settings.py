"""What the gateway is told by its environment."""

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from kit.settings import PortNumber, Settings


def _words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""A list in one variable, separated by commas or spaces."""


class GatewaySettings(Settings):
    """Addresses of the services, the public names, the limits."""

    port: PortNumber = 3000
    """Public HTTP and WebSocket port; ignored when LISTEN_FD is inherited."""
    metrics_port: PortNumber = 3002
    """Port of /livez, /readyz and /metrics; never public."""
    auth_http_url: str = "http://127.0.0.1:8081"
    """Base URL of auth; a name with several addresses is used in turn."""
    auth_grpc: str = "127.0.0.1:9081"
    """gRPC addresses of auth, separated by commas, or `dns:///name:port`."""
    sandbox_http_url: str = "http://127.0.0.1:8082"
    """Base URL of the sandbox service."""
    sandbox_grpc: str = "127.0.0.1:9082"
    """gRPC addresses of the sandbox service."""
    ws_hub_http_url: str = "http://127.0.0.1:8083"
    """Base URL of the hub's HTTP port."""
    ws_hub_grpc: str = "127.0.0.1:9083"
    """gRPC addresses of the hub."""
    ws_hub_ws_url: str = "ws://127.0.0.1:3001"
    """Base URL of the hub's WebSocket port: client sockets and tunnels."""
    preview_domain: str = "localhost"
    """Previews are at `{port}-{sandboxId}.` before this name."""
    public_url: str = "http://localhost:3000"
    """Where callers reach the gateway; https turns on HSTS and secure cookies."""
    allowed_origins: Words = ()
    """Origins whose pages may call the API (CORS); none: no page may."""
    trusted_proxies: Words = ()
    """Networks whose X-Forwarded-* are believed; none: nobody's are."""
    rate_limit_per_key: int = 600
    """Requests a minute of one key, or of one person's sessions; 0: no limit."""
    rate_limit_create_per_key: int = 30
    """Creates a minute of one key, or of one person's sessions; 0: no limit."""
    rate_limit_per_address: int = 60
    """Requests a minute without a valid credential from one address; 0: no limit."""
