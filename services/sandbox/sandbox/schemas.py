"""Bodies and queries of the HTTP routes, in their public spelling."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from kit.endpoint import Model
from sandbox.states import State

ENV_BYTES = 64 * 1024
METADATA_BYTES = 16 * 1024
LONGEST_SECONDS = 10 * 365 * 86400

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Seconds = Annotated[StrictInt, Field(ge=1, le=LONGEST_SECONDS)]
PortNumber = Annotated[StrictInt, Field(ge=1, le=65535)]
Limit = Annotated[int, Field(ge=1, le=500)]


class ResourcesBody(Model):
    """Wanted limits; what is not said is the template's."""

    cpus: Annotated[float, Field(strict=True, ge=0.1, le=1024, allow_inf_nan=False)] | None = None
    memory_mb: Annotated[StrictInt, Field(ge=64, le=1 << 30)] | None = None
    disk_mb: Annotated[StrictInt, Field(ge=64, le=1 << 30)] | None = None


class NetworkBody(Model):
    """`none`: the sandbox reaches nothing, and is reached over its agent as always."""

    egress: Literal["full", "none"] = "full"


class CreateBody(Model):
    """What sandbox to create; all of it may be left out."""

    template: Annotated[str, Field(strict=True, min_length=1, max_length=64)] = "default"
    image: Annotated[str, Field(strict=True, min_length=1, max_length=255)] | None = None
    timeout_seconds: Seconds | None = None
    env: dict[str, Annotated[str, Field(strict=True)]] = Field(default_factory=dict)
    metadata: dict[str, Annotated[str, Field(strict=True)]] = Field(default_factory=dict)
    resources: ResourcesBody = Field(default_factory=ResourcesBody)
    network: NetworkBody = Field(default_factory=NetworkBody)
    wait: StrictBool = True
    tier: Any = Field(None, description="Sent by older clients; has no effect.")

    @field_validator("env")
    @classmethod
    def _env_fits(cls, env: dict[str, str]) -> dict[str, str]:
        for name in env:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:64]!r} is not a name of a variable")
            if name.startswith("INSIEN_"):
                raise ValueError("names that begin with INSIEN_ are the platform's")
        return _fits(env, ENV_BYTES)

    @field_validator("metadata")
    @classmethod
    def _metadata_fits(cls, metadata: dict[str, str]) -> dict[str, str]:
        return _fits(metadata, METADATA_BYTES)


def _fits(values: dict[str, str], most: int) -> dict[str, str]:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    if size > most:
        raise ValueError(f"names and values may have at most {most} bytes together")
    return values


class ExtendBody(Model):
    """The sandbox ends so many seconds from now."""

    timeout_seconds: Seconds


class ExposeBody(Model):
    """Which port, and for whom."""

    container_port: PortNumber
    access: Literal["public", "private"] = "public"


class TokenBody(Model):
    """How long, and for a browser to enter which port."""

    ttl_seconds: Annotated[StrictInt, Field(ge=1, le=3600)] = 300
    container_port: PortNumber | None = None


class ListQuery(Model):
    """Which of one's sandboxes. `metadata.<name>=<value>` may be said for any names."""

    status: State | None = None
    limit: Limit = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        plain = {name: value for name, value in values.items() if not _is_metadata(name)}
        if plain.get("status") == "":
            del plain["status"]
        found = {n.partition(".")[2]: v for n, v in values.items() if _is_metadata(n)}
        return {**plain, "metadata": found} if found else plain


def _is_metadata(name: str) -> bool:
    return name.startswith("metadata.") and len(name) > len("metadata.")


class PageQuery(Model):
    """One page of a list."""

    limit: Limit = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None
