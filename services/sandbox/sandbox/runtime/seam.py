"""The seam between the service and what runs containers; both runtimes pass one contract test."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Protocol
from uuid import UUID

from sandbox.models import (
    ContainerSpec,
    ContainerState,
    FoundContainer,
    Resources,
    Usage,
)


class Runtime(Protocol):
    """Containers by the id of their sandbox: at most one each, in this deployment only.

    Every method raises RuntimeFailed when the runtime refuses or does not answer within its time,
    and ContainerMissing, unless it says otherwise, when the sandbox has no container.
    """

    async def check(self) -> None:
        """Returns when the runtime answers."""

    async def prepare(self) -> None:
        """Makes what containers need and is not there yet (networks). Idempotent."""

    async def image_id(self, image: str) -> str | None:
        """Which image the name stands for now; None when it is not there."""

    async def start(self, spec: ContainerSpec) -> str:
        """Creates and starts a container; its id. On failure nothing of it is left."""

    async def remove(self, sandbox_id: UUID) -> None:
        """Kills and removes, also what is paused; nothing to do when there is none."""

    async def pause(self, sandbox_id: UUID) -> None:
        """Freezes all processes; nothing to do when they are."""

    async def resume(self, sandbox_id: UUID) -> None:
        """Thaws them; nothing to do when they run."""

    async def update(self, sandbox_id: UUID, resources: Resources) -> None:
        """Other limits of CPU, memory and processes for a container that runs."""

    async def inspect(self, sandbox_id: UUID) -> ContainerState | None:
        """How the container is; None when there is none."""

    async def list_containers(self) -> list[FoundContainer]:
        """All containers of this deployment, running or not."""

    async def usage(self, sandbox_id: UUID) -> Usage:
        """What a running container uses."""

    async def disk_bytes(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Sizes of the writable layers of those that exist."""

    def changes(self) -> AsyncIterator[UUID]:
        """Sandboxes whose container has just ended or gone: a hint, some may be missed."""
