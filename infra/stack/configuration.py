"""Which variables of `make up`'s environment go to which part.

A variable that is not set is not handed on: the service's own default holds. Names that the
stack decides itself (ports, URLs, secrets) are in `blueprint.py`.
"""

from collections.abc import Mapping
from pathlib import Path

from infra.stack.secret_file import MAKERS

EVERY = ("LOG_LEVEL",)
LIMITS = ("RATE_LIMIT_PER_KEY", "RATE_LIMIT_CREATE_PER_KEY", "RATE_LIMIT_PER_ADDRESS")
OWN: dict[str, tuple[str, ...]] = {
    "gateway": (*LIMITS, "ALLOWED_ORIGINS"),
    "auth": (
        "CLERK_JWT_KEY",
        "CLERK_AUTHORIZED_PARTIES",
        "CLERK_API_URL",
        "CLERK_ISSUER",
    ),
    "sandbox": (
        *LIMITS,
        "MAX_SANDBOXES_PER_USER",
        "MAX_SANDBOXES_PER_KEY",
        "MAX_SANDBOXES",
        "WARM_POOL_SIZE",
        "SANDBOX_TIMEOUT_DEFAULT_SECONDS",
        "SANDBOX_TIMEOUT_MAX_SECONDS",
        "ALLOWED_IMAGES",
        "DOCKER_HOST",
    ),
    "ws-hub": (),
    "clerk": ("CLERK_AUTHORIZED_PARTIES", "CLERK_ISSUER"),
}
DECIDED = {
    *("DATABASE_URL", "REDIS_URL", "DEPLOYMENT", "HOST", "PUBLIC_URL", "PREVIEW_DOMAIN"),
    *("PORT", "HTTP_PORT", "GRPC_PORT", "METRICS_PORT"),
    *("LISTEN_FD", "HTTP_LISTEN_FD", "LOOPBACK_LISTEN_FD"),
    *("AUTH_HTTP_URL", "SANDBOX_HTTP_URL", "WS_HUB_HTTP_URL", "WS_HUB_WS_URL"),
    *("AGENT_URL", "AGENT_URL_ISOLATED"),
    *("AUTH_GRPC", "SANDBOX_GRPC", "WS_HUB_GRPC"),
    *("AGENT_BUNDLE", "TEMPLATES_DIR", "SANDBOX_NETWORK", "SANDBOX_NETWORK_ISOLATED"),
    *MAKERS,
}
"""Each part gets its own of these from the stack (or none), never the environment's as it is."""
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""Of the machine, not of the product: below everything else, and no reason for a restart."""


def handed_on(part: str, environ: Mapping[str, str], examples: Path) -> dict[str, str]:
    """The configuration that is set in `environ` and meant for this part.

    A name that stands in `.env.example` and belongs to no part in particular goes to all four
    services.
    """
    names = set(EVERY) | set(OWN[part])
    if part != "clerk":
        named = {name for names_of_part in OWN.values() for name in names_of_part}
        names |= _documented(examples) - named - DECIDED
    return {name: environ[name] for name in sorted(names) if environ.get(name)}


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in INHERITED if name in environ}


def _documented(examples: Path) -> set[str]:
    """Names in `.env.example`, commented out or not."""
    if not examples.exists():
        return set()
    lines = (line.lstrip("# ") for line in examples.read_text(encoding="utf-8").splitlines())
    names = {line.partition("=")[0] for line in lines if "=" in line}
    return {name for name in names if name.isidentifier() and name.isupper()}
