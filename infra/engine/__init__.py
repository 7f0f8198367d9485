"""Find, install or start a Docker engine, and talk to it with the standard library alone."""

from infra.engine.client import Docker, DockerError, Json
from infra.engine.daemon import EngineUnavailable, ensure, stop
from infra.engine.state import log_dir, run_dir, state_dir

__all__ = [
    "Docker",
    "DockerError",
    "EngineUnavailable",
    "Json",
    "ensure",
    "log_dir",
    "run_dir",
    "state_dir",
    "stop",
]
