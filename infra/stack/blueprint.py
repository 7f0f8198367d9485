"""The plan of the whole stack: every process of every part, its command, its environment."""

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.stack.configuration import handed_on, inherited
from infra.stack.control import ROOT
from infra.stack.plan import Address, Plan, ProcessSpec
from infra.stack.settings import StackSettings

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
DRAIN_SECONDS = 32.0
"""When a replica is replaced its streams may end in their own time: what they allow, and a bit."""


@dataclass(frozen=True, slots=True)
class Site:
    """What `up` found out or made before the services can be started."""

    settings: StackSettings
    secrets: dict[str, str]
    database_urls: dict[str, str]
    """By service."""
    redis_url: str
    hub_host: str
    """Address the agents' socket is bound to."""
    agent_host: str
    """The same as sandboxes reach it."""
    isolated_host: str
    """The same as sandboxes without egress reach it; empty: at `agent_host` too."""
    bundle: str
    """The agent bundle: a host path or a volume's name."""

    def http(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.settings.ports.single(name)}"

    def grpc(self, part: str) -> str:
        """Every replica's address, comma-separated."""
        ports = self.settings.ports
        count = self.settings.replicas[part]
        return ",".join(f"{LOOPBACK}:{ports.replica(f'{part}-grpc', n + 1)}" for n in range(count))

    @property
    def agent_url(self) -> str:
        return f"ws://{self.agent_host}:{self.settings.ports.single('ws-hub')}"

    @property
    def isolated_agent_url(self) -> str:
        port = self.settings.ports.single("ws-hub")
        return f"ws://{self.isolated_host}:{port}" if self.isolated_host else ""

    @property
    def local_agent_url(self) -> str:
        """The agents' socket as this host reaches it."""
        return f"ws://{LOOPBACK}:{self.settings.ports.single('ws-hub')}"

    @property
    def clerk_url(self) -> str:
        return self.http("clerk")


def blueprint(site: Site, stores: list[ProcessSpec]) -> Plan:
    """Everything: `stores` are the embedded PostgreSQL and Redis, when there are any."""
    makers = {"gateway": _gateway, "auth": _auth, "sandbox": _sandbox, "ws-hub": _ws_hub}
    services = [
        make(site, index + 1)
        for part, make in makers.items()
        for index in range(site.settings.replicas[part])
    ]
    base = inherited(site.settings.environ) | {"PYTHONUNBUFFERED": "1"}
    return Plan(processes=(*stores, _clerk(site), *services), base_env=base)


def service_env(site: Site, part: str) -> dict[str, str]:
    """What every process of a service gets; also that of its one-off commands (migrate)."""
    settings = site.settings
    shared = {
        "INTERNAL_SECRET": site.secrets["INTERNAL_SECRET"],
        "REDIS_URL": site.redis_url,
        "DEPLOYMENT": settings.deployment,
        "HOST": LOOPBACK,
    }
    own = {"auth": _auth_env, "sandbox": _sandbox_env, "ws-hub": _ws_hub_env}
    handed = handed_on(part, settings.environ, ROOT / ".env.example")
    specific = own[part](site) if part in own else _gateway_env(site)
    return specific | handed | shared


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _listen(site: Site, name: str) -> Address:
    return Address(LOOPBACK, site.settings.ports.single(name))


def _gateway(site: Site, index: int) -> ProcessSpec:
    ports = site.settings.ports
    env = service_env(site, "gateway") | {
        "PORT": str(ports.single("gateway")),
        "METRICS_PORT": str(ports.replica("gateway-metrics", index)),
    }
    public = Address(site.settings.host, ports.single("gateway"))
    return ProcessSpec(
        part="gateway",
        index=index,
        argv=_python("gateway"),
        env=env,
        listen={"LISTEN_FD": public},
        binds=(Address(LOOPBACK, ports.replica("gateway-metrics", index)),),
        stop_order=0,
        stop_seconds=DRAIN_SECONDS,
    )


def _gateway_env(site: Site) -> dict[str, str]:
    return {
        "AUTH_HTTP_URL": site.http("auth"),
        "AUTH_GRPC": site.grpc("auth"),
        "SANDBOX_HTTP_URL": site.http("sandbox"),
        "SANDBOX_GRPC": site.grpc("sandbox"),
        "WS_HUB_HTTP_URL": site.http("ws-hub-http"),
        "WS_HUB_GRPC": site.grpc("ws-hub"),
        "WS_HUB_WS_URL": site.local_agent_url,
        "PREVIEW_DOMAIN": site.settings.preview_domain,
        "PUBLIC_URL": site.settings.public_url,
    }


def _auth(site: Site, index: int) -> ProcessSpec:
    return _service(site, "auth", index, {"LISTEN_FD": _listen(site, "auth")})


def _auth_env(site: Site) -> dict[str, str]:
    return {
        "DATABASE_URL": site.database_urls["auth"],
        "KEY_PEPPER": site.secrets["KEY_PEPPER"],
        "CLERK_SECRET_KEY": site.secrets["CLERK_SECRET_KEY"],
        "CLERK_WEBHOOK_SECRET": site.secrets["CLERK_WEBHOOK_SECRET"],
        "CLERK_AUTHORIZED_PARTIES": site.settings.public_url,
        "CLERK_API_URL": site.clerk_url,
        "CLERK_ISSUER": site.clerk_url,
        "SANDBOX_GRPC": site.grpc("sandbox"),
    }


def _sandbox(site: Site, index: int) -> ProcessSpec:
    return _service(site, "sandbox", index, {"LISTEN_FD": _listen(site, "sandbox")})


def _sandbox_env(site: Site) -> dict[str, str]:
    settings = site.settings
    return {
        "DATABASE_URL": site.database_urls["sandbox"],
        "JWT_SECRET": site.secrets["JWT_SECRET"],
        "WS_HUB_GRPC": site.grpc("ws-hub"),
        "AGENT_URL": site.agent_url,
        "AGENT_URL_ISOLATED": site.isolated_agent_url,
        "AGENT_BUNDLE": site.bundle,
        "TEMPLATES_DIR": str(ROOT / "infra" / "templates"),
        "SANDBOX_NETWORK": settings.network,
        "SANDBOX_NETWORK_ISOLATED": settings.isolated_network,
        "PUBLIC_URL": settings.public_url,
        "PREVIEW_DOMAIN": settings.preview_domain,
    }


def _ws_hub(site: Site, index: int) -> ProcessSpec:
    port = site.settings.ports.single("ws-hub")
    listen = {
        "LISTEN_FD": Address(site.hub_host, port),
        "HTTP_LISTEN_FD": _listen(site, "ws-hub-http"),
    }
    if site.hub_host not in (LOOPBACK, EVERYWHERE):
        listen["LOOPBACK_LISTEN_FD"] = _listen(site, "ws-hub")
    return _service(site, "ws-hub", index, listen)


def _ws_hub_env(site: Site) -> dict[str, str]:
    return {
        "JWT_SECRET": site.secrets["JWT_SECRET"],
        "SANDBOX_GRPC": site.grpc("sandbox"),
        "HTTP_PORT": str(site.settings.ports.single("ws-hub-http")),
    }


def _service(site: Site, part: str, index: int, listen: dict[str, Address]) -> ProcessSpec:
    """One replica of a service behind the gateway."""
    grpc_port = site.settings.ports.replica(f"{part}-grpc", index)
    env = service_env(site, part) | {
        "PORT": str(listen["LISTEN_FD"].port),
        "GRPC_PORT": str(grpc_port),
    }
    order = {"ws-hub": 2, "sandbox": 1, "auth": 3}[part]
    module = part.replace("-", "_")
    return ProcessSpec(
        part=part,
        index=index,
        argv=_python(module),
        env=env,
        listen=listen,
        binds=(Address(LOOPBACK, grpc_port),),
        stop_order=order,
        stop_seconds=DRAIN_SECONDS,
    )


def _clerk(site: Site) -> ProcessSpec:
    settings = site.settings
    env = {
        "CLERK_STATE": str(settings.layout.clerk_state),
        "CLERK_SECRET_KEY": site.secrets["CLERK_SECRET_KEY"],
        "CLERK_ISSUER": site.clerk_url,
        "CLERK_AUTHORIZED_PARTIES": settings.public_url,
        "PORT": str(settings.ports.single("clerk")),
        "HOST": LOOPBACK,
    }
    env |= handed_on("clerk", settings.environ, Path())
    return ProcessSpec(
        part="clerk",
        index=1,
        argv=_python("infra.dev_clerk"),
        env=env,
        listen={"LISTEN_FD": _listen(site, "clerk")},
        stop_order=4,
    )
