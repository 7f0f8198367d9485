"""What the sandbox service is told by its environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from kit.settings import PortNumber, PostgresUrl, Settings, StrongSecret

DEFAULT_ENTRYPOINT = (
    "/.insien/ld.so",
    "--inhibit-cache",
    "--library-path",
    "/.insien/so",
    "/.insien/bin/python3",
    "-I",
    "-S",
    "-c",
    "import sys; sys.path.insert(0, '/.insien/lib'); "
    "from agent.__main__ import main; sys.exit(main())",
)


def _without_slash(value: str) -> str:
    return value.rstrip("/")


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ValueError("is not a number of seconds") from None


Url = Annotated[str, AfterValidator(_without_slash)]
Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(ge=timedelta(0))]


class SandboxSettings(Settings):
    """Every variable of the service; durations are in seconds in the environment."""

    port: PortNumber = 8082
    """HTTP port, for the gateway only."""
    grpc_port: PortNumber = 9082
    """gRPC port, for the other services."""
    database_url: PostgresUrl
    """PostgreSQL, as a role that owns the schema `sandbox`."""
    jwt_secret: StrongSecret
    """Signs the agents' tokens; shared with ws-hub."""
    ws_hub_grpc: str = "127.0.0.1:9083"
    """Addresses of ws-hub's gRPC, comma-separated."""
    agent_url: Url
    """ws-hub's agent socket as sandboxes reach it, `ws://host:3001`."""
    agent_url_isolated: Url | None = None
    """The same as sandboxes with `egress: none` reach it; none: at AGENT_URL too."""
    agent_bundle: str
    """Host folder or Docker volume with the agent, mounted read-only into every sandbox."""
    agent_entrypoint: tuple[str, ...] = DEFAULT_ENTRYPOINT
    """Command of the agent as a JSON list; used when the bundle's own file cannot be read here."""
    templates_dir: Path
    """Folder with one `<name>/template.toml` for each template."""
    docker_host: str = "unix:///var/run/docker.sock"
    """Docker Engine API, `unix://…` or `tcp://…`."""
    sandbox_network: str = "insien-sandboxes"
    """Docker network of sandboxes; made without traffic between containers if it is missing."""
    sandbox_network_isolated: str = "insien-isolated"
    """Docker network of sandboxes with `egress: none`."""
    public_url: Url = "http://localhost:3000"
    """Where users reach the gateway; scheme and port of every address that is given out."""
    preview_domain: str = "localhost"
    """Domain below which preview hosts live."""

    max_sandboxes_per_user: int = Field(20, ge=0)
    """Live sandboxes of one user; 0 is no limit."""
    max_sandboxes_per_key: int = Field(0, ge=0)
    """Live sandboxes made with one API key; 0 is no limit."""
    max_sandboxes: int = Field(0, ge=0)
    """Live sandboxes of all users together, what the host can carry; 0 is no limit."""
    rate_limit_per_key: int = Field(600, ge=0)
    """Requests a minute of one key, kept by the gateway and only told here; 0 is no limit."""
    rate_limit_create_per_key: int = Field(30, ge=0)
    """Creates a minute of one key, kept by the gateway and only told here; 0 is no limit."""
    max_cpus: float = Field(4.0, ge=0.1)
    """Most CPUs that one sandbox may ask for."""
    max_memory_mb: int = Field(4096, ge=64)
    """Most memory that one sandbox may ask for."""
    max_disk_mb: int = Field(10240, ge=64)
    """Most disk that one sandbox may ask for."""
    warm_pool_size: int = Field(0, ge=0)
    """Warm sandboxes kept for each template that does not say `warm` itself; 0 is none."""
    sandbox_timeout_default_seconds: Seconds = timedelta(seconds=1800)
    """Life of a sandbox whose creator does not say."""
    sandbox_timeout_max_seconds: Seconds = timedelta(seconds=86400)
    """Longest life that may be asked for."""
    sandbox_idle_timeout_seconds: Seconds = timedelta(0)
    """A running sandbox without any activity for so long is destroyed; 0 is never."""
    sandbox_retention_seconds: Seconds = timedelta(days=30)
    """How long ended sandboxes and their events stay in the table; 0 is for ever."""
    allowed_images: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    """Shell patterns of images that users may name themselves, comma-separated; empty is none."""

    create_concurrency: int = Field(4, ge=1)
    """Containers that one replica starts at the same time: more makes Docker slower, not faster."""
    create_timeout_seconds: Seconds = timedelta(seconds=60)
    """Longest time from an accepted create to a connected agent."""
    reconcile_seconds: Seconds = timedelta(seconds=3)
    """Pause between two passes of the reconciler."""
    disk_check_seconds: Seconds = timedelta(seconds=10)
    """Pause between two looks at the sizes of writable layers."""
    stray_grace_seconds: Seconds = timedelta(seconds=20)
    """Age from which a labelled container without a row is removed."""
