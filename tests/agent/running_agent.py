"""The agent as a process of its own, dialing a hub of the test."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.agent.hub import DEADLINE, Hub

TOKEN = "a-token-for-tests"


class Agent:
    """A running agent."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self.log = process, log

    @property
    def pid(self) -> int:
        return self.process.pid

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), DEADLINE)


@contextlib.asynccontextmanager
async def running_agent(hub: Hub, folder: Path, **env: str) -> AsyncIterator[Agent]:
    """An agent whose default working directory is ``folder``."""
    log = folder.parent / f"{folder.name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent",
            env={
                **os.environ,
                "INSIEN_AGENT_URL": f"ws://127.0.0.1:{hub.port}/agent/one",
                "INSIEN_AGENT_TOKEN": TOKEN,
                "INSIEN_SANDBOX_ID": "one",
                "INSIEN_WORKDIR": str(folder),
                "FROM_IMAGE": "yes",
                **env,
            },
            stderr=errors,
            cwd="/",
        )
    agent = Agent(process, log)
    try:
        yield agent
    finally:
        await agent.stop()
    assert b"Traceback" not in log.read_bytes(), log.read_text()
