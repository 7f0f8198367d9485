"""The container of a sandbox, as Docker is told: hardened as the threat model asks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sandbox.models import ContainerSpec, Resources

DEPLOYMENT_LABEL = "insien.deployment"
SANDBOX_LABEL = "insien.sandbox-id"
MOUNT = "/.insien"
OPEN_FILES = 16384

CAPABILITIES = (
    # Running programs as several users, with files of theirs, and nothing about the machine.
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "SETUID",
    "SETGID",
    "KILL",
    "NET_BIND_SERVICE",
)


@dataclass(frozen=True, slots=True)
class Site:
    """What all containers of this deployment share; `bundle` is a host folder or a volume."""

    deployment: str
    bundle: str
    entrypoint: Sequence[str]
    network: str
    network_isolated: str


def name_of(sandbox_id: UUID) -> str:
    """The container's name: one sandbox, one container, whoever asks."""
    return f"insien-{sandbox_id}"


def read_entrypoint(bundle: str, otherwise: Sequence[str]) -> tuple[str, ...]:
    """The agent's command from the bundle's `entrypoint.json`, if it can be read from here."""
    try:
        document = json.loads(Path(bundle, "entrypoint.json").read_text("utf-8"))
    except OSError:
        return tuple(otherwise)
    return tuple(str(word) for word in document["argv"])


def read_version(bundle: str) -> str:
    """The bundle's version, empty when it cannot be read from here."""
    try:
        return Path(bundle, "VERSION").read_text("utf-8").strip()
    except OSError:
        return ""


def resolve_bundle(bundle: str) -> str:
    """The folder itself when the setting is a link: a later bundle is not for old sandboxes."""
    path = Path(bundle)
    return str(path.resolve()) if path.is_absolute() and path.exists() else bundle


def container_config(spec: ContainerSpec, site: Site, *, storage_quota: bool) -> dict[str, Any]:
    """The body of Docker's `POST /containers/create`."""
    return {
        "Image": spec.image,
        "Hostname": spec.sandbox_id.hex[:12],
        "User": "0:0",
        "Entrypoint": list(site.entrypoint),
        "Cmd": [],
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "WorkingDir": "/",
        "Labels": {
            DEPLOYMENT_LABEL: site.deployment,
            SANDBOX_LABEL: str(spec.sandbox_id),
        },
        "Healthcheck": {"Test": ["NONE"]},
        "Volumes": {},
        "HostConfig": _host_config(spec, site, storage_quota=storage_quota),
    }


def _host_config(spec: ContainerSpec, site: Site, *, storage_quota: bool) -> dict[str, Any]:
    config: dict[str, Any] = {
        "NetworkMode": site.network if spec.egress == "full" else site.network_isolated,
        "Binds": [f"{site.bundle}:{MOUNT}:ro"],
        "CapDrop": ["ALL"],
        "CapAdd": list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "PublishAllPorts": False,
        "RestartPolicy": {"Name": "no"},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
        # The host's own programs outlive a sandbox when memory runs out.
        "OomScoreAdj": 500,
        # No limit by user id (nproc): it would be counted over all sandboxes of the host.
        "Ulimits": [
            {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        **limits(spec.resources),
    }
    if spec.runtime:
        config["Runtime"] = spec.runtime
    if storage_quota:
        config["StorageOpt"] = {"size": f"{spec.resources.disk_mb}m"}
    return config


def limits(resources: Resources) -> dict[str, Any]:
    """Memory (and no swap beyond it), CPU and processes; also the body of Docker's update."""
    return {
        "Memory": resources.memory_bytes,
        "MemorySwap": resources.memory_bytes,
        "NanoCpus": int(resources.cpus * 1_000_000_000),
        "PidsLimit": resources.pids,
    }
