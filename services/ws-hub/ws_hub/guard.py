"""What an agent may say on a stream, as plain state without I/O.

An agent is hostile: a frame that its stream's request doesn't call for, bytes beyond the credit,
offsets that go backwards or anything after End is a `Violation`, and its connection is closed.
"""

from wire.agent.v1.agent_pb2 import FromAgent, Open, ToAgent
from ws_hub.credit import Inbound, Outbound, Overrun

MAX_DATA_BYTES = 256 * 1024
MAX_FILE_ENTRIES = 10_000
MAX_PROCESSES = 1_000
MAX_TEXT_CHARACTERS = 16 * 1024

_FILE = frozenset({"file", "end"})
_PLAIN = frozenset({"end"})

# Request to the kinds of frames that may answer it.
ANSWERS: dict[str, frozenset[str]] = {
    "exec": frozenset({"started", "data", "end"}),
    "attach": frozenset({"started", "data", "end"}),
    "stdin": frozenset({"credit", "end"}),
    "signal": _PLAIN,
    "resize": _PLAIN,
    "list_processes": frozenset({"processes", "end"}),
    "read_file": frozenset({"file", "data", "end"}),
    "write_file": frozenset({"credit", "file", "end"}),
    "stat_file": _FILE,
    "list_files": frozenset({"files", "end"}),
    "make_directory": _FILE,
    "move_file": _FILE,
    "copy_file": _FILE,
    "remove_file": _PLAIN,
    "change_mode": _FILE,
    "watch_files": frozenset({"files", "file_event", "end"}),
    "read_archive": frozenset({"data", "end"}),
    "write_archive": frozenset({"credit", "file", "end"}),
    "dial": frozenset({"credit", "data", "end"}),
    "configure": _PLAIN,
}

# The first frame of these tells where output begins; Data before it is out of order.
_FOLLOWING = frozenset({"exec", "attach"})


class Violation(Exception):
    """The agent broke the protocol; the text is the close reason, at most 120 characters."""


class StreamGuard:
    """Checks one stream's frames, both ways, at the replica that holds the agent's socket."""

    __slots__ = (
        "_allowed",
        "_entries",
        "_fin",
        "_inbound",
        "_kind",
        "_next",
        "_outbound",
        "_started",
    )

    def __init__(self, request: Open, window: int) -> None:
        self._kind = request.WhichOneof("request") or ""
        self._allowed = ANSWERS[self._kind]
        self._inbound = Inbound(window)
        self._outbound = Outbound(window)
        self._next = 0
        self._started = False
        self._fin = False
        self._entries = 0

    def sent(self, frame: ToAgent) -> None:
        """Notes what went to the agent."""
        kind = frame.WhichOneof("kind")
        if kind == "credit":
            self._inbound.grant(frame.credit.bytes)
        elif kind == "data":
            self._outbound.take(len(frame.data.bytes))

    def received(self, frame: FromAgent, kind: str) -> None:
        """Checks a frame of the agent. Raises Violation."""
        if kind not in self._allowed:
            raise Violation(f"{kind} does not answer {self._kind}")
        if kind == "data":
            self._data(frame)
        elif kind == "started":
            if self._started:
                raise Violation("started twice")
            self._started = True
            self._next = frame.started.offset
        elif kind == "credit":
            try:
                self._outbound.grant(frame.credit.bytes)
            except Overrun as error:
                raise Violation(f"credit out of range: {error}") from None
        elif kind == "files":
            self._entries += len(frame.files.entries)
            if self._entries > MAX_FILE_ENTRIES:
                raise Violation("more entries than a listing may have")
        elif kind == "processes" and len(frame.processes.processes) > MAX_PROCESSES:
            raise Violation("more processes than a listing may have")

    def _data(self, frame: FromAgent) -> None:
        data = frame.data
        size = len(data.bytes)
        if self._fin:
            raise Violation("data after fin")
        if size > MAX_DATA_BYTES or (size == 0 and not data.fin):
            raise Violation(f"data of {size} bytes")
        try:
            self._inbound.receive(size)
        except Overrun as error:
            raise Violation(f"data beyond its credit: {error}") from None
        if self._kind in _FOLLOWING:
            if not self._started:
                raise Violation("data before started")
            if data.offset < self._next:
                raise Violation(f"offset {data.offset} after {self._next}")
            self._next = data.offset + size
            if data.channel not in (1, 2):
                raise Violation(f"channel {data.channel}")
        self._fin = data.fin
