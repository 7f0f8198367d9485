"""Running commands: from what was asked to the agent's Exec, and from its frames to an answer."""

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, field

from kit.errors import BodyTooLarge, ValidationFailed
from wire.agent.v1.agent_pb2 import Data, End, Exec, Exit, Started, Variable
from ws_hub.command_models import ExecAnswer, ExecBody, StdinBytes, decode
from ws_hub.feed import Feed

FOREGROUND_TIMEOUT_MS = 300_000
MAX_EXEC_BYTES = 1_000_000
STDOUT = 1


def to_exec(body: ExecBody, *, typed: bool = False) -> Exec:
    """The agent's request. `typed`: input may come later, as it may in the background; without
    it a command in the foreground that reads its input finds the end of it at once.

    Raises ValidationFailed, BodyTooLarge.
    """
    if (body.command is None) == (body.cmd is None):
        raise ValidationFailed.of("command", "give exactly one of `command` and `cmd`")
    if body.args is not None and body.cmd is None:
        raise ValidationFailed.of("args", "goes with `cmd`, not with `command`")
    timeout = body.timeout_ms
    if timeout is None:
        timeout = 0 if body.background else FOREGROUND_TIMEOUT_MS
    request = Exec(
        process_id=body.process_id or str(uuid.uuid4()),
        digest=digest(body),
        command=body.command or "",
        argv=[body.cmd, *(body.args or [])] if body.cmd is not None else [],
        cwd=body.cwd or "",
        env=[Variable(name=name, value=value) for name, value in (body.env or {}).items()],
        user=body.user or "",
        stdin=_stdin(body.stdin),
        keep_stdin=body.stdin is None and (body.background or typed),
        timeout_ms=timeout,
        detach=body.background,
    )
    if request.ByteSize() > MAX_EXEC_BYTES:
        raise BodyTooLarge(
            f"A command with all that belongs to it may have {MAX_EXEC_BYTES} bytes."
        )
    return request


def _stdin(stdin: str | StdinBytes | None) -> bytes:
    if stdin is None:
        return b""
    return stdin.encode() if isinstance(stdin, str) else decode(stdin.base64)


def digest(body: ExecBody) -> bytes:
    """What tells the same request from another one under one process id."""
    asked = body.model_dump(exclude={"process_id"}, exclude_none=True)
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


@dataclass(slots=True)
class Collected:
    """Output gathered for an answer in one piece, up to `limit` bytes in all."""

    limit: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    truncated: bool = False

    def add(self, data: Data) -> None:
        """A chunk; what is beyond the limit is left out."""
        left = self.limit - len(self.stdout) - len(self.stderr)
        if len(data.bytes) > left:
            self.truncated = True
        target = self.stdout if data.channel == STDOUT else self.stderr
        target += data.bytes[: max(0, left)]


async def run(feed: Feed, limit: int) -> ExecAnswer:
    """Follows a command to its end (a background one to its start)."""
    started = await feed.start()
    collected = Collected(limit)
    collected.truncated = started.dropped > 0
    while True:
        frame = await feed.recv()
        if isinstance(frame, Data):
            collected.add(frame)
        elif isinstance(frame, Started):
            collected.truncated = True
        else:
            return answer(started, collected, frame)


def answer(started: Started, collected: Collected, end: End) -> ExecAnswer:
    """The answer in one piece."""
    ended = end.exit if end.HasField("exit") else None
    stdout, stdout64 = as_text(collected.stdout, collected.truncated)
    stderr, stderr64 = as_text(collected.stderr, collected.truncated)
    return ExecAnswer(
        process_id=started.process_id,
        pid=started.pid,
        exit_code=exit_code(ended),
        signal=signal_name(ended),
        stdout=stdout,
        stderr=stderr,
        stdout_base64=stdout64,
        stderr_base64=stderr64,
        duration_ms=ended.duration_ms if ended else 0,
        timed_out=bool(ended and ended.timed_out),
        truncated=collected.truncated,
    )


def exit_code(ended: Exit | None) -> int | None:
    """0 to 255, whatever a hostile agent says; None while it runs."""
    return None if ended is None else min(max(ended.code, 0), 255)


def signal_name(ended: Exit | None) -> str | None:
    """The signal that ended it, if one did."""
    return (ended.signal[:16] or None) if ended else None


def as_text(raw: bytearray, cut: bool) -> tuple[str | None, str | None]:
    """Text, or base64 for what is no UTF-8; a character that was cut in two is left out."""
    try:
        return raw.decode(), None
    except UnicodeDecodeError as error:
        if cut and error.end == len(raw) and error.reason == "unexpected end of data":
            return raw[: error.start].decode(), None
        return None, base64.b64encode(raw).decode()
