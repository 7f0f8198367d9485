"""Output without gap or duplicate over connections that may break.

Holds what is known so far: how far the output was seen and whether the process has ended. The
clients do the input and output: they open `request()`, `feed` the bytes that come, and when
the connection is lost do the same again.
"""

import base64
from collections.abc import Mapping
from typing import Any

import httpx

from insien.core import command_calls
from insien.core.call import Call
from insien.core.events import EventDecoder, ServerEvent
from insien.results import Chunk, Result, StreamName

STREAMS: dict[str, StreamName] = {"stdout": "stdout", "stderr": "stderr"}


class Following:
    """One process's output from an offset to its end."""

    def __init__(
        self,
        sandbox_id: str,
        process_id: str,
        *,
        offset: int = 0,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        """`request`: the body that starts the process; None: it has been started before."""
        self._sandbox_id = sandbox_id
        self._request = request
        self._decoder = EventDecoder()
        self.process_id = process_id
        self.next_offset = offset
        self.dropped = 0
        """Bytes that the server had let go before they could be read."""
        self.ended: Mapping[str, Any] | None = None
        """The data of the `exit` event."""

    def request(self) -> Call[None]:
        """What to open next."""
        self._decoder = EventDecoder()
        if self._request is not None:
            return command_calls.run_streaming(self._sandbox_id, self._request)
        return command_calls.follow(self._sandbox_id, self.process_id, self.next_offset)

    def feed(self, data: bytes) -> list[Chunk]:
        """The new output in some bytes of the event stream."""
        chunks = [self._take(event) for event in self._decoder.feed(data)]
        return [chunk for chunk in chunks if chunk is not None]

    def check_ended(self) -> None:
        """Raise what a lost connection raises when a stream is over but the process is not."""
        if self.ended is None:
            raise httpx.RemoteProtocolError("the stream ended before the process did")

    def _take(self, event: ServerEvent) -> Chunk | None:
        if event.name == "error":
            raise httpx.RemoteProtocolError(str(event.data.get("error", "the stream broke")))
        self._request = None  # it arrived: from here on there is a process to come back to
        if event.name == "exit":
            self.ended = event.data
        elif stream := STREAMS.get(event.name):
            data = base64.b64decode(event.data["data"])
            return self._advance(Chunk(stream, event.data["offset"], data))
        return None

    def _advance(self, chunk: Chunk) -> Chunk | None:
        if chunk.end <= self.next_offset:
            return None
        if chunk.offset > self.next_offset:
            self.dropped += chunk.offset - self.next_offset
        seen = max(0, self.next_offset - chunk.offset)
        self.next_offset = chunk.end
        return Chunk(chunk.stream, chunk.offset + seen, chunk.data[seen:])


class Collected:
    """Chunks put together to the result of a command."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}

    def add(self, chunk: Chunk) -> None:
        self._parts[chunk.stream].append(chunk.data)

    def result(self, following: Following) -> Result:
        """What has been collected; `following` must have ended."""
        ended = following.ended or {}
        duration = ended.get("durationMs")
        return Result(
            process_id=following.process_id,
            exit_code=ended.get("exitCode"),
            signal=ended.get("signal"),
            stdout_bytes=b"".join(self._parts["stdout"]),
            stderr_bytes=b"".join(self._parts["stderr"]),
            timed_out=bool(ended.get("timedOut")),
            truncated=following.dropped > 0,
            duration_seconds=None if duration is None else duration / 1000,
        )
