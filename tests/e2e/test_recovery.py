"""Every part is killed while a command runs: the sandbox, the command and its output stay."""

from pathlib import Path

import httpx
import pytest

from insien import Client, Sandbox
from tests.e2e.people import Person, raw, somebody
from tests.e2e.stack import PARTS, Stack
from tests.e2e.waiting import eventually

COUNT = 600
NUMBERED = f"n=0; while [ $n -lt {COUNT} ]; do echo line $n; n=$((n+1)); sleep 0.01; done"
ALL = "".join(f"line {number}\n" for number in range(COUNT))
RECOVERY_SECONDS = 60.0


def healthy(stack: Stack) -> bool:
    with raw(stack, {}) as api:
        try:
            answer = api.get("/health", timeout=10)
        except httpx.HTTPError:
            return False
    return answer.status_code == 200 and answer.json()["status"] == "ok"


def recovered(stack: Stack, part: str, killed: int) -> None:
    """Another process does the part's work and all is well."""

    def is_back() -> bool:
        try:
            return stack.pid(part) != killed and healthy(stack)
        except (FileNotFoundError, ValueError, IndexError):
            return False

    eventually(is_back, RECOVERY_SECONDS)


@pytest.mark.parametrize("part", PARTS)
def test_output_has_no_gap_and_no_duplicate_when_a_part_is_killed(
    stack: Stack, client: Client, box: Sandbox, part: str
) -> None:
    process = box.start(NUMBERED)
    stream = process.output()
    seen = ""
    killed = 0
    for chunk in stream:
        seen += chunk.text
        if not killed and "line 50\n" in seen:
            assert "line 300\n" not in seen, "the kill must fall into the middle"
            killed = stack.kill(part)
    assert killed
    assert seen == ALL
    assert stream.dropped == 0
    assert stream.result().exit_code == 0
    recovered(stack, part, killed)
    again = process.output().result()
    assert (again.stdout, again.exit_code) == (ALL, 0)
    middle = len(ALL) // 2
    assert process.read(middle).text == ALL[middle:]


@pytest.mark.parametrize("part", PARTS)
def test_a_sandbox_survives_the_restart_of_a_part(
    stack: Stack, box: Sandbox, part: str, tmp_path: Path
) -> None:
    box.files.write("kept", part)
    process = box.start("exec sleep 3600")
    port = box.expose(8123, "private")
    started = box.status().started_at
    recovered(stack, part, stack.kill(part))
    status = eventually(lambda: _connected(box), RECOVERY_SECONDS)
    assert status == ("running", started)
    assert box.run("echo alive").stdout == "alive\n"
    assert box.files.read_text("kept") == part
    assert process.info().running
    assert [open_port.url for open_port in box.ports()] == [port.url]
    process.kill()


def _connected(box: Sandbox) -> tuple[str, object] | None:
    status = box.status()
    return (status.status, status.started_at) if status.connected else None


@pytest.mark.parametrize("part", PARTS)
def test_after_a_restart_new_sandboxes_and_keys_are_made(stack: Stack, part: str) -> None:
    recovered(stack, part, stack.kill(part))
    one = somebody(stack)
    with one.client() as client, client.create("minimal") as sandbox:
        assert sandbox.run("echo new").stdout == "new\n"


@pytest.mark.parametrize("part", ["redis", "gateway", "auth"])
def test_a_revoked_key_stays_refused_over_a_restart(
    stack: Stack, person: Person, part: str
) -> None:
    key = person.key()
    with person.api() as me, raw(stack, {"X-API-Key": key["key"]}) as program:
        assert program.get("/sandbox").status_code == 200
        killed = stack.kill(part)
        recovered(stack, part, killed)
        # /health may still be the last second's: a 503 says by itself that it is safe to ask again.
        eventually(lambda: me.delete(f"/api/keys/{key['id']}").status_code == 200)
        eventually(lambda: program.get("/sandbox").status_code == 401, seconds=5.0)


def test_a_destroyed_sandbox_stays_destroyed(stack: Stack, client: Client) -> None:
    sandbox = client.create("minimal")
    sandbox.destroy()
    for part in ("sandbox", "ws-hub"):
        recovered(stack, part, stack.kill(part))
    assert sandbox.status().status in {"destroying", "destroyed"}
    eventually(lambda: sandbox.status().status == "destroyed")
