"""Settings of auth, from its environment."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from auth import pem, svix_signature
from kit.settings import PortNumber, PostgresUrl, StrongSecret
from kit.settings import Settings as SharedSettings


def _pem(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        pem.load(value.get_secret_value())
    return value


def _svix(value: SecretStr) -> SecretStr:
    svix_signature.signing_keys(value.get_secret_value())
    return value


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("is not set")
    return value


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("is not an http or https URL")
    return value.rstrip("/")


class Settings(SharedSettings):
    """What auth is told, beyond what every service is."""

    port: PortNumber = 8081
    """HTTP port (LISTEN_FD goes before it)."""
    grpc_port: PortNumber = 9081
    """gRPC port."""
    database_url: PostgresUrl
    """PostgreSQL, as the role that owns the schema `auth`."""
    key_pepper: StrongSecret
    """Keys the digests of API keys in the shared cache; changing it empties that cache, no more."""
    clerk_secret_key: Annotated[SecretStr, AfterValidator(_not_empty)]
    """Secret key of the Clerk instance: opens its users and keys to us."""
    clerk_api_url: Annotated[str, AfterValidator(_base_url)] = "https://api.clerk.com"
    """Base URL of Clerk's Backend API."""
    clerk_issuer: Annotated[str, AfterValidator(_base_url)]
    """The `iss` of session tokens: the Frontend API URL of the Clerk instance."""
    clerk_jwt_key: Annotated[SecretStr | None, AfterValidator(_pem)] = None
    """PEM public key that verifies session tokens; none means: keys are fetched from Clerk."""
    clerk_authorized_parties: str = ""
    """Comma-separated origins that `azp` must be one of; empty means: `azp` is not looked at."""
    clerk_webhook_secret: Annotated[SecretStr, AfterValidator(_svix)]
    """`whsec_…` of the webhook endpoint; several, comma-separated, while one is being replaced."""
    sandbox_grpc: str
    """gRPC addresses of the sandbox service, which destroys a deleted user's sandboxes."""

    @property
    def authorized_parties(self) -> frozenset[str]:
        """The configured parties; an empty set means that `azp` is not looked at."""
        parties = (party.strip() for party in self.clerk_authorized_parties.split(","))
        return frozenset(party for party in parties if party)
