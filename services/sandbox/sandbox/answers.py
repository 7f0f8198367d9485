"""Answers of the HTTP routes, in their public spelling."""

from datetime import datetime
from typing import Any, Literal

from kit.endpoint import Model, left_out_when_none
from sandbox.states import State


class Answer(Model):
    """Every success."""

    success: Literal[True] = True


class ResourcesView(Model):
    """Limits of a sandbox."""

    cpus: float
    memory_mb: int
    disk_mb: int


class ContainerView(Model):
    """The runtime's object, as it is now or was at the end."""

    running: bool
    status: str
    exit_code: int | None
    oom_killed: bool


class PortView(Model):
    """An exposed port."""

    container_port: int
    access: Literal["public", "private"]
    url: str
    created_at: datetime


class CreateAnswer(Answer):
    """The new sandbox."""

    sandbox_id: str
    status: State
    template: str
    connected: bool
    created_at: datetime
    expires_at: datetime | None
    metadata: dict[str, str]
    client_url: str
    agent_url: str


class SandboxView(Model):
    """One sandbox of a list."""

    sandbox_id: str
    status: State
    template: str
    created_at: datetime
    started_at: datetime | None
    expires_at: datetime | None
    destroyed_at: datetime | None
    reason: str | None
    metadata: dict[str, str]
    resources: ResourcesView


class ListAnswer(Answer):
    """A page of sandboxes, newest first."""

    sandboxes: list[SandboxView]
    next_cursor: str | None


class StatusAnswer(Answer, SandboxView):
    """All about one sandbox."""

    connected: bool
    container: ContainerView | None
    ports: list[PortView]


class SandboxAnswer(Answer):
    """Done to this sandbox."""

    sandbox_id: str


class ExposeAnswer(SandboxAnswer):
    """The open port; `token` for a private one."""

    container_port: int
    access: Literal["public", "private"]
    url: str
    token: str | None = left_out_when_none()


class CloseAnswer(SandboxAnswer):
    """The port that is closed now."""

    container_port: int


class PortsAnswer(SandboxAnswer):
    """All open ports."""

    ports: list[PortView]


class MetricsAnswer(SandboxAnswer):
    """What the sandbox uses; `cpuPercent` of one CPU."""

    at: datetime
    cpu_percent: float
    memory_bytes: int
    memory_limit_bytes: int
    processes: int
    disk_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int


class EventView(Model):
    """One line of the lifecycle log."""

    at: datetime
    type: str
    cause: str
    actor: str
    data: dict[str, Any]


class EventsAnswer(Answer):
    """A page of the lifecycle log, newest first."""

    events: list[EventView]
    next_cursor: str | None


class TokenAnswer(Answer):
    """Opens one sandbox; `entryUrl` once, for 60 s."""

    token: str
    expires_at: datetime
    entry_url: str | None = left_out_when_none()


class TemplateView(Model):
    """A named recipe."""

    name: str
    description: str
    image: str
    resources: ResourcesView
    languages: list[str]


class TemplatesAnswer(Answer):
    """All templates."""

    templates: list[TemplateView]


class Allowance(Model):
    """How many there may be (null: any number) and are."""

    limit: int | None
    used: int


class SandboxLimits(Model):
    """Live sandboxes of the user and of the key that asks (null for a session)."""

    user: Allowance
    key: Allowance | None


class LargestResources(Model):
    """The most that one sandbox may have."""

    cpus: float
    memory_mb: int
    disk_mb: int
    timeout_seconds: int


class RequestLimits(Model):
    """Requests a minute of one key, as configured; null is no limit."""

    per_minute: int | None
    creates_per_minute: int | None


class LimitsAnswer(Answer):
    """What the caller may use, and uses now."""

    sandboxes: SandboxLimits
    requests: RequestLimits
    resources: LargestResources
