"""The supervisor with small stand-ins for the parts: real processes, sockets and signals."""

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.stack import control
from infra.stack.errors import PortsInUse
from infra.stack.identity import Identity, identify, is_alive, send
from infra.stack.layout import Layout
from infra.stack.observed import read_state
from infra.stack.plan import Address, Plan, ProcessSpec, plan_from_json

SERVER = """
import http.server, os, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{os.getpid()} {os.environ.get('WORD', '')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(os.environ["LISTEN_FD"]))
server.socket.setblocking(True)
print("serving", flush=True)
server.serve_forever()
"""
SLEEPER = "import time; time.sleep(3600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"


def eventually(check: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def free_address() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address("127.0.0.1", listener.getsockname()[1])


def part(name: str, code: str, index: int = 1, **changes: object) -> ProcessSpec:
    spec = ProcessSpec(part=name, index=index, argv=(sys.executable, "-c", code))
    return replace(spec, **changes)  # type: ignore[arg-type]  # tests pass the right fields


def server(address: Address, index: int = 1, word: str = "") -> ProcessSpec:
    return part("gateway", SERVER, index, listen={"LISTEN_FD": address}, env={"WORD": word})


def get(address: Address) -> list[str]:
    url = f"http://{address.host}:{address.port}/"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode().split()  # type: ignore[no-any-return]


def answered_by(address: Address) -> int | None:
    try:
        with urllib.request.urlopen(f"http://{address.host}:{address.port}/", timeout=1) as answer:
            return int(answer.read().split()[0])
    except TimeoutError:
        return None


def run_plan(layout: Layout, *processes: ProcessSpec) -> None:
    control.apply(layout, Plan(tuple(processes), {"PATH": os.environ["PATH"]}))
    control.settle(layout, 30)


def identity_of(layout: Layout, name: str) -> Identity:
    found = identify(int(layout.pid_file(name).read_text()))
    assert found is not None
    return found


def came_back(layout: Layout, name: str, before: Identity) -> bool:
    file = layout.pid_file(name)
    return file.exists() and int(file.read_text() or 0) != before.pid


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "state")
    layout.prepare()
    yield layout
    control.stop(layout)


def test_each_process_has_one_pid_file_and_one_log(layout: Layout) -> None:
    run_plan(layout, part("auth", SLEEPER), part("auth", SLEEPER, 2), part("redis", SLEEPER))
    names = ["auth-1", "auth-2", "redis-1"]
    assert sorted(path.stem for path in layout.run.glob("*.pid")) == names
    assert all(is_alive(identity_of(layout, name)) for name in names)
    assert all(layout.log_file(name).exists() for name in names)


def test_killed_process_is_back_within_two_seconds(layout: Layout) -> None:
    run_plan(layout, part("auth", SLEEPER))
    for _ in range(5):
        before = identity_of(layout, "auth-1")
        killed = time.monotonic()
        send(before, signal.SIGKILL)
        eventually(lambda before=before: came_back(layout, "auth-1", before))  # type: ignore[misc]
        assert time.monotonic() - killed < 2.0
    assert read_state(layout).processes["auth-1"].restarts == 5


def test_process_that_ends_at_once_is_tried_again_and_again(layout: Layout) -> None:
    control.apply(layout, Plan((part("auth", "raise SystemExit(3)"), part("clerk", SLEEPER))))
    eventually(lambda: (s := read_state(layout).processes) and s["auth-1"].restarts >= 4)
    assert is_alive(identity_of(layout, "clerk-1"))


def test_missing_program_does_not_end_the_supervisor(layout: Layout) -> None:
    missing = ProcessSpec("auth", 1, ("/nonexistent/program",))
    control.apply(layout, Plan((missing, part("clerk", SLEEPER))))
    eventually(lambda: (s := read_state(layout).processes) and s["clerk-1"].identity)
    assert read_state(layout).processes["auth-1"].identity is None


def test_killed_supervisor_leaves_no_orphan_and_apply_recovers(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address), part("auth", STUBBORN))
    left = [identity_of(layout, name) for name in ("gateway-1", "auth-1")]
    running = control.supervisor(layout)
    assert running is not None
    send(running, signal.SIGKILL)
    eventually(lambda: not any(is_alive(identity) for identity in left))
    assert control.supervisor(layout) is None
    run_plan(layout, server(address), part("auth", SLEEPER))
    assert int(get(address)[0]) == identity_of(layout, "gateway-1").pid


def test_stale_pid_file_does_not_harm_the_process_that_has_the_pid_now(layout: Layout) -> None:
    stranger = os.getpid()
    layout.pid_file("auth-1").write_text(f"{stranger}\n")
    layout.state.write_text(
        '{"serial": "x", "rejected": {}, "boot": "another", "processes": {"auth-1": '
        f'{{"pid": {stranger}, "started": 1, "since": null, "restarts": 0, "digest": ""}}}}}}'
    )
    run_plan(layout, part("auth", SLEEPER))
    assert identity_of(layout, "auth-1").pid != stranger


def test_replicas_share_one_port_up_and_down(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address))
    first = identity_of(layout, "gateway-1")
    run_plan(layout, server(address), server(address, 2))
    both = {first.pid, identity_of(layout, "gateway-2").pid}
    send(first, signal.SIGSTOP)
    # Those that the stopped one has accepted time out; the other answers the rest.
    eventually(lambda: answered_by(address) in both - {first.pid})
    send(first, signal.SIGCONT)
    run_plan(layout, server(address))
    assert identity_of(layout, "gateway-1") == first
    assert not layout.pid_file("gateway-2").exists()
    assert int(get(address)[0]) == first.pid


def test_unchanged_plan_restarts_nothing(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address), part("auth", SLEEPER))
    before = [identity_of(layout, name) for name in ("gateway-1", "auth-1")]
    run_plan(layout, server(address), part("auth", SLEEPER))
    assert [identity_of(layout, name) for name in ("gateway-1", "auth-1")] == before


def test_changed_configuration_restarts_that_part_alone(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address, word="old"), part("auth", SLEEPER))
    auth = identity_of(layout, "auth-1")
    run_plan(layout, server(address, word="new"), part("auth", SLEEPER))
    assert get(address)[1] == "new"
    assert identity_of(layout, "auth-1") == auth


def test_connection_made_while_the_part_restarts_is_served(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address))
    before = identity_of(layout, "gateway-1")
    send(before, signal.SIGKILL)
    eventually(lambda: not is_alive(before))
    assert int(get(address)[0]) != before.pid


def test_taken_port_refuses_the_plan_and_keeps_the_old_one(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address))
    before = identity_of(layout, "gateway-1")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(PortsInUse, match=str(taken.port)):
            run_plan(layout, server(taken), part("auth", SLEEPER))
    assert identity_of(layout, "gateway-1") == before
    assert not layout.pid_file("auth-1").exists()
    assert plan_from_json(layout.plan.read_text()).addresses() == {address}


def test_moved_port_is_served_and_the_old_one_closed(layout: Layout) -> None:
    old, new = free_address(), free_address()
    run_plan(layout, server(old))
    run_plan(layout, server(new))
    assert get(new)
    with pytest.raises(OSError, match="refused"):
        get(old)


def test_stop_goes_in_order_and_kills_what_does_not_listen(layout: Layout) -> None:
    traced = (
        "import os, signal, sys, time\n"
        "def end(*_):\n"
        "    open(os.environ['TRACE'], 'a').write(os.environ['NAME'] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(3600)\n"
    )
    trace = layout.root / "trace"
    env = {"TRACE": str(trace)}
    run_plan(
        layout,
        part("postgres", traced, env={**env, "NAME": "postgres"}, stop_order=9),
        part("gateway", traced, env={**env, "NAME": "gateway"}, stop_order=0),
        part("sandbox", STUBBORN, stop_order=1, stop_seconds=0.5),
        part("auth", traced, env={**env, "NAME": "auth"}, stop_order=3),
    )
    for name in ("postgres-1", "gateway-1", "auth-1"):
        eventually(lambda name=name: "ready" in layout.log_file(name).read_text())  # type: ignore[misc]
    stubborn = identity_of(layout, "sandbox-1")
    assert control.stop(layout)
    assert trace.read_text().split() == ["gateway", "auth", "postgres"]
    assert not is_alive(stubborn)
    assert list(layout.run.glob("*.pid")) == []


def test_two_state_directories_run_side_by_side(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    other.prepare()
    run_plan(layout, part("auth", SLEEPER))
    run_plan(other, part("auth", SLEEPER))
    mine = identity_of(layout, "auth-1")
    assert control.stop(other)
    assert is_alive(mine)
    assert control.supervisor(other) is None


def test_removed_state_directory_ends_the_stack(layout: Layout) -> None:
    address = free_address()
    run_plan(layout, server(address))
    left = identity_of(layout, "gateway-1")
    layout.supervisor_lock.unlink()
    eventually(lambda: not is_alive(left))
