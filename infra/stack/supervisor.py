"""The supervisor: makes what runs agree with the plan, once at every wake-up.

SIGHUP: read the plan again. SIGTERM: stop everything, in order, and exit. SIGCHLD: a child
ended. It never waits for a child, so no part can hold up another's restart.
"""

import json
import os
import select
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Any

from infra.stack.identity import boot_id
from infra.stack.layout import Layout, write_atomically
from infra.stack.plan import DOWN_PATIENCE, Plan, ProcessSpec, plan_from_json
from infra.stack.process import Process
from infra.stack.sockets import AddressTaken, Sockets

ROLL_SECONDS = 2.0
"""A replica is replaced only when its siblings have been up this long."""


def say(message: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}", file=sys.stderr, flush=True)


class Supervisor:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._plan = Plan()
        self._sockets = Sockets()
        self._processes: dict[str, Process] = {}
        self._since: dict[str, str] = {}
        self._rejected: dict[str, str] = {}
        self._reload = True
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM, then until the last child has ended."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        while True:
            if not self._layout.supervisor_lock.exists():
                say("the state directory is gone, and so are we")
                return  # the kernel ends the children
            if self._reload:
                self._reload = False
                self._read_plan()
            self._step(time.monotonic())
            if self._stopping and not self._processes:
                break
            select.select([wake_read], [], [], self._pause(time.monotonic()))
            while select.select([wake_read], [], [], 0)[0]:
                os.read(wake_read, 4096)
        self._layout.state.unlink(missing_ok=True)

    def _on_reload(self, *_: object) -> None:
        self._reload = True

    def _on_stop(self, *_: object) -> None:
        self._stopping = True

    def _read_plan(self) -> None:
        """Take the new plan, or refuse it whole when a port of it is taken."""
        plan = plan_from_json(self._layout.plan.read_text(encoding="utf-8"))
        try:
            self._sockets.add(plan.addresses())
        except AddressTaken as error:
            say(f"plan refused: {error}")
            self._rejected = {"serial": plan.serial, "reason": str(error)}
            self._write_state()
            return
        self._plan = plan
        for spec in plan.processes:
            self._processes.setdefault(spec.name, Process(spec))
        self._write_state()

    def _step(self, now: float) -> None:
        wanted = {} if self._stopping else self._plan.by_name()
        before = self._fingerprint()
        for process in list(self._processes.values()):
            self._collect(process, now)
            if process.kill_if_late(now):
                say(f"{process.spec.name} did not stop in time and was killed")
        for name, process in list(self._processes.items()):
            spec = wanted.get(name)
            if spec is None:
                self._retire(name, process, now)
            elif process.is_running:
                self._replace_if_changed(process, spec, now)
            elif process.start_after <= now:
                process.spec = spec
                self._start(process, now)
        if not self._stopping:
            in_use = {a for p in self._processes.values() for a in p.spec.listen.values()}
            self._sockets.keep(self._plan.addresses() | in_use)
        if self._fingerprint() != before:
            self._write_state()

    def _collect(self, process: Process, now: float) -> None:
        status = process.exited()
        if status is None:
            return
        name = process.spec.name
        self._layout.pid_file(name).unlink(missing_ok=True)
        if process.stop_deadline is None:
            process.schedule_restart(now)
            say(f"{name} ended with status {status}; starting it again")
        else:
            process.stop_deadline = None
            say(f"{name} stopped")

    def _retire(self, name: str, process: Process, now: float) -> None:
        if not process.is_running:
            del self._processes[name]
            self._layout.pid_file(name).unlink(missing_ok=True)
        elif not self._stopping:
            process.stop(now, self._plan.patience)
        elif process.spec.stop_order == self._lowest_order():
            process.stop(now, DOWN_PATIENCE)

    def _lowest_order(self) -> int:
        return min(p.spec.stop_order for p in self._processes.values() if p.is_running)

    def _replace_if_changed(self, process: Process, spec: ProcessSpec, now: float) -> None:
        """Restart it with the new spec, one replica of a part at a time."""
        if process.spec.digest == spec.digest or process.stop_deadline is not None:
            return
        siblings = [
            p
            for p in self._processes.values()
            if p.spec.part == spec.part and p.spec.index != spec.index
        ]
        if all(p.is_running and p.started_at + ROLL_SECONDS <= now for p in siblings):
            say(f"{spec.name} has a new configuration; restarting it")
            process.stop(now)

    def _start(self, process: Process, now: float) -> None:
        spec = process.spec
        listeners = {key: self._sockets.descriptor(a) for key, a in spec.listen.items()}
        log = self._layout.log_file(spec.name)
        try:
            process.start(self._plan.base_env, listeners, log, now)
        except OSError as error:
            process.schedule_restart(now)
            say(f"{spec.name} cannot be started: {error}")
            return
        if process.identity is not None:
            self._since[spec.name] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            pid = process.identity.pid
            write_atomically(self._layout.pid_file(spec.name), f"{pid}\n", 0o644)
            say(f"{spec.name} started, pid {pid}")

    def _pause(self, now: float) -> float:
        """Seconds until something is due; a signal ends the wait sooner."""
        due = [p.stop_deadline for p in self._processes.values() if p.stop_deadline is not None]
        due += [p.start_after for p in self._processes.values() if not p.is_running]
        return max(0.01, min([1.0, *(moment - now for moment in due)]))

    def _fingerprint(self) -> list[tuple[str, object, str]]:
        return [(n, p.identity, p.spec.digest) for n, p in self._processes.items()]

    def _write_state(self) -> None:
        """Tell the commands: atomically, so that they can read it at any moment."""
        processes: dict[str, dict[str, Any]] = {}
        for name, process in self._processes.items():
            identity = process.identity
            processes[name] = {
                "pid": identity.pid if identity else None,
                "started": identity.started if identity else None,
                "since": self._since.get(name),
                "restarts": process.restarts,
                "digest": process.spec.digest,
            }
        state = {
            "serial": self._plan.serial,
            "rejected": self._rejected,
            "boot": boot_id(),
            "processes": processes,
        }
        write_atomically(self._layout.state, json.dumps(state, indent=1))
