"""Processes of the fake API: real ones, run by the shell of this machine."""

import asyncio
import base64
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any


@dataclass
class FakeProcess:
    body: dict[str, Any]
    child: asyncio.subprocess.Process
    chunks: list[tuple[str, int, bytes]] = field(default_factory=list)
    size: int = 0
    ended: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def exit(self) -> dict[str, Any]:
        code = self.child.returncode or 0
        name = signal.Signals(-code).name if code < 0 else None
        return {"exitCode": None if name else code, "signal": name, "durationMs": 5}

    def described(self) -> dict[str, Any]:
        about = {name: self.body.get(name) for name in ("processId", "command", "cmd", "args")}
        ending = self.exit if self.ended else {}
        return about | {"pid": self.child.pid, "running": not self.ended} | ending

    async def read(self, name: str, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(4096):
            async with self.changed:
                self.chunks.append((name, self.size, data))
                self.size += len(data)
                self.changed.notify_all()

    async def run(self, stdin: bytes | None) -> None:
        assert self.child.stdin
        assert self.child.stdout
        assert self.child.stderr
        if stdin is not None:
            self.child.stdin.write(stdin)
        if not self.body.get("background"):
            self.child.stdin.close()
        await asyncio.gather(
            self.read("stdout", self.child.stdout), self.read("stderr", self.child.stderr)
        )
        await self.child.wait()
        async with self.changed:
            self.ended = True
            self.changed.notify_all()

    def since(self, offset: int) -> list[dict[str, Any]]:
        return [
            {"stream": name, "offset": start, "data": base64.b64encode(data).decode()}
            for name, start, data in self.chunks
            if start + len(data) > offset
        ]

    def has_news(self, sent: int) -> bool:
        return len(self.chunks) > sent or self.ended

    async def events(self, offset: int) -> AsyncIterator[bytes]:
        """The event stream; chunks that begin before `offset` come whole."""
        yield event("start", {"processId": self.body["processId"], "pid": self.child.pid})
        sent = 0
        while True:
            async with self.changed:
                await self.changed.wait_for(partial(self.has_news, sent))
                news, sent = self.chunks[sent:], len(self.chunks)
                over = self.ended
            for name, start, data in news:
                if start + len(data) > offset:
                    encoded = base64.b64encode(data).decode()
                    yield event(name, {"offset": start, "data": encoded})
            if over:
                yield event("exit", self.exit)
                return
            yield event("ping", {})

    def output(self, name: str) -> dict[str, str]:
        data = b"".join(data for stream, _, data in self.chunks if stream == name)
        try:
            return {name: data.decode()}
        except UnicodeDecodeError:
            return {name: "", f"{name}Base64": base64.b64encode(data).decode()}

    def send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()


async def spawn(body: dict[str, Any], folder: Path) -> FakeProcess:
    words = [body["cmd"], *body.get("args", ())] if "cmd" in body else ["sh", "-c", body["command"]]
    child = await asyncio.create_subprocess_exec(
        *words,
        cwd=body.get("cwd", folder),
        env=dict(os.environ) | body.get("env", {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return FakeProcess(body, child)
