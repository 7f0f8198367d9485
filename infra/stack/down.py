"""`down` and `clean`: stop everything; and, for `clean`, leave no trace."""

import json
import shutil
import subprocess
from dataclasses import replace
from urllib.parse import quote

from infra.engine import Docker, DockerError
from infra.stack import control, steps
from infra.stack.errors import StackError
from infra.stack.plan import DOWN_PATIENCE, Plan
from infra.stack.settings import StackSettings
from infra.stack.strays import end_strays

DRAIN_SECONDS = 30.0
STORES = {"postgres", "redis", "ws-hub"}


def down(settings: StackSettings) -> str:
    """Stop the stack; returns what to tell the user. Users' sandboxes go on running."""
    layout = settings.layout
    if not layout.run.exists():
        return "Nothing runs."
    with control.one_command_at_a_time(layout):
        plan = control.current_plan(layout)
        if plan.processes:
            _drain_warm(settings, plan)
        stopped = control.stop(layout)
        end_strays(layout)
    if not stopped:
        return "Nothing runs."
    return f"Stopped.{_sandboxes_left(settings)}"


def _drain_warm(settings: StackSettings, plan: Plan) -> None:
    """Remove the sandboxes that nobody owns: with the service stopped, so that it makes no
    new ones. Best effort: the next start of the service adopts or replaces what stays."""
    spec = next((spec for spec in plan.processes if spec.part == "sandbox"), None)
    if spec is None:
        return
    layout = settings.layout
    try:
        control.apply(layout, replace(plan.only(STORES), patience=DOWN_PATIENCE))
        control.settle(layout, DRAIN_SECONDS)
        with layout.log_file("down-drain-warm").open("wb") as log:
            subprocess.run(
                [*spec.argv, "drain-warm"],
                cwd=control.ROOT,
                env=plan.base_env | spec.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=DRAIN_SECONDS,
                check=False,
            )
    except (StackError, subprocess.TimeoutExpired) as error:
        print(f"warm sandboxes were not drained: {error}")


def containers(settings: StackSettings) -> list[str]:
    """Ids of this deployment's containers; none when Docker does not answer."""
    filters = json.dumps({"label": [f"insien.deployment={settings.deployment}"]})
    try:
        found = Docker.from_environment().get("/containers/json", all="1", filters=filters)
    except DockerError:
        return []
    return [str(item["Id"]) for item in found]


def _sandboxes_left(settings: StackSettings) -> str:
    left = len(containers(settings))
    if not left:
        return ""
    return (
        f" {left} sandbox container(s) go on running and are reachable again after `make up`; "
        "`make clean` removes them."
    )


def clean(settings: StackSettings) -> str:
    """`down`, and everything that the deployment has left on this machine."""
    down(settings)
    docker = Docker.from_environment()
    left = containers(settings)
    for container in left:
        docker.delete(f"/containers/{quote(container)}", force="1", v="1")
    stayed = []
    for step in (steps.REMOVE_NETWORKS, steps.STOP_ENGINE):
        if settings.layout.root.exists():
            try:
                steps.run_step(settings, step)
            except StackError as error:
                stayed.append(f"Not done: {step.title}: {error}")
    shutil.rmtree(settings.layout.root, ignore_errors=True)
    removed = f"Stopped. {len(left)} sandbox container(s) and all state are removed."
    return "\n".join([removed, *stayed])
