"""What the API answers, as frozen values. Unknown fields of newer servers are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

Json = Mapping[str, Any]
Access = Literal["public", "private"]


class Resources(TypedDict, total=False):
    """Limits of one sandbox; what is left out is the template's."""

    cpus: float
    memoryMb: int
    diskMb: int


class Network(TypedDict):
    egress: NotRequired[Literal["full", "none"]]


class CreateOptions(TypedDict, total=False):
    """Options of `create`; what is left out is the server's default."""

    timeout_seconds: int
    env: Mapping[str, str]
    metadata: Mapping[str, str]
    resources: Resources
    network: Network
    wait: bool
    """False: do not wait until it runs."""
    idempotency_key: str | None
    """The same key again gives the same sandbox; made up when left out."""


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Port:
    port: int
    access: Access
    url: str
    token: str | None = None
    """Opens a private port (header `X-Insien-Token`); only `expose` tells it."""

    @classmethod
    def from_json(cls, data: Json) -> "Port":
        return cls(data["containerPort"], data["access"], data["url"], data.get("token"))


@dataclass(frozen=True, slots=True)
class ContainerState:
    running: bool
    status: str | None
    exit_code: int | None
    oom_killed: bool | None

    @classmethod
    def from_json(cls, data: Json) -> "ContainerState":
        return cls(
            running=bool(data.get("running")),
            status=data.get("status"),
            exit_code=data.get("exitCode"),
            oom_killed=data.get("oomKilled"),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """A sandbox as it was at one moment."""

    id: str
    status: str
    """pending, running, paused, destroying, destroyed or failed."""
    connected: bool
    template: str
    created_at: datetime | None
    started_at: datetime | None
    expires_at: datetime | None
    destroyed_at: datetime | None
    reason: str | None
    metadata: Mapping[str, str]
    resources: Mapping[str, Any]
    container: ContainerState | None
    ports: tuple[Port, ...]

    @classmethod
    def from_json(cls, data: Json) -> "Status":
        container = data.get("container")
        return cls(
            id=data["sandboxId"],
            status=data["status"],
            connected=bool(data.get("connected")),
            template=data.get("template", ""),
            created_at=moment(data.get("createdAt")),
            started_at=moment(data.get("startedAt")),
            expires_at=moment(data.get("expiresAt")),
            destroyed_at=moment(data.get("destroyedAt")),
            reason=data.get("reason"),
            metadata=data.get("metadata") or {},
            resources=data.get("resources") or {},
            container=ContainerState.from_json(container) if container else None,
            ports=tuple(Port.from_json(port) for port in data.get("ports") or ()),
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    at: datetime | None
    cpu_percent: float
    memory_bytes: int
    memory_limit_bytes: int
    processes: int
    disk_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int

    @classmethod
    def from_json(cls, data: Json) -> "Metrics":
        return cls(
            at=moment(data.get("at")),
            cpu_percent=data["cpuPercent"],
            memory_bytes=data["memoryBytes"],
            memory_limit_bytes=data["memoryLimitBytes"],
            processes=data["processes"],
            disk_bytes=data["diskBytes"],
            network_rx_bytes=data["networkRxBytes"],
            network_tx_bytes=data["networkTxBytes"],
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a sandbox's lifecycle log."""

    at: datetime | None
    type: str
    cause: str | None
    actor: str | None
    data: Mapping[str, Any]

    @classmethod
    def from_json(cls, data: Json) -> "Event":
        return cls(
            at=moment(data.get("at")),
            type=data["type"],
            cause=data.get("cause"),
            actor=data.get("actor"),
            data=data.get("data") or {},
        )


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    description: str
    image: str
    languages: tuple[str, ...]
    resources: Mapping[str, Any]

    @classmethod
    def from_json(cls, data: Json) -> "Template":
        return cls(
            name=data["name"],
            description=data.get("description", ""),
            image=data.get("image", ""),
            languages=tuple(data.get("languages") or ()),
            resources=data.get("resources") or {},
        )


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Opens one sandbox's client socket and private ports."""

    token: str
    expires_at: datetime | None
    entry_url: str | None
    """Lets a browser in, once, within 60 s; only for a token of a port."""

    @classmethod
    def from_json(cls, data: Json) -> "AccessToken":
        return cls(data["token"], moment(data.get("expiresAt")), data.get("entryUrl"))


@dataclass(frozen=True, slots=True)
class FileInfo:
    name: str
    path: str
    type: str
    """file, directory, symlink or other."""
    size: int
    mode: str
    owner: str
    group: str
    modified_at: datetime | None
    target: str | None

    @classmethod
    def from_json(cls, data: Json) -> "FileInfo":
        return cls(
            name=data["name"],
            path=data["path"],
            type=data["type"],
            size=data["size"],
            mode=str(data.get("mode", "")),
            owner=str(data.get("owner", "")),
            group=str(data.get("group", "")),
            modified_at=moment(data.get("modifiedAt")),
            target=data.get("target"),
        )
