"""The asynchronous client and the command line, on the real thing."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from insien import AsyncClient
from tests.e2e.people import Person
from tests.e2e.stack import Stack

INSIEN = str(Path(sys.executable).with_name("insien"))


async def test_many_commands_at_once(stack: Stack, key: str) -> None:
    async with AsyncClient(stack.api_url, key) as client, await client.create() as sandbox:
        results = await asyncio.gather(*(sandbox.run(f"echo {n}") for n in range(20)))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(20)]
        stream = sandbox.stream("for n in 1 2 3; do echo $n; done")
        assert "".join([chunk.text async for chunk in stream]) == "1\n2\n3\n"
        await sandbox.files.write("a", "b")
        assert await sandbox.files.read_text("a") == "b"


def test_the_command_line(stack: Stack, person: Person, tmp_path: Path) -> None:
    key = person.key()["key"]
    env = os.environ | {"INSIEN_API_URL": stack.api_url, "INSIEN_API_KEY": key}

    def insien(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        done = subprocess.run(
            [INSIEN, *words], env=env, input=stdin, capture_output=True, timeout=90, check=False
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    assert insien("run", "--rm", "--template", "minimal", "--", "echo hi; exit 7") == (
        7,
        "hi\n",
        "",
    )
    sandbox = insien("create", "--template", "minimal")[1].strip()
    source = tmp_path / "source"
    source.write_bytes(b"data")
    assert "4 bytes" in insien("put", sandbox, str(source), "there")[1]
    assert insien("get", sandbox, "there", "-")[1] == "data"
    assert insien("run", "-i", sandbox, "--", "wc -c", stdin=b"12345")[1].strip() == "5"
    assert insien("run", sandbox, "--", "kill -9 $$")[0] == 137
    process = insien("run", "-d", sandbox, "--", "echo one; sleep 1; echo two")[1].strip()
    assert insien("logs", "-f", sandbox, process)[1] == "one\ntwo\n"
    assert process in insien("ps", sandbox)[1]
    assert f"/{sandbox}" not in insien("expose", sandbox, "8000")[1]
    assert "minimal" in insien("templates")[1]
    assert insien("destroy", sandbox)[0] == 0
    assert insien("run", sandbox, "--", "true")[0] == 125
