"""How the commands speak to the supervisor: a plan in a file, and a signal.

The supervisor answers through `run/state.json`: the serial of the plan it follows, or of the
one it refused and why.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.errors import PortsInUse, StackError
from infra.stack.identity import Identity, identify, is_alive, send
from infra.stack.layout import Layout, write_atomically
from infra.stack.observed import Observed, read_state
from infra.stack.plan import Plan, plan_from_json

ROOT = Path(__file__).resolve().parents[2]
"""The repository: `python -m` of every part works from here."""
ANSWER_SECONDS = 15.0
STOP_SECONDS = 90.0


@contextmanager
def one_command_at_a_time(layout: Layout) -> Iterator[None]:
    """Two `up` in two windows wait for each other."""
    descriptor = os.open(layout.command_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def supervisor(layout: Layout) -> Identity | None:
    """The living supervisor of this state directory. The lock proves it; the pid names it."""
    try:
        descriptor = os.open(layout.supervisor_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode().strip()
        return identify(int(text)) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def current_plan(layout: Layout) -> Plan:
    """The plan of the running supervisor; an empty one when none runs."""
    if supervisor(layout) is None or not layout.plan.exists():
        return Plan()
    return plan_from_json(layout.plan.read_text(encoding="utf-8"))


def apply(layout: Layout, plan: Plan) -> None:
    """Hand over the plan, starting a supervisor when none runs; returns when it is taken.

    Raises PortsInUse when the supervisor refuses it (the former plan stays), StackError when
    no answer comes.
    """
    former = layout.plan.read_text(encoding="utf-8") if layout.plan.exists() else None
    plan = plan.numbered()
    write_atomically(layout.plan, plan.to_json())
    running = supervisor(layout)
    if running is None:
        _start_daemon(layout)
    else:
        send(running, signal.SIGHUP)
    state = _answer(layout, plan.serial)
    if state.rejected_serial == plan.serial:
        if former is not None:
            write_atomically(layout.plan, former)
        raise PortsInUse([f"{state.rejected_reason} (another program listens there)"])


def _answer(layout: Layout, serial: str) -> Observed:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        state = read_state(layout)
        if serial in (state.serial, state.rejected_serial):
            return state
        time.sleep(0.02)
    raise StackError(f"the supervisor does not answer; see {layout.log_file('supervisor')}")


def _start_daemon(layout: Layout) -> None:
    """In a session of its own, so that the end of the terminal does not reach it."""
    with layout.log_file("supervisor").open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "infra.stack.daemon", str(layout.root)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # It outlives this command: a Popen that is still "running" must not warn about it.
    daemon.returncode = 0


def settle(layout: Layout, seconds: float) -> None:
    """Wait until exactly the processes of the plan run, as they are in the plan."""
    plan = plan_from_json(layout.plan.read_text(encoding="utf-8"))
    wanted = {spec.name: spec.digest for spec in plan.processes}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = read_state(layout)
        if wanted == {n: p.digest for n, p in state.processes.items() if p.identity}:
            return
        time.sleep(0.05)
    late = sorted(n for n, p in read_state(layout).processes.items() if not p.identity)
    raise StackError(f"these do not run: {', '.join(late)}; see {layout.log}")


def stop(layout: Layout) -> bool:
    """Stop the supervisor and all that it runs; False when none ran."""
    running = supervisor(layout)
    if running is None:
        return False
    send(running, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_alive(running):
        if time.monotonic() > deadline:
            send(running, signal.SIGKILL)  # its children go with it
        time.sleep(0.05)
    return True
