"""Make sure that a Docker engine answers; start one on a Debian machine that has none.

The engine that we start is an ordinary ``dockerd`` in its own session: it outlives us. Its pid is
in ``run/dockerd-1.pid`` of the state folder, its log in ``log/dockerd-1.log``.
"""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from infra.engine.client import DEFAULT_HOST, Docker
from infra.engine.debian import install, is_debian
from infra.engine.state import log_dir, run_dir

START_SECONDS = 60.0
STOP_SECONDS = 30.0
OPEN_FILES = 1 << 20
BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")

Say = Callable[[str], None]


class EngineUnavailable(Exception):
    """No Docker engine answers and we cannot start one; the text says what to do."""


def ensure(say: Say) -> Docker:
    """An engine that answers: the configured one, or one that is installed and started here."""
    docker = Docker.from_environment()
    if docker.answers():
        say(f"Docker answers at {docker.host}")
    elif os.environ.get("DOCKER_HOST", DEFAULT_HOST) != DEFAULT_HOST:
        raise EngineUnavailable(
            f"DOCKER_HOST is {docker.host}, but no engine answers there: "
            "start it or unset DOCKER_HOST."
        )
    else:
        _bring_up(docker, say)
    _prepare_bridge_filter(say)
    return docker


def stop(say: Say) -> None:
    """Stop the engine that ``ensure`` started; any other engine is left alone."""
    pid_file = _pid_file()
    pid = _our_dockerd()
    if pid is None:
        say("no dockerd was started here; nothing to stop")
    else:
        os.kill(pid, signal.SIGTERM)
        if not _wait(lambda: _our_dockerd() is None, STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
        say(f"stopped dockerd (pid {pid})")
    pid_file.unlink(missing_ok=True)


def _bring_up(docker: Docker, say: Say) -> None:
    if shutil.which("dockerd") is None:
        if os.geteuid() != 0 or not is_debian():
            raise EngineUnavailable(
                "No Docker engine answers. Install and start Docker, or set DOCKER_HOST to one; "
                "on Debian, run this again as root and it is installed for you."
            )
        say("no Docker engine: installing docker.io")
        install(["docker.io", "iptables"])
        if docker.answers():
            say("the package's own service has started the engine")
            return
    elif os.geteuid() != 0:
        raise EngineUnavailable(
            "Docker is installed but does not answer. Start it (systemctl start docker) or run "
            "this again as root."
        )
    _start(docker, say)


def _start(docker: Docker, say: Say) -> None:
    pid = _our_dockerd()
    if pid is None:
        pid = _spawn()
        say(f"started dockerd (pid {pid}), log {_log_file()}")
    if not _wait(lambda: docker.answers(1.0) or _our_dockerd() is None, START_SECONDS):
        raise EngineUnavailable(
            f"dockerd does not answer after {START_SECONDS:.0f} s.{_log_tail()}"
        )
    if not docker.answers():
        raise EngineUnavailable(f"dockerd ended at once.{_log_tail()}")
    say(f"Docker answers at {docker.host}")


def _spawn() -> int:
    arguments = ["dockerd"]
    if mtu := default_route_mtu():
        arguments.append(f"--mtu={mtu}")
    with _log_file().open("ab") as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    _pid_file().write_text(f"{process.pid}\n")
    _raise_open_files(process.pid)
    # The engine outlives this process: a Popen that is still "running" must not warn about it.
    process.returncode = 0
    return process.pid


def _raise_open_files(pid: int) -> None:
    """Give the engine what containers need; what we may not give, it does without."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else max(OPEN_FILES, hard)
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (wanted, wanted))
    except PermissionError:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))


def _prepare_bridge_filter(say: Say) -> None:
    """Frames between two containers of one bridge pass iptables only with br_netfilter."""
    if not BRIDGE_FILTER.exists() and os.geteuid() == 0 and shutil.which("modprobe"):
        subprocess.run(["modprobe", "br_netfilter"], check=False, capture_output=True)
    if not BRIDGE_FILTER.exists():
        say("warning: no net.bridge.bridge-nf-call-iptables (kernel module br_netfilter)")
    elif BRIDGE_FILTER.read_text().strip() != "1":
        say("warning: net.bridge.bridge-nf-call-iptables is 0: sandboxes could reach each other")


def default_route_mtu() -> int | None:
    """The MTU of the interface that holds the default route; None when there is none."""
    try:
        routes = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return None
    for route in routes:
        fields = route.split()
        if fields[1] == "00000000":
            return int(Path(f"/sys/class/net/{fields[0]}/mtu").read_text())
    return None


def _our_dockerd() -> int | None:
    """The pid in the pid file while it is a living dockerd; pids are reused, so look twice."""
    try:
        pid = int(_pid_file().read_text())
        name, state = Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
    except (OSError, ValueError):
        return None
    return pid if name == "dockerd" and state.split()[0] != "Z" else None


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def _log_tail() -> str:
    lines = _log_file().read_text(errors="replace").splitlines()[-5:]
    return "\n".join([f" The end of {_log_file()}:", *lines])


def _pid_file() -> Path:
    return run_dir() / "dockerd-1.pid"


def _log_file() -> Path:
    return log_dir() / "dockerd-1.log"
