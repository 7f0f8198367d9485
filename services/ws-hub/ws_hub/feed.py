"""A process's output, followed across lost connections: no byte missing unsaid, none twice.

The first request starts the process (or attaches to it). When the way to the agent breaks, the same
request is sent again from the next offset as soon as there is a way; the agent starts a process id
once only. An agent that was started anew knows nothing of the process: that is told, not repaired.
"""

import asyncio
import time
from dataclasses import dataclass

from wire.agent.v1.agent_pb2 import Attach, Data, End, Open, Signal, Started
from ws_hub.directory import Directory
from ws_hub.errors import AgentDisconnected, from_end
from ws_hub.link import LinkLost
from ws_hub.stream import Stream, StreamLost

AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: for an agent that is not there, for one to come back, for one operation."""

    agent: float
    resume: float
    operation: float


class Feed:
    """Started once, then Data and at last End; leave it by `close`, or `kill` the process."""

    def __init__(self, directory: Directory, sandbox_id: str, request: Open, waits: Waits) -> None:
        self._directory = directory
        self._sandbox_id = sandbox_id
        self._request = request
        self._waits = waits
        self._stream: Stream | None = None
        self._boot_id: bytes | None = None
        self._deadline = 0.0
        self._heard = True
        self.started: Started | None = None
        self.next_offset = 0
        self.process_id = request.exec.process_id or request.attach.process
        self._kill = False

    async def start(self) -> Started:
        """The first frame. Raises what the agent refuses with, or AgentDisconnected."""
        frame = await self.recv()
        if not isinstance(frame, Started):
            raise AgentDisconnected("The agent answered out of order.")
        return frame

    async def recv(self) -> Started | Data | End:
        """The next frame; Started again only when a resumption has lost bytes (`dropped`)."""
        while True:
            try:
                stream = self._stream or await self._connect()
                frame = await stream.recv()
            except (StreamLost, LinkLost):
                if self._kill:
                    raise
                await self._lost()
                continue
            self._heard = True
            kind = frame.WhichOneof("kind")
            if kind == "data":
                self.next_offset = frame.data.offset + len(frame.data.bytes)
                if frame.data.bytes:
                    return frame.data
            elif kind == "started":
                first = self.started is None
                self._note(frame.started)
                if first or frame.started.dropped:
                    return frame.started
            elif kind == "end":
                self._stream = None
                return self._ended(frame.end)

    def close(self) -> None:
        """No more interest; the process goes on."""
        if self._stream is not None:
            self._stream.cancel()

    def kill(self) -> None:
        """No more interest, and the process is killed, if there is a way to it."""
        self._kill = True
        if self._stream is not None:
            if self._request.HasField("exec"):
                self._stream.cancel(kill=True)
            else:
                self._stream.cancel()

    def _note(self, started: Started) -> None:
        if self.started is None:
            self.started = started
            self.process_id = started.process_id
        self.next_offset = started.offset

    def _ended(self, end: End) -> End:
        if end.code:
            raise from_end(end)
        return end

    async def _connect(self) -> Stream:
        if self._boot_id is None:
            link = await self._directory.wait(self._sandbox_id, self._waits.agent)
        else:
            try:
                left = max(0.0, self._deadline - time.monotonic())
                link = await self._directory.wait(self._sandbox_id, left)
            except AgentDisconnected:
                raise AgentDisconnected(self._tell("has not come back in time")) from None
        if self._boot_id is None:
            self._boot_id = link.boot_id
        elif self._boot_id != link.boot_id:
            raise AgentDisconnected(self._tell("was started anew, and its processes are gone"))
        self._stream = link.open(self._resumed())
        return self._stream

    def _resumed(self) -> Open:
        """The request, from the next offset."""
        request = Open()
        request.CopyFrom(self._request)
        if self.started is None:
            return request
        if request.HasField("exec"):
            request.exec.offset = self.next_offset
        else:
            follow = self._request.attach.follow
            attach = Attach(process=self.process_id, offset=self.next_offset, follow=follow)
            request.attach.CopyFrom(attach)
        return request

    async def _lost(self) -> None:
        now = time.monotonic()
        self._stream = None
        if self._heard:
            self._heard = False
            wait = self._waits.agent if self._boot_id is None else self._waits.resume
            self._deadline = now + wait
        elif now > self._deadline:
            raise AgentDisconnected(self._tell("cannot be reached"))
        await asyncio.sleep(AGAIN_SECONDS)

    def _tell(self, what: str) -> str:
        if self._request.HasField("exec"):
            happened = "has started" if self.started is not None else "may have started"
            return f"The sandbox's agent {what}. The command {happened} ({self.process_id})."
        return f"The sandbox's agent {what}; the process was {self.process_id}."


def kill_request(process_id: str) -> Open:
    """SIGKILL for a process's group."""
    return Open(signal=Signal(process=process_id, number=9))
