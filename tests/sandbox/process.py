"""The real process, `python -m sandbox`, and requests to it."""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from subprocess import Popen

import httpx

from sandbox.settings import SandboxSettings
from tests.sandbox.running_service import Api, person
from tests.support.servers import free_port, running

NOT_OURS = ("DATABASE_URL", "REDIS_URL", "DOCKER_HOST", "LISTEN_FD")


def environment(settings: SandboxSettings, **more: str) -> dict[str, str]:
    """Variables that give the process these settings."""
    values = {
        "INTERNAL_SECRET": settings.internal_secret.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "GRPC_PORT": str(free_port()),
        "WS_HUB_GRPC": settings.ws_hub_grpc,
        "AGENT_URL": settings.agent_url,
        "AGENT_BUNDLE": "/tmp",
        "AGENT_ENTRYPOINT": json.dumps(["/bin/sleep", "1000"]),
        "TEMPLATES_DIR": str(settings.templates_dir),
        "DEPLOYMENT": settings.deployment,
        "RECONCILE_SECONDS": "1",
        "CREATE_TIMEOUT_SECONDS": "60",
    }
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return kept | values | more


@contextlib.contextmanager
def process(env: dict[str, str], log: Path) -> Iterator[tuple[Popen[bytes], int]]:
    """The process while it serves, and its port."""
    port = free_port()
    argv = [sys.executable, "-m", "sandbox"]
    with running(argv, log, port=port, env=env | {"PORT": str(port)}) as found:
        yield found, port


@contextlib.asynccontextmanager
async def api(port: int) -> AsyncIterator[Api]:
    """Requests to it as somebody new."""
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=90) as client:
        yield Api(client, person())
