"""The commands, run as people run them: real engine, images, bundle, firewall, PostgreSQL and
Redis; small stand-ins for the four services, so that a fault here is the stack's own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.engine import Docker
from infra.stack.control import ROOT
from infra.stack.env_file import read_env_file
from infra.stack.plan import PARTS, Address
from infra.stack.ports import PER_REPLICA, SINGLE, ports_from
from infra.stack.sockets import is_free
from tests.infra import containers
from tests.support.folders import open_folder

SERVICE = """
import http.server, json, os, socket, sys, threading
if "migrate" in sys.argv or "drain-warm" in sys.argv:
    sys.exit(os.environ.get("RATE_LIMIT_PER_KEY") == "666" and "refused on purpose")
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"apiKey": {"key": "isk_stand_in"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *args): pass
def serve(listener):
    server = http.server.ThreadingHTTPServer(("", 0), Handler, bind_and_activate=False)
    server.socket = listener
    listener.setblocking(True)
    server.serve_forever()
listeners = [socket.socket(fileno=int(v)) for k, v in os.environ.items() if k.endswith("LISTEN_FD")]
own = [int(os.environ[name]) for name in ("GRPC_PORT", "METRICS_PORT") if name in os.environ]
listeners += [socket.create_server(("127.0.0.1", port)) for port in own]
for listener in listeners:
    threading.Thread(target=serve, args=(listener,)).start()
"""
DEPLOYMENT = f"stack-test-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Stack:
    folder: Path
    state: Path
    base: int

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env |= {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        env |= {
            "DEPLOYMENT": DEPLOYMENT,
            "INSIEN_STATE_DIR": str(self.state),
            "INSIEN_PORT_BASE": str(self.base),
            "PYTHONPATH": str(self.folder),
        }
        argv = [sys.executable, "-m", "infra.stack", *words]
        return subprocess.run(
            argv, cwd=ROOT, env=env | environ, capture_output=True, text=True, check=False
        )

    def up(self, **environ: str) -> None:
        done = self.run("up", **environ)
        assert done.returncode == 0, done.stderr + done.stdout

    def pids(self) -> dict[str, int]:
        files = [file for part in PARTS for file in (self.state / "run").glob(f"{part}-*.pid")]
        return {file.stem: int(file.read_text()) for file in files}


def free_base() -> int:
    """Below the ephemeral range, begun at a place of this process's own."""
    start = 20_000 + os.getpid() % 50 * 200
    for base in range(start, start + 10_000, 100):
        ports = ports_from({"INSIEN_PORT_BASE": str(base)})
        needed = [ports.single(name) for name in SINGLE]
        needed += [ports.replica(name, index) for name in PER_REPLICA for index in (1, 2)]
        if all(is_free(Address("0.0.0.0", port)) for port in needed):
            return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("stack-up") as folder:
        yield from _stack(folder)


def _stack(folder: Path) -> Iterator[Stack]:
    for part in ("auth", "sandbox", "ws_hub", "gateway"):
        (folder / part).mkdir()
        (folder / part / "__init__.py").touch()
        (folder / part / "__main__.py").write_text(SERVICE)
    made = Stack(folder, folder / "state", free_base())
    yield made
    if made.state.exists():
        made.run("clean")


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.up()
    return stack


def test_up_starts_every_part_and_writes_dev_env(running: Stack) -> None:
    parts = {f"{part}-1" for part in PARTS}
    assert set(running.pids()) == parts
    values = read_env_file(running.state / "dev.env")
    assert values["INSIEN_API_KEY"] == "isk_stand_in"
    table = running.run("status")
    assert table.returncode == 0, table.stdout
    assert table.stdout.count(" ok\n") == len(parts)


def test_up_again_changes_nothing_even_with_dev_env_sourced(running: Stack) -> None:
    before = running.pids()
    running.up(**read_env_file(running.state / "dev.env"))
    assert running.pids() == before


def test_replicas_come_and_go(running: Stack) -> None:
    names = ("GATEWAY_REPLICAS", "AUTH_REPLICAS", "SANDBOX_REPLICAS", "WS_HUB_REPLICAS")
    running.up(**dict.fromkeys(names, "2"))
    twice = {f"{part}-2" for part in ("gateway", "auth", "sandbox", "ws-hub")}
    assert twice <= set(running.pids())
    running.up()
    assert not twice & set(running.pids())


def test_agents_socket_is_not_open_to_the_world(running: Stack) -> None:
    port = running.base + 1
    url = read_env_file(running.state / "dev.env")["INSIEN_AGENT_URL"]
    assert url == f"ws://127.0.0.1:{port}"
    network = Docker.from_environment().get(f"/networks/{DEPLOYMENT}-sandboxes")
    bridge = network["IPAM"]["Config"][0]["Gateway"]
    assert _listening_at(port) == {"127.0.0.1", bridge}
    for host in ("127.0.0.1", bridge):
        socket.create_connection((host, port), timeout=10).close()


def _listening_at(port: int) -> set[str]:
    """Addresses of the IPv4 sockets that listen on a port, as the kernel lists them."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        address, _, number = words[1].partition(":")
        if words[3] == "0A" and int(number, 16) == port:  # 0A: TCP_LISTEN
            found.add(socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)))
    return found


def test_up_recovers_from_a_killed_supervisor(running: Stack) -> None:
    before = running.pids()
    lock = running.state / "run" / "supervisor.lock"
    os.kill(int(lock.read_text()), signal.SIGKILL)
    running.up()
    after = running.pids()
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())


def test_session_token_is_printed(running: Stack) -> None:
    token = running.run("token", "EMAIL=a@example.com")
    assert token.stdout.count(".") == 2, token.stderr
    assert running.run("token").returncode == 1


def test_failed_up_says_why_and_leaves_nothing_running(running: Stack) -> None:
    assert running.run("down").returncode == 0
    failed = running.run("up", RATE_LIMIT_PER_KEY="666")
    assert failed.returncode == 1
    assert "migrate" in failed.stderr
    assert "refused on purpose" in failed.stderr
    assert running.pids() == {}
    assert "down" in running.run("status").stdout


def test_taken_port_is_named_and_nothing_is_started(running: Stack) -> None:
    assert running.run("down").returncode == 0
    with socket.create_server(("127.0.0.1", running.base + 3)):
        failed = running.run("up")
    assert failed.returncode == 1
    assert f"port {running.base + 3} (auth) is in use" in failed.stderr
    assert running.pids() == {}


def test_clean_says_what_docker_would_not_remove(running: Stack) -> None:
    network = f"--network={DEPLOYMENT}-sandboxes"
    with containers.running("insien/minimal:1", ["sleep", "600"], [network]):
        cleaned = running.run("clean")
    assert "Not done: remove networks" in cleaned.stdout
    assert f"{DEPLOYMENT}-sandboxes" in cleaned.stdout


def test_clean_leaves_no_trace(running: Stack) -> None:
    assert running.run("clean").returncode == 0
    assert not running.state.exists()
    filters = json.dumps({"label": [f"insien.deployment={DEPLOYMENT}"]})
    assert Docker.from_environment().get("/networks", filters=filters) == []
