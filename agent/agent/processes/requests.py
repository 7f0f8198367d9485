"""What the hub may ask about processes."""

from __future__ import annotations

from agent.errors import Refused
from agent.processes.follower import Feed, Follow
from agent.schema import Process as Listed
from agent.schema import ProcessList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.link.stream import Handler, Stream
    from agent.loop import Loop
    from agent.processes.process import Process
    from agent.processes.table import ProcessTable
    from agent.schema import Attach, Exec, ListProcesses, Resize, Signal, Stdin

_LONG_LIST = 100
_SHORT_TEXT = 400
"""Texts are cut to this in long lists, so that 1,000 processes fit into one frame."""


class ProcessRequests:
    """One method for each request; they raise Refused."""

    def __init__(self, loop: Loop, table: ProcessTable) -> None:
        self._loop, self._table = loop, table

    def exec(self, stream: Stream, request: Exec) -> Handler | None:
        """Start, or find what was started, and follow."""
        process = self._table.start(request)
        follow = Follow(self._loop, stream, process, request.offset)
        follow.detach = request.detach
        follow.begin()
        return follow

    def attach(self, stream: Stream, request: Attach) -> Handler | None:
        """Follow."""
        process = self._table.find(request.process)
        follow = Follow(self._loop, stream, process, request.offset)
        follow.live = request.follow
        follow.begin()
        return follow

    def stdin(self, stream: Stream, request: Stdin) -> Handler | None:
        """Feed standard input."""
        return Feed(stream, self._table.find(request.process), request.close)

    def signal(self, stream: Stream, request: Signal) -> Handler | None:
        """Signal the group."""
        if not 1 <= request.number <= 64:
            raise Refused("invalid_argument", "no such signal", "signal")
        self._table.find(request.process).signal(request.number)
        stream.end()
        return None

    def resize(self, stream: Stream, request: Resize) -> Handler | None:
        """Set a terminal's size."""
        if request.size is None:
            raise Refused("invalid_argument", "there is no size", "rows")
        self._table.find(request.process).resize(request.size)
        stream.end()
        return None

    def list_processes(self, stream: Stream, request: ListProcesses) -> Handler | None:
        """All, or one."""
        found = [self._table.find(request.process)] if request.process else self._table.all()
        limit = _SHORT_TEXT if len(found) > _LONG_LIST else 1 << 20
        stream.send(processes=ProcessList(processes=[_listed(each, limit) for each in found]))
        stream.end()
        return None


def _listed(process: Process, limit: int) -> Listed:
    return Listed(
        process_id=process.id,
        pid=process.pid,
        command=process.command[:limit],
        started_at_ms=process.started_at_ms,
        running=process.exit is None,
        exit=process.ended(),
        terminal=process.terminal,
        first_offset=process.log.first,
        next_offset=process.log.next,
        user=process.user,
        cwd=process.cwd[:limit],
    )
