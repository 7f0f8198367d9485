"""Containers on a Docker Engine, over its API."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import aiodocker
import aiohttp

from sandbox.errors import ContainerMissing, RuntimeFailed
from sandbox.models import ContainerSpec, ContainerState, FoundContainer, Resources, Usage
from sandbox.runtime.container_config import (
    DEPLOYMENT_LABEL,
    SANDBOX_LABEL,
    Site,
    container_config,
    limits,
    name_of,
)
from sandbox.runtime.docker_stats import usage_of

logger = logging.getLogger(__name__)

CALL_SECONDS = 30.0
SAMPLE_SECONDS = 0.2
_QUOTA_DRIVERS = ("btrfs", "zfs", "devicemapper")


@asynccontextmanager
async def _calling() -> AsyncIterator[None]:
    """Bounds a call in time and says every failure as ours."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except aiodocker.DockerError as error:
        if error.status == 404 and "container" in error.message.lower():
            raise ContainerMissing from error
        raise RuntimeFailed(f"Docker: {error.message}", _kind(error)) from error
    except TimeoutError as error:
        raise RuntimeFailed("Docker does not answer in time.", "runtime_timeout") from error
    except (aiohttp.ClientError, OSError) as error:
        raise RuntimeFailed(f"Docker does not answer: {error}", "runtime_down") from error


def _kind(error: aiodocker.DockerError) -> str:
    if error.status == 900:
        return "runtime_down"
    if error.status == 404 and "image" in error.message.lower():
        return "image_missing"
    return "runtime_error"


class DockerRuntime:
    """The containers with this deployment's label on one engine."""

    def __init__(self, url: str, site: Site) -> None:
        self._docker = aiodocker.Docker(url=url)
        self._site = site
        self._storage_quota: bool | None = None

    async def close(self) -> None:
        """Closes the connections."""
        await self._docker.close()

    async def check(self) -> None:
        async with _calling():
            await self._docker.version()

    async def prepare(self) -> None:
        await self._make_network(self._site.network, internal=False)
        await self._make_network(self._site.network_isolated, internal=True)

    async def image_id(self, image: str) -> str | None:
        try:
            async with _calling():
                found: str = (await self._docker.images.inspect(image))["Id"]
        except RuntimeFailed as error:
            if error.kind == "image_missing":
                return None
            raise
        return found

    async def start(self, spec: ContainerSpec) -> str:
        container = await self._create(spec)
        try:
            async with _calling():
                await container.start()
        except BaseException:
            await asyncio.shield(self.remove(spec.sandbox_id))
            raise
        return str(container.id)

    async def remove(self, sandbox_id: UUID) -> None:
        container = self._container(sandbox_id)
        for _ in range(3):
            try:
                async with _calling():
                    await container.delete(force=True, v=True)
            except ContainerMissing:
                return
            except RuntimeFailed as error:
                # Somebody else is removing it: it is gone when asking again says so.
                if "already in progress" not in error.detail:
                    raise
                await asyncio.sleep(0.2)
            else:
                return
        raise RuntimeFailed("Docker is still removing the container.", "runtime_timeout")

    async def pause(self, sandbox_id: UUID) -> None:
        with _unless("already paused"):
            async with _calling():
                await self._container(sandbox_id).pause()

    async def resume(self, sandbox_id: UUID) -> None:
        with _unless("not paused"):
            async with _calling():
                await self._container(sandbox_id).unpause()

    async def update(self, sandbox_id: UUID, resources: Resources) -> None:
        async with _calling():
            await self._docker._query_json(
                f"containers/{name_of(sandbox_id)}/update", "POST", data=limits(resources)
            )

    async def inspect(self, sandbox_id: UUID) -> ContainerState | None:
        try:
            async with _calling():
                state = (await self._container(sandbox_id).show())["State"]
        except ContainerMissing:
            return None
        running = state["Running"]
        return ContainerState(
            running=running,
            status=state["Status"],
            exit_code=None if running else state["ExitCode"],
            oom_killed=state["OOMKilled"],
        )

    async def list_containers(self) -> list[FoundContainer]:
        now = time.time()
        return [
            FoundContainer(sandbox_id, entry["State"], max(0.0, now - entry["Created"]))
            for sandbox_id, entry in await self._listed(size=False)
        ]

    async def usage(self, sandbox_id: UUID) -> Usage:
        first = await self._sample(sandbox_id)
        await asyncio.sleep(SAMPLE_SECONDS)
        second = await self._sample(sandbox_id)
        async with _calling():
            shown = await self._container(sandbox_id).show(size=1)
        return usage_of(first, second, shown.get("SizeRw") or 0)

    async def disk_bytes(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        wanted = set(ids)
        return {
            sandbox_id: entry.get("SizeRw") or 0
            for sandbox_id, entry in await self._listed(size=True)
            if sandbox_id in wanted
        }

    async def changes(self) -> AsyncIterator[UUID]:
        filters = {
            "type": ["container"],
            "event": ["die", "oom", "destroy"],
            "label": [f"{DEPLOYMENT_LABEL}={self._site.deployment}"],
        }
        events = self._docker.events.subscribe(filters=json.dumps(filters))  # type: ignore[no-untyped-call]
        try:
            while (event := await events.get()) is not None:
                attributes = event.get("Actor", {}).get("Attributes", {})
                with suppress(ValueError):
                    yield UUID(attributes.get(SANDBOX_LABEL, ""))
        finally:
            with suppress(aiodocker.DockerError, aiohttp.ClientError, OSError):
                await self._docker.events.stop()  # type: ignore[no-untyped-call]

    def _container(self, sandbox_id: UUID) -> aiodocker.containers.DockerContainer:
        return self._docker.containers.container(name_of(sandbox_id))

    async def _create(self, spec: ContainerSpec) -> aiodocker.containers.DockerContainer:
        name = name_of(spec.sandbox_id)
        quota = await self._has_storage_quota()
        config = container_config(spec, self._site, storage_quota=quota)
        try:
            async with _calling():
                return await self._docker.containers.create(config, name=name)
        except RuntimeFailed as error:
            if not quota or "storage-opt" not in error.detail:
                raise
            logger.warning("no disk quota by the storage driver: %s", error.detail)
            self._storage_quota = False
            return await self._create(spec)

    async def _has_storage_quota(self) -> bool:
        """What the driver claims; the first refusal of a create corrects it."""
        if self._storage_quota is None:
            async with _calling():
                info = await self._docker.system.info()
            backing = dict(info.get("DriverStatus") or []).get("Backing Filesystem", "")
            overlay = info["Driver"] == "overlay2" and backing == "xfs"
            self._storage_quota = overlay or info["Driver"] in _QUOTA_DRIVERS
        return self._storage_quota

    async def _make_network(self, name: str, *, internal: bool) -> None:
        config = {
            "Name": name,
            "Driver": "bridge",
            "Internal": internal,
            "CheckDuplicate": True,
            "Options": {"com.docker.network.bridge.enable_icc": "false"},
        }
        with _unless("already exists"):
            async with _calling():
                if await self._docker.networks.list(filters={"name": [f"^{name}$"]}):
                    return
                await self._docker.networks.create(config)

    async def _sample(self, sandbox_id: UUID) -> dict[str, Any]:
        # One sample without waiting for a second one, which aiodocker's own call cannot ask for.
        async with _calling():
            sample: dict[str, Any] = await self._docker._query_json(
                f"containers/{name_of(sandbox_id)}/stats", params={"stream": "0", "one-shot": "1"}
            )
        return sample

    async def _listed(self, *, size: bool) -> list[tuple[UUID, dict[str, Any]]]:
        filters = {"label": [f"{DEPLOYMENT_LABEL}={self._site.deployment}"]}
        params = {"all": "1", "size": "1" if size else "0", "filters": json.dumps(filters)}
        async with _calling():
            entries = await self._docker._query_json("containers/json", params=params)
        found = []
        for entry in entries:
            # A label of ours without an id is not a sandbox (a database of compose, for one).
            with suppress(ValueError):
                found.append((UUID(entry["Labels"].get(SANDBOX_LABEL, "")), entry))
        return found


class _unless:
    """Lets a refusal pass that says that there is nothing to do."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, traceback: object) -> bool:
        return isinstance(error, RuntimeFailed) and self._text in error.detail
