"""The stack under measure: a deployment of its own, without rate limits."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.env_file import read_env_file

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".insien" / "bench"
ENVIRONMENT = {
    "INSIEN_STATE_DIR": str(STATE),
    "DEPLOYMENT": "insien-bench",
    "INSIEN_PORT_BASE": "24000",
    "RATE_LIMIT_PER_KEY": "0",
    "RATE_LIMIT_CREATE_PER_KEY": "0",
    "RATE_LIMIT_PER_ADDRESS": "0",
    "MAX_SANDBOXES_PER_USER": "0",
}
# What a developer's stack exports must not leak into ours.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "PORT", "PUBLIC_URL", "JWT_SECRET", "INTERNAL_SECRET")


def bring_up(**settings: str) -> dict[str, str]:
    """Starts the stack, or brings it to these settings; returns its `dev.env`."""
    _stack("up", settings)
    return read_env_file(STATE / "dev.env")


def pid(part: str) -> int:
    """Process id of the first replica of a part."""
    return int((STATE / "run" / f"{part}-1.pid").read_text())


def rss_bytes(process: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {process} has no VmRSS")


@contextmanager
def cleaned() -> Iterator[None]:
    """Removes the stack and all that it made at the end."""
    try:
        yield
    finally:
        _stack("clean", {})


def _stack(command: str, settings: dict[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(
        [sys.executable, "-m", "infra.stack", command],
        cwd=ROOT,
        env=inherited | ENVIRONMENT | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"the stack under measure: {command} failed\n{done.stdout}{done.stderr}")
