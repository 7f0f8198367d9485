"""What ws-hub is told by its environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from kit.settings import Settings, StrongSecret


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ValueError("is not a number of seconds") from None


Seconds = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]


class HubSettings(Settings):
    """Every variable of ws-hub. None of the limits can be turned off."""

    port: int = Field(3001, ge=0, le=65535)
    """WebSocket: agents, clients and tunnels; 0 takes any free port."""
    http_port: int = Field(8083, ge=0, le=65535)
    """HTTP; 0 takes any free port."""
    grpc_port: int = Field(9083, ge=1, le=65535)
    """gRPC, internal."""
    jwt_secret: StrongSecret
    """Signs the agents' tokens."""
    sandbox_grpc: str
    """Where the sandbox service is, `host:port[,host:port…]`."""
    agent_wait_seconds: Seconds = timedelta(seconds=5)
    """How long a request waits for an agent that is not connected."""
    resume_wait_seconds: Seconds = timedelta(seconds=15)
    """How long a command under way waits for its agent to come back."""
    operation_timeout_seconds: Seconds = timedelta(seconds=60)
    """Longest time of one operation on files or processes; commands have their own limit."""
    ping_interval_seconds: Seconds = timedelta(seconds=10)
    """How often agents are pinged; one that is silent for three of them is dead."""
    slow_reader_seconds: Seconds = timedelta(seconds=15)
    """A client socket that takes nothing for this long is closed with 4408."""
    drain_seconds: Seconds = timedelta(seconds=20)
    """How long streams may go on after SIGTERM; the process ends within 30 s."""
    output_limit_bytes: int = Field(8 * 1024 * 1024, ge=1024)
    """Output that an answer in one piece may carry; what is beyond is left out (`truncated`)."""
