"""What the service thinks in: sandboxes, their limits, ports and events, and containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sandbox.states import State

Egress = Literal["full", "none"]
Access = Literal["public", "private"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits of one sandbox. `pids` counts threads too."""

    cpus: float
    memory_mb: int
    disk_mb: int
    pids: int

    @property
    def memory_bytes(self) -> int:
        return self.memory_mb * 1024 * 1024

    @property
    def disk_bytes(self) -> int:
        return self.disk_mb * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Template:
    """A named recipe. `runtime` empty is the engine's default; `warm` sandboxes are kept ready."""

    name: str
    description: str
    image: str
    user: str
    workdir: str
    languages: tuple[str, ...]
    resources: Resources
    runtime: str = ""
    warm: int = 0


@dataclass(frozen=True, slots=True)
class ContainerState:
    """What the runtime says of a container; `status` is its own word (`running`, `exited`, …)."""

    running: bool
    status: str
    exit_code: int | None = None
    oom_killed: bool = False


@dataclass(frozen=True, slots=True)
class FoundContainer:
    """A container with this deployment's label. `age_seconds` is since its creation."""

    sandbox_id: UUID
    status: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sandbox uses now; `cpu_percent` of one CPU, so that two busy CPUs are 200."""

    cpu_percent: float
    memory_bytes: int
    memory_limit_bytes: int
    processes: int
    disk_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """All that the runtime must know to start a sandbox."""

    sandbox_id: UUID
    image: str
    runtime: str
    resources: Resources
    egress: Egress
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A row of the table. `user_id` is None while it has no owner."""

    id: UUID
    user_id: UUID | None
    api_key_id: str | None
    template: str
    image: str
    state: State
    generation: int
    resources: Resources
    egress: Egress
    metadata: dict[str, str]
    fingerprint: str
    container_id: str | None
    container: ContainerState | None
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    expires_at: datetime | None
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Port:
    """An exposed port; `exposure_id` is new with every change of access, and so is the token."""

    port: int
    access: Access
    exposure_id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a sandbox's lifecycle log."""

    number: int
    at: datetime
    type: str
    cause: str
    actor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something happens (`requested`, `expired`, …) and who wants it (`user`, `key:…`)."""

    cause: str
    actor: str = "system"
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewSandbox:
    """What a create asks for, defaults filled in; no env values: those are never stored."""

    template: Template
    image: str
    resources: Resources
    egress: Egress
    metadata: dict[str, str]
    lifetime_seconds: float
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom a sandbox is made."""

    user_id: UUID
    api_key_id: str | None
    actor: str
