"""The agent as a program: start, what it hides, how it ends."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.agent.hub import Hub, Link, eventually
from tests.agent.running_agent import TOKEN, Agent, running_agent


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"INSIEN_AGENT_URL": "ws://h/"}, "INSIEN_AGENT_TOKEN"),
        ({"INSIEN_AGENT_TOKEN": "x"}, "INSIEN_AGENT_URL"),
        ({"INSIEN_AGENT_TOKEN": "x", "INSIEN_AGENT_URL": "http://h/"}, "INSIEN_AGENT_URL"),
    ],
)
async def test_wrong_settings_are_named(env: dict[str, str], name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", env={**os.environ, **env}, cwd="/", stderr=-1
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert name in errors.decode()


async def test_what_the_agent_was_told_is_hidden(agent: Agent, link: Link) -> None:
    environment = Path(f"/proc/{agent.pid}/environ").read_bytes()
    assert TOKEN.encode() not in environment
    assert b"INSIEN" not in environment
    out, _ = await link.run("cat /proc/$PPID/environ", user="65534")
    assert b"Permission denied" in out


async def test_sigterm_ends_the_processes_and_then_the_agent(
    hub: Hub, folder: Path, agent: Agent, link: Link
) -> None:
    stream = await link.exec(
        "trap 'echo bye > said; exit' TERM; echo up; while :; do sleep 0.05; done"
    )
    await stream.next()
    await stream.next()
    assert await agent.stop() == 0
    assert (folder / "said").read_text() == "bye\n"


async def test_process_that_ignores_sigterm_is_killed(hub: Hub, folder: Path) -> None:
    async with running_agent(hub, folder) as agent:
        link = await hub.link()
        stream = await link.exec("trap '' TERM; echo $$; while :; do sleep 0.05; done")
        await stream.next()
        pid = int((await stream.next()).data.bytes)
        assert await agent.stop() == 0
        await eventually(lambda: not Path(f"/proc/{pid}/exe").exists() or gone(pid))


async def test_timed_out_process_that_ignores_sigterm_is_killed_five_seconds_later(
    link: Link,
) -> None:
    command = "trap '' TERM; while :; do sleep 0.05; done"
    _, end = await link.run(command, timeout_ms=2000)  # the trap stands long before
    assert (end.exit.signal, end.exit.timed_out) == ("SIGKILL", True)
    assert end.exit.duration_ms >= 5000


def gone(pid: int) -> bool:
    """Whether only a zombie is left."""
    return " Z " in Path(f"/proc/{pid}/stat").read_text()
