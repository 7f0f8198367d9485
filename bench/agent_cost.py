"""What the agent takes: memory, and time from container start to connected."""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import aiodocker

from bench import docker_alone, stack
from bench.fake_agents import token
from bench.row import Row, p50
from kit.rpc import Rpc
from wire.hub.v1.hub_pb2 import WaitForAgentRequest
from wire.hub.v1.hub_pb2_grpc import HubStub

NETWORK = f"{stack.ENVIRONMENT['DEPLOYMENT']}-sandboxes"


async def measure(environment: Mapping[str, str]) -> list[Row]:
    """Five containers by hand, with the agent as their first process."""
    bundle = (stack.STATE / "agent").resolve()
    if not bundle.exists():
        bundle = (stack.ROOT / ".insien" / "agent").resolve()
    argv = json.loads((bundle / "entrypoint.json").read_text())["argv"]
    rpc = Rpc(environment["INSIEN_WS_HUB_GRPC"], environment["INTERNAL_SECRET"])
    hub = HubStub(rpc.channel)  # type: ignore[no-untyped-call]  # generated
    boots, memory = [], []
    async with aiodocker.Docker() as docker:
        network = await (await docker.networks.get(NETWORK)).show()
        gateway = network["IPAM"]["Config"][0]["Gateway"]
        port = environment["INSIEN_AGENT_URL"].rpartition(":")[2]
        for _ in range(5):
            boot, rss = await _one(
                docker, rpc, hub, _plan(bundle, argv, gateway, port, environment)
            )
            boots.append(boot)
            memory.append(rss)
    await rpc.close()
    return [
        Row("agent, resident memory", "MiB", None, max(memory) / 2**20, "<=", 30),
        Row("agent, container start → connected, p50", "ms", None, p50(boots) * 1e3, "<=", 150),
    ]


def _plan(
    bundle: Path, argv: list[str], gateway: str, port: str, environment: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    sandbox_id = str(uuid.uuid4())
    return sandbox_id, {
        "Image": docker_alone.IMAGE,
        "Entrypoint": argv,
        "Labels": {docker_alone.LABEL: "insien-bench-bare"},
        "Env": [
            f"INSIEN_SANDBOX_ID={sandbox_id}",
            f"INSIEN_AGENT_URL=ws://{gateway}:{port}/agent/{sandbox_id}",
            f"INSIEN_AGENT_TOKEN={token(environment['JWT_SECRET'], sandbox_id)}",
            "INSIEN_USER=user",
            "INSIEN_WORKDIR=/home/user",
        ],
        "HostConfig": {"Binds": [f"{bundle}:/.insien:ro"], "NetworkMode": NETWORK},
    }


async def _one(
    docker: aiodocker.Docker, rpc: Rpc, hub: HubStub, plan: tuple[str, dict[str, Any]]
) -> tuple[float, int]:
    """Seconds from Docker's own start time to connected, and bytes resident after that."""
    sandbox_id, config = plan
    made = await docker.containers.create(config, name=f"bench-{sandbox_id[:12]}")
    try:
        waiting = WaitForAgentRequest(sandbox_id=sandbox_id, timeout_ms=20_000)
        await made.start()
        await rpc.call(hub.WaitForAgent, waiting, seconds=21)
        connected = time.time()
        state = (await made.show())["State"]
        started = datetime.fromisoformat(state["StartedAt"][:26].rstrip("Z") + "+00:00")
        return max(connected - started.timestamp(), 0.0), stack.rss_bytes(state["Pid"])
    finally:
        await made.delete(force=True)
