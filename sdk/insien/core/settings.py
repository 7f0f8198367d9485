"""Where the API is and who asks."""

import ipaddress
import os
from dataclasses import dataclass, field

import httpx

from insien.errors import NotConfigured

DEFAULT_URL = "http://localhost:3000"
KEEP_ALIVE_SECONDS = 3.0
"""Shorter than the 5 s after which common servers close an idle connection."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    api_url: str
    api_key: str = field(repr=False)
    retry_seconds: float
    """How long one call goes on trying; 0 tries once."""

    @classmethod
    def resolve(
        cls, api_url: str | None, api_key: str | None, retry_seconds: float
    ) -> "ClientSettings":
        """What is given, else INSIEN_API_URL and INSIEN_API_KEY; NotConfigured without a key."""
        url = api_url or os.environ.get("INSIEN_API_URL") or DEFAULT_URL
        key = api_key or os.environ.get("INSIEN_API_KEY")
        if not key:
            raise NotConfigured
        return cls(url.rstrip("/"), key, retry_seconds)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-API-Key": self.api_key,
            "User-Agent": "insien-python",
            "Accept-Encoding": "identity",
        }

    @property
    def trust_env(self) -> bool:
        """Proxies of the environment are used, but never to reach this machine itself."""
        host = httpx.URL(self.api_url).host
        if host == "localhost" or host.endswith(".localhost"):
            return False
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return True


LIMITS = httpx.Limits(max_connections=200, keepalive_expiry=KEEP_ALIVE_SECONDS)
