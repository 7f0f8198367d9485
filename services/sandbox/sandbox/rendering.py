"""From values to answers."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from kit.errors import ValidationFailed
from sandbox import answers
from sandbox.addresses import Addresses
from sandbox.lifecycle.observe import Status
from sandbox.models import Event, Port, Resources, Sandbox, Template, Usage
from sandbox.repository.quotas import Held
from sandbox.settings import SandboxSettings
from sandbox.states import State

T = TypeVar("T")


def created(sandbox: Sandbox, addresses: Addresses) -> answers.CreateAnswer:
    """Of a create."""
    return answers.CreateAnswer(
        sandbox_id=str(sandbox.id),
        status=sandbox.state,
        template=sandbox.template,
        connected=sandbox.state is State.RUNNING,
        created_at=_utc(sandbox.created_at),
        expires_at=_maybe_utc(sandbox.expires_at),
        metadata=sandbox.metadata,
        client_url=addresses.client(sandbox.id),
        agent_url=addresses.agent(sandbox.id, sandbox.egress),
    )


def summary(sandbox: Sandbox) -> answers.SandboxView:
    """In a list."""
    return answers.SandboxView(
        sandbox_id=str(sandbox.id),
        status=sandbox.state,
        template=sandbox.template,
        created_at=_utc(sandbox.created_at),
        started_at=_maybe_utc(sandbox.started_at),
        expires_at=_maybe_utc(sandbox.expires_at),
        destroyed_at=_maybe_utc(sandbox.destroyed_at),
        reason=sandbox.reason,
        metadata=sandbox.metadata,
        resources=resources(sandbox.resources),
    )


def status(found: Status, addresses: Addresses) -> answers.StatusAnswer:
    """All about one."""
    container = None
    if found.container is not None:
        container = answers.ContainerView(
            running=found.container.running,
            status=found.container.status,
            exit_code=found.container.exit_code,
            oom_killed=found.container.oom_killed,
        )
    return answers.StatusAnswer(
        **dict(summary(found.sandbox)),
        connected=found.connected,
        container=container,
        ports=ports(found.sandbox.id, found.ports, addresses),
    )


def ports(sandbox_id: UUID, found: Sequence[Port], addresses: Addresses) -> list[answers.PortView]:
    """Open ports."""
    return [
        answers.PortView(
            container_port=port.port,
            access=port.access,
            url=addresses.preview(sandbox_id, port.port),
            created_at=_utc(port.created_at),
        )
        for port in found
    ]


def resources(limits: Resources) -> answers.ResourcesView:
    """Limits."""
    return answers.ResourcesView(
        cpus=limits.cpus, memory_mb=limits.memory_mb, disk_mb=limits.disk_mb
    )


def metrics(sandbox_id: UUID, usage: Usage) -> answers.MetricsAnswer:
    """What it uses."""
    return answers.MetricsAnswer(
        sandbox_id=str(sandbox_id),
        at=datetime.now(UTC),
        cpu_percent=usage.cpu_percent,
        memory_bytes=usage.memory_bytes,
        memory_limit_bytes=usage.memory_limit_bytes,
        processes=usage.processes,
        disk_bytes=usage.disk_bytes,
        network_rx_bytes=usage.network_rx_bytes,
        network_tx_bytes=usage.network_tx_bytes,
    )


def event(found: Event) -> answers.EventView:
    """A line of the log."""
    return answers.EventView(
        at=_utc(found.at),
        type=found.type,
        cause=found.cause,
        actor=found.actor,
        data=found.data,
    )


def template(found: Template) -> answers.TemplateView:
    """A recipe."""
    return answers.TemplateView(
        name=found.name,
        description=found.description,
        image=found.image,
        resources=resources(found.resources),
        languages=list(found.languages),
    )


def page(found: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """The page out of one entry more than it holds, and its last entry when there is more."""
    return found[:limit], found[limit - 1] if len(found) > limit else None


def cursor_of(*parts: object) -> str:
    """An opaque cursor."""
    text = "|".join(str(part) for part in parts)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place in a list of sandboxes. Raises ValidationFailed for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        at, _, sandbox_id = _open(cursor).partition("|")
        place = datetime.fromisoformat(at), UUID(sandbox_id)
        if place[0].tzinfo is None:
            raise ValueError(at)
    except ValueError:
        raise _wrong_cursor() from None
    return place


def before_of(cursor: str | None) -> int | None:
    """The place in a lifecycle log. Raises ValidationFailed for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        number = int(_open(cursor))
    except ValueError:
        raise _wrong_cursor() from None
    if not 0 < number < 1 << 63:
        raise _wrong_cursor()
    return number


def _open(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError(str(error)) from None


def _wrong_cursor() -> ValidationFailed:
    return ValidationFailed.of("cursor", "is not a cursor of this list")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _maybe_utc(moment: datetime | None) -> datetime | None:
    return _utc(moment) if moment else None


def limits(settings: SandboxSettings, used: Held, *, by_key: bool) -> answers.LimitsAnswer:
    """What may be used and is."""
    key = answers.Allowance(limit=settings.max_sandboxes_per_key or None, used=used.by_key)
    return answers.LimitsAnswer(
        sandboxes=answers.SandboxLimits(
            user=answers.Allowance(
                limit=settings.max_sandboxes_per_user or None, used=used.by_user
            ),
            key=key if by_key else None,
        ),
        requests=answers.RequestLimits(
            per_minute=settings.rate_limit_per_key or None,
            creates_per_minute=settings.rate_limit_create_per_key or None,
        ),
        resources=answers.LargestResources(
            cpus=settings.max_cpus,
            memory_mb=settings.max_memory_mb,
            disk_mb=settings.max_disk_mb,
            timeout_seconds=int(settings.sandbox_timeout_max_seconds.total_seconds()),
        ),
    )
