"""`dev.env`: all that tools and tests need to speak to this stack, ready to be sourced."""

from infra.stack.blueprint import LOOPBACK, Site
from infra.stack.env_file import read_env_file, write_env_file
from infra.stack.layout import Layout


def former_key(layout: Layout) -> str | None:
    return read_env_file(layout.dev_env).get("INSIEN_API_KEY") or None


def write_dev_env(site: Site, administrator_url: str, key: str | None) -> None:
    ports = site.settings.ports
    values = {
        "INSIEN_API_URL": local_url(site),
        "INSIEN_API_KEY": key or "",
        "INSIEN_PREVIEW_DOMAIN": site.settings.preview_domain,
        "INSIEN_CLERK_URL": site.clerk_url,
        "DATABASE_URL": administrator_url,
        "REDIS_URL": site.redis_url,
        "INSIEN_AUTH_URL": site.http("auth"),
        "INSIEN_SANDBOX_URL": site.http("sandbox"),
        "INSIEN_WS_HUB_URL": site.http("ws-hub-http"),
        "INSIEN_AUTH_GRPC": f"{LOOPBACK}:{ports.replica('auth-grpc', 1)}",
        "INSIEN_SANDBOX_GRPC": f"{LOOPBACK}:{ports.replica('sandbox-grpc', 1)}",
        "INSIEN_WS_HUB_GRPC": f"{LOOPBACK}:{ports.replica('ws-hub-grpc', 1)}",
        "INSIEN_AGENT_URL": site.local_agent_url,
        "INSIEN_METRICS_URL": f"http://{LOOPBACK}:{ports.replica('gateway-metrics', 1)}",
        "INSIEN_DEPLOYMENT": site.settings.deployment,
    }
    secrets = ("CLERK_WEBHOOK_SECRET", "INTERNAL_SECRET", "JWT_SECRET", "KEY_PEPPER")
    values |= {name: site.secrets[name] for name in secrets}
    write_env_file(site.settings.layout.dev_env, values)


def local_url(site: Site) -> str:
    """The public port as this machine reaches it, whatever PUBLIC_URL tells the world."""
    return f"http://localhost:{site.settings.ports.single('gateway')}"
