"""All processes that the agent knows: started once for each id, remembered after their end."""

from __future__ import annotations

from agent.errors import Refused
from agent.processes.output import Budget, OutputLog
from agent.processes.process import Process
from agent.processes.spawn import Plan, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.configuration import Configuration
    from agent.loop import Loop
    from agent.reaper import Reaper
    from agent.schema import Exec
    from agent.users import User

RUNNING_LIMIT = 1000
ENDED_LIMIT = 1000
"""The oldest ended is forgotten first."""
COMMAND_LIMIT = 4096


class ProcessTable:
    """Owns the processes and the memory of their output."""

    def __init__(self, loop: Loop, reaper: Reaper, configuration: Configuration) -> None:
        self._loop, self._reaper, self._configuration = loop, reaper, configuration
        self._budget = Budget()
        self._processes: dict[str, Process] = {}
        self._ended: dict[str, None] = {}

    def start(self, request: Exec) -> Process:
        """A new process, or the one that this request has started before. Raises Refused."""
        known = self._processes.get(request.process_id)
        if known is not None:
            if known.digest != request.digest:
                raise Refused("already_exists", "another process has this id", "processId")
            return known
        if len(request.process_id) != 36:
            raise Refused("invalid_argument", "the id is not a UUID", "processId")
        if len(self._processes) - len(self._ended) >= RUNNING_LIMIT:
            raise Refused("too_many", f"more than {RUNNING_LIMIT} processes")
        plan = self._plan(request)
        spawned = spawn(plan)
        log = OutputLog(self._budget)
        process = Process(self._loop, request.process_id, request.digest, log)
        process.command = (request.command or " ".join(plan.argv))[:COMMAND_LIMIT]
        process.cwd = plan.folders[0]
        process.done = self._done
        self._processes[process.id] = process
        self._reaper.expect(spawned.pid, process.reaped)
        process.begin(spawned, plan, request.timeout_ms / 1000)
        if process.stdin is not None:
            process.stdin.feed(request.stdin)
            if not request.keep_stdin and request.terminal is None:
                process.stdin.finish()
        return process

    def find(self, reference: str) -> Process:
        """By id, or by pid: the latest that had it. Raises Refused."""
        process = self._processes.get(reference)
        if process is None and reference.isascii() and reference.isdecimal():
            pid = int(reference[:10])
            matches = [each for each in self._processes.values() if each.pid == pid]
            process = matches[-1] if matches else None
        if process is None:
            raise Refused("process_not_found", "no such process")
        return process

    def all(self) -> list[Process]:
        """In the order of their start; the latest 1,000."""
        return list(self._processes.values())[-1000:]

    def signal_all(self, number: int) -> int:
        """Signal every group that runs; their number."""
        running = [process for process in self._processes.values() if process.exit is None]
        for process in running:
            try:
                process.signal(number)
            except Refused:
                continue
        return len(running)

    def _plan(self, request: Exec) -> Plan:
        user = self._configuration.user(request.user)
        terminal = request.terminal is not None
        env = self._configuration.environment(user, request.env, terminal)
        plan = Plan(_argv(request, user), env, user)
        plan.folders = self._configuration.directories(user)
        if request.cwd:
            if "\0" in request.cwd:
                raise Refused("invalid_argument", "NUL in a path", "cwd")
            plan.folders = [self._configuration.absolute(request.cwd, user)]
        plan.size = request.terminal
        plan.stdin = bool(request.stdin) or request.keep_stdin
        return plan

    def _done(self, process: Process, failed: Refused | None) -> None:
        if failed is not None:
            self._budget.leave(process.log)
            del self._processes[process.id]
            return
        self._budget.end(process.log)
        self._ended[process.id] = None
        if len(self._ended) > ENDED_LIMIT:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._budget.leave(self._processes.pop(oldest).log)


def _argv(request: Exec, user: User) -> list[str]:
    if request.command:
        argv = ["/bin/sh", "-c", request.command]
    elif request.argv:
        argv = request.argv
    elif request.terminal is not None:
        argv = [user.shell]
    else:
        raise Refused("invalid_argument", "there is nothing to run", "command")
    if not argv[0] or any("\0" in part for part in argv):
        raise Refused("invalid_argument", "an argument is empty or holds NUL", "cmd")
    return argv
