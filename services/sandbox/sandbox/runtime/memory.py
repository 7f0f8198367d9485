"""Containers that are only remembered, with faults on order: for tests of all above the seam."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sandbox.errors import ContainerMissing, RuntimeFailed
from sandbox.models import ContainerSpec, ContainerState, FoundContainer, Resources, Usage

Hook = Callable[[UUID | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MemoryContainer:
    """One of them. `created_at` is in seconds since 1970."""

    spec: ContainerSpec
    state: ContainerState
    created_at: float
    disk_bytes: int = 0


class MemoryRuntime:
    """A runtime in memory.

    `fail(method, …)` makes the next calls of a method raise; `before[method]` is awaited before
    each call of it, which lets a test stop time there; `calls` are the names of all calls.
    """

    def __init__(self, images: Collection[str] = ("insien/default:1",)) -> None:
        self.images = {image: f"sha256:{image}" for image in images}
        self.containers: dict[UUID, MemoryContainer] = {}
        self.before: dict[str, Hook] = {}
        self.calls: list[str] = []
        self._faults: defaultdict[str, deque[RuntimeFailed]] = defaultdict(deque)
        self._changes: asyncio.Queue[UUID] = asyncio.Queue()

    def fail(self, method: str, error: RuntimeFailed | None = None, times: int = 1) -> None:
        """The next `times` calls of the method raise."""
        fault = error or RuntimeFailed("Docker: it was told to fail")
        self._faults[method].extend([fault] * times)

    def stop(self, sandbox_id: UUID, exit_code: int = 137, *, oom_killed: bool = False) -> None:
        """The container's first process has ended."""
        ended = ContainerState(False, "exited", exit_code, oom_killed)
        self.containers[sandbox_id] = replace(self.containers[sandbox_id], state=ended)
        self._changes.put_nowait(sandbox_id)

    def lose(self, sandbox_id: UUID) -> None:
        """The container was removed behind our back."""
        del self.containers[sandbox_id]
        self._changes.put_nowait(sandbox_id)

    def put(self, spec: ContainerSpec, age_seconds: float = 0.0) -> None:
        """A container that nobody started here."""
        state = ContainerState(True, "running")
        self.containers[spec.sandbox_id] = MemoryContainer(spec, state, time.time() - age_seconds)

    def fill(self, sandbox_id: UUID, disk_bytes: int) -> None:
        """Its writable layer has that size now."""
        container = self.containers[sandbox_id]
        self.containers[sandbox_id] = replace(container, disk_bytes=disk_bytes)

    async def check(self) -> None:
        await self._called("check")

    async def prepare(self) -> None:
        await self._called("prepare")

    async def image_id(self, image: str) -> str | None:
        await self._called("image_id")
        return self.images.get(image)

    async def start(self, spec: ContainerSpec) -> str:
        await self._called("start", spec.sandbox_id)
        if spec.image not in self.images:
            raise RuntimeFailed(f"Docker: No such image: {spec.image}", "image_missing")
        if spec.sandbox_id in self.containers:
            raise RuntimeFailed("Docker: the name is already in use")
        self.put(spec)
        return spec.sandbox_id.hex

    async def remove(self, sandbox_id: UUID) -> None:
        await self._called("remove", sandbox_id)
        self.containers.pop(sandbox_id, None)

    async def pause(self, sandbox_id: UUID) -> None:
        await self._called("pause", sandbox_id)
        self._set_state(sandbox_id, ContainerState(True, "paused"))

    async def resume(self, sandbox_id: UUID) -> None:
        await self._called("resume", sandbox_id)
        self._set_state(sandbox_id, ContainerState(True, "running"))

    async def update(self, sandbox_id: UUID, resources: Resources) -> None:
        await self._called("update", sandbox_id)
        container = self._get(sandbox_id)
        spec = replace(container.spec, resources=resources)
        self.containers[sandbox_id] = replace(container, spec=spec)

    async def inspect(self, sandbox_id: UUID) -> ContainerState | None:
        await self._called("inspect", sandbox_id)
        container = self.containers.get(sandbox_id)
        return container.state if container else None

    async def list_containers(self) -> list[FoundContainer]:
        await self._called("list_containers")
        now = time.time()
        return [
            FoundContainer(sandbox_id, container.state.status, now - container.created_at)
            for sandbox_id, container in self.containers.items()
        ]

    async def usage(self, sandbox_id: UUID) -> Usage:
        await self._called("usage", sandbox_id)
        container = self._get(sandbox_id)
        limit = container.spec.resources.memory_bytes
        return Usage(0.0, 1024, limit, 1, container.disk_bytes, 0, 0)

    async def disk_bytes(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        await self._called("disk_bytes")
        return {i: self.containers[i].disk_bytes for i in ids if i in self.containers}

    async def changes(self) -> AsyncIterator[UUID]:
        while True:
            yield await self._changes.get()

    async def _called(self, method: str, sandbox_id: UUID | None = None) -> None:
        self.calls.append(method)
        if method in self.before:
            await self.before[method](sandbox_id)
        if self._faults[method]:
            raise self._faults[method].popleft()

    def _get(self, sandbox_id: UUID) -> MemoryContainer:
        try:
            return self.containers[sandbox_id]
        except KeyError:
            raise ContainerMissing from None

    def _set_state(self, sandbox_id: UUID, state: ContainerState) -> None:
        container = self._get(sandbox_id)
        self.containers[sandbox_id] = replace(container, state=state)
