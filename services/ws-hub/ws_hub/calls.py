"""Questions to an agent that have one short answer: open, collect until End, done."""

import asyncio
import time

from kit.errors import DeadlineExceeded
from wire.agent.v1.agent_pb2 import FromAgent, Open
from ws_hub.directory import Directory
from ws_hub.errors import AgentDisconnected, from_end
from ws_hub.feed import AGAIN_SECONDS, Waits
from ws_hub.link import LinkLost
from ws_hub.stream import Stream, StreamLost

LOST = "The connection to the sandbox's agent broke; what was asked may have happened."


class Calls:
    """Asks agents, wherever they are."""

    def __init__(self, directory: Directory, waits: Waits) -> None:
        self.directory = directory
        self.waits = waits

    async def ask(self, sandbox_id: str, request: Open, *, repeat: bool) -> list[FromAgent]:
        """The frames of the answer without its End.

        `repeat`: it changes nothing, so it is asked again when the connection breaks. Raises the
        agent's refusal, AgentDisconnected, DeadlineExceeded.
        """
        try:
            async with asyncio.timeout(self.waits.operation):
                return await self._ask(sandbox_id, request, repeat)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The sandbox did not answer within {self.waits.operation:g} s; "
                "what was asked may have happened, or happen yet."
            ) from None

    async def open(self, sandbox_id: str, request: Open) -> Stream:
        """A stream to the agent, once it is there. Raises AgentDisconnected."""
        deadline = time.monotonic() + self.waits.agent
        while True:
            link = await self.directory.wait(sandbox_id, max(0, deadline - time.monotonic()))
            try:
                return link.open(request)
            except LinkLost:
                if time.monotonic() > deadline:
                    raise AgentDisconnected() from None
                await asyncio.sleep(AGAIN_SECONDS)

    async def _ask(self, sandbox_id: str, request: Open, repeat: bool) -> list[FromAgent]:
        deadline = time.monotonic() + self.waits.agent
        while True:
            try:
                async with await self.open(sandbox_id, request) as stream:
                    return await collect(stream)
            except StreamLost as lost:
                if not repeat or time.monotonic() > deadline:
                    raise AgentDisconnected(LOST) from lost
                await asyncio.sleep(AGAIN_SECONDS)


async def collect(stream: Stream) -> list[FromAgent]:
    """All frames before End. Raises the agent's refusal, StreamLost."""
    frames: list[FromAgent] = []
    while True:
        frame = await stream.recv()
        kind = frame.WhichOneof("kind")
        if kind == "end":
            if frame.end.code:
                raise from_end(frame.end)
            return frames
        if kind != "credit":
            frames.append(frame)
