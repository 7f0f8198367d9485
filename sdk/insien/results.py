"""What a command gives: its result, the pieces of its output, its state."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from insien.errors import CommandFailed

Json = Mapping[str, Any]
StreamName = Literal["stdout", "stderr"]
Command = str | Sequence[str]
"""A text is run by the shell; a list (program, arguments) as it is."""


class ExecOptions(TypedDict, total=False):
    """Options of a command."""

    cwd: str
    env: Mapping[str, str]
    user: str
    stdin: str | bytes
    timeout_seconds: float
    """0: none. Left out: 300 in the foreground, none in the background."""
    process_id: str
    """A UUID of one's own: the same request again gives the same process, not a second one."""


@dataclass(frozen=True, slots=True)
class Result:
    """A command that has ended."""

    process_id: str
    exit_code: int | None
    """127: there is no such command. None when a signal ended it."""
    signal: str | None
    stdout_bytes: bytes
    stderr_bytes: bytes
    timed_out: bool = False
    truncated: bool = False
    """The output was larger than the server keeps; its beginning is missing."""
    pid: int | None = None
    duration_seconds: float | None = None

    @property
    def stdout(self) -> str:
        """As UTF-8; bytes that are none become U+FFFD (see `stdout_bytes`)."""
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode(errors="replace")

    def check(self) -> "Result":
        """Itself when the command ended with 0; else raises CommandFailed."""
        if self.exit_code != 0:
            raise CommandFailed(self.exit_code, self.signal, self.stderr)
        return self

    @classmethod
    def from_json(cls, data: Json) -> "Result":
        duration = data.get("durationMs")
        return cls(
            process_id=data["processId"],
            exit_code=data["exitCode"],
            signal=data.get("signal"),
            stdout_bytes=_output(data, "stdout"),
            stderr_bytes=_output(data, "stderr"),
            timed_out=bool(data.get("timedOut")),
            truncated=bool(data.get("truncated")),
            pid=data.get("pid"),
            duration_seconds=None if duration is None else duration / 1000,
        )


def _output(data: Json, name: str) -> bytes:
    encoded = data.get(f"{name}Base64")
    return base64.b64decode(encoded) if encoded else str(data.get(name) or "").encode()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of output. `offset` counts bytes of stdout and stderr together."""

    stream: StreamName
    offset: int
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.offset + len(self.data)

    @classmethod
    def from_json(cls, data: Json) -> "Chunk":
        return cls(data["stream"], data["offset"], base64.b64decode(data["data"]))


@dataclass(frozen=True, slots=True)
class Output:
    """What a process has written from an offset on, so far."""

    chunks: tuple[Chunk, ...]
    next_offset: int
    dropped: int
    """Bytes between the asked offset and the first chunk that are no longer kept."""
    running: bool
    exit_code: int | None

    @property
    def text(self) -> str:
        return b"".join(chunk.data for chunk in self.chunks).decode(errors="replace")

    @classmethod
    def from_json(cls, data: Json) -> "Output":
        return cls(
            chunks=tuple(Chunk.from_json(chunk) for chunk in data["chunks"]),
            next_offset=data["nextOffset"],
            dropped=data.get("dropped", 0),
            running=data["running"],
            exit_code=data.get("exitCode"),
        )


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A process as it was at one moment."""

    process_id: str
    pid: int | None
    command: str
    running: bool
    exit_code: int | None
    signal: str | None

    @classmethod
    def from_json(cls, data: Json) -> "ProcessInfo":
        words = [data.get("cmd") or "", *(data.get("args") or ())]
        return cls(
            process_id=data["processId"],
            pid=data.get("pid"),
            command=data.get("command") or " ".join(words).strip(),
            running=bool(data.get("running")),
            exit_code=data.get("exitCode"),
            signal=data.get("signal"),
        )
