"""From a request's kind to the code that serves it."""

from __future__ import annotations

from agent.errors import Refused
from agent.files.requests import JOBS, FileRequests
from agent.ports import Port
from agent.schema import Open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.configuration import Configuration
    from agent.link.stream import Handler, Stream
    from agent.loop import Loop
    from agent.processes.requests import ProcessRequests
    from agent.reaper import Reaper

    Route = Callable[[Stream, Any], Handler | None]


class Routes:
    """Serves Open."""

    def __init__(
        self,
        loop: Loop,
        reaper: Reaper,
        configuration: Configuration,
        processes: ProcessRequests,
    ) -> None:
        self._configuration = configuration
        self._files = FileRequests(loop, reaper, configuration)
        self._routes: dict[str, Route] = {
            "exec": processes.exec,
            "attach": processes.attach,
            "stdin": processes.stdin,
            "signal": processes.signal,
            "resize": processes.resize,
            "list_processes": processes.list_processes,
            "dial": lambda stream, request: Port(loop, stream, request).dial(),
            "configure": self._configure,
        }

    def open(self, stream: Stream, request: Open) -> Handler | None:
        """Start what is asked. Raises Refused."""
        for name in Open.__slots__:
            asked = getattr(request, name)
            if asked is None:
                continue
            if name in JOBS:
                return self._files.open(stream, name, asked)
            return self._routes[name](stream, asked)
        raise Refused("unsupported", "this agent does not know the request")

    def _configure(self, stream: Stream, request: Any) -> None:
        self._configuration.apply(request)
        stream.end()
