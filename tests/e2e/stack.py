"""The stack that the tests speak to: a running one, or one of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.stack.env_file import read_env_file

ROOT = Path(__file__).resolve().parents[2]
PORT_BASE = "25000"
UP_SECONDS = 900
PARTS = ("gateway", "auth", "sandbox", "ws-hub", "redis", "postgres")
OWN_SETTINGS = {
    "DEPLOYMENT": "insien-test",
    "INSIEN_PORT_BASE": PORT_BASE,
    "RATE_LIMIT_PER_ADDRESS": "0",
    "RATE_LIMIT_CREATE_PER_KEY": "0",
    "RATE_LIMIT_PER_KEY": "0",
    "MAX_SANDBOXES_PER_USER": "6",
}
"""A stack of our own has no limits on requests: a test run is one address and few keys."""


@dataclass(frozen=True, slots=True)
class Stack:
    api_url: str
    api_key: str
    clerk_url: str
    preview_domain: str
    state: Path
    """Where the pid files are, when it is the local stack."""

    @classmethod
    def of(cls, environment: Mapping[str, str], state: Path) -> "Stack":
        return cls(
            api_url=environment["INSIEN_API_URL"],
            api_key=environment["INSIEN_API_KEY"],
            clerk_url=environment["INSIEN_CLERK_URL"],
            preview_domain=environment.get("INSIEN_PREVIEW_DOMAIN", "localhost"),
            state=state,
        )

    @property
    def ws_url(self) -> str:
        return self.api_url.replace("http", "ws", 1)

    def pid(self, part: str) -> int:
        """The process of a part's first replica, by its pid file or else by compose's label."""
        file = self.state / "run" / f"{part}-1.pid"
        return int(file.read_text()) if file.exists() else _compose_pid(part)

    def kill(self, part: str) -> int:
        """SIGKILL; gives the pid that is dead now."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGKILL)
        return pid


def _compose_pid(part: str) -> int:
    filters = ["--filter", f"label=com.docker.compose.service={part}"]
    if project := os.environ.get("COMPOSE_PROJECT_NAME"):  # never that of another deployment
        filters += ["--filter", f"label=com.docker.compose.project={project}"]
    container = _docker("ps", "--quiet", *filters).splitlines()[0]
    return int(_docker("inspect", "--format", "{{.State.Pid}}", container))


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """The one that the environment names, else one of our own with its state in `folder`."""
    if os.environ.get("INSIEN_API_URL") and os.environ.get("INSIEN_API_KEY"):
        yield Stack.of(os.environ, ROOT / os.environ.get("INSIEN_STATE_DIR", ".insien"))
        return
    mine = OWN_SETTINGS | {"INSIEN_STATE_DIR": str(folder)}
    theirs = {"DATABASE_URL", "REDIS_URL", "PORT", "PUBLIC_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in theirs} | mine
    try:
        _command("up", environment)
        yield Stack.of(read_env_file(folder / "dev.env"), folder)
    finally:
        _command("clean", environment)


def _command(verb: str, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.stack", verb],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=UP_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{verb}:\n{done.stdout}\n{done.stderr}"
