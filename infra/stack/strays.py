"""Processes that outlived their supervisor, or its files: found by identity, ended."""

import signal
import time

from infra.stack.identity import Identity, is_alive, send
from infra.stack.layout import Layout
from infra.stack.observed import read_state
from infra.stack.plan import PARTS

WAIT_SECONDS = 10.0


def end_strays(layout: Layout) -> None:
    """End what a dead supervisor left, and its pid files. Call only when none runs.

    Normally nothing is left: the kernel ends the children with their supervisor. SIGQUIT lets
    PostgreSQL end its own children; what does not obey is killed.
    """
    state = read_state(layout)
    left = [p.identity for p in state.processes.values() if p.identity and state.this_boot]
    for identity in left:
        send(identity, signal.SIGQUIT)
    _wait(left, WAIT_SECONDS)
    for identity in left:
        send(identity, signal.SIGKILL)
    _wait(left, WAIT_SECONDS)
    for part in PARTS:
        for path in layout.run.glob(f"{part}-*.pid"):
            path.unlink(missing_ok=True)
    layout.state.unlink(missing_ok=True)


def _wait(identities: list[Identity], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(is_alive(identity) for identity in identities):
        time.sleep(0.02)
