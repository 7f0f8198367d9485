"""The other parts of infra, as steps of `up`: each a command with a log of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from infra.stack.control import ROOT
from infra.stack.errors import StepFailed
from infra.stack.settings import StackSettings

LOG_TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Step:
    """`python -m <module> <arguments>` for the deployment at hand."""

    title: str
    module: str
    arguments: tuple[str, ...] = ()

    def argv(self) -> list[str]:
        return [sys.executable, "-m", self.module, *self.arguments]


ENGINE = Step("Docker engine", "infra.engine", ("ensure",))
STOP_ENGINE = Step("stop the engine", "infra.engine", ("stop",))
BUNDLE = Step("agent bundle", "infra.agent_bundle", ("build",))
IMAGES = Step("sandbox images", "infra.images", ("build",))
REMOVE_NETWORKS = Step("remove networks", "infra.firewall", ("remove",))


def firewall(hub_port: int) -> Step:
    return Step("networks and firewall", "infra.firewall", ("apply", "--hub-port", str(hub_port)))


def step_env(settings: StackSettings) -> dict[str, str]:
    """The caller's environment with the deployment's own names."""
    return dict(settings.environ) | {
        "DEPLOYMENT": settings.deployment,
        "INSIEN_STATE_DIR": str(settings.layout.root),
        "SANDBOX_NETWORK": settings.network,
        "SANDBOX_NETWORK_ISOLATED": settings.isolated_network,
    }


def run_step(settings: StackSettings, step: Step) -> str:
    """What it printed; StepFailed with the end of it when it did not end well."""
    started = time.monotonic()
    output = run_command(settings, step.title, step.argv(), step_env(settings))
    seconds = time.monotonic() - started
    print(f"  {step.title}: ready ({seconds:.1f} s)", flush=True)
    return output


def run_command(
    settings: StackSettings, title: str, argv: list[str], env: Mapping[str, str]
) -> str:
    """Run to the end, output to a log file; StepFailed carries the last lines."""
    log = settings.layout.log_file(f"up-{title.replace(' ', '-').lower()}")
    with log.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    output = log.read_text(encoding="utf-8", errors="replace")
    if done.returncode != 0:
        tail = "\n".join(output.splitlines()[-LOG_TAIL_LINES:])
        raise StepFailed(title, f"{tail}\n(all of it: {log})")
    return output
