"""What this stack shall be: read once from the environment of the command."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.stack.errors import StackError
from infra.stack.layout import Layout
from infra.stack.ports import MAX_REPLICAS, Ports, ports_from

REPLICATED = {
    "gateway": "GATEWAY_REPLICAS",
    "auth": "AUTH_REPLICAS",
    "sandbox": "SANDBOX_REPLICAS",
    "ws-hub": "WS_HUB_REPLICAS",
}
_DEPLOYMENT = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class StackSettings:
    layout: Layout
    deployment: str
    """Labels the containers; names the networks of all deployments but the default one."""
    ports: Ports
    replicas: dict[str, int]
    host: str
    """Address the public port is bound to; every other port stays on loopback."""
    public_url: str
    preview_domain: str
    database_url: str | None
    """An administrator's URL of an external PostgreSQL; None starts an embedded one."""
    redis_url: str | None
    """URL of an external Redis; None starts an embedded one."""
    environ: Mapping[str, str]
    """All of it: what is set here and meant for a service is handed on."""

    @property
    def network(self) -> str:
        return self.environ.get("SANDBOX_NETWORK") or f"{self.deployment}-sandboxes"

    @property
    def isolated_network(self) -> str:
        return self.environ.get("SANDBOX_NETWORK_ISOLATED") or f"{self.deployment}-isolated"


def stack_settings(environ: Mapping[str, str], root: Path) -> StackSettings:
    """Settings for the repository at `root`. StackError names the variable that is wrong."""
    ports = ports_from(environ)
    deployment = environ.get("DEPLOYMENT") or "insien"
    if not _DEPLOYMENT.fullmatch(deployment):
        raise StackError(f"DEPLOYMENT must match {_DEPLOYMENT.pattern}, not {deployment!r}")
    state = Path(environ.get("INSIEN_STATE_DIR") or ".insien")
    return StackSettings(
        layout=Layout((root / state).resolve()),
        deployment=deployment,
        ports=ports,
        replicas={part: _replicas(environ, name) for part, name in REPLICATED.items()},
        host=environ.get("HOST") or "127.0.0.1",
        public_url=environ.get("PUBLIC_URL") or f"http://localhost:{ports.single('gateway')}",
        preview_domain=environ.get("PREVIEW_DOMAIN") or "localhost",
        database_url=environ.get("DATABASE_URL") or None,
        redis_url=environ.get("REDIS_URL") or None,
        environ=environ,
    )


def _replicas(environ: Mapping[str, str], variable: str) -> int:
    text = environ.get(variable) or "1"
    if not text.isdigit() or not 1 <= int(text) <= MAX_REPLICAS:
        raise StackError(f"{variable} must be from 1 to {MAX_REPLICAS}, not {text!r}")
    return int(text)
