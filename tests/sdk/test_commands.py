import pytest

from insien import Client, CommandFailed, Sandbox
from tests.sdk.conftest import Served


@pytest.fixture
def sandbox(client: Client) -> Sandbox:
    return client.create()


def test_a_line_of_shell_and_a_program(sandbox: Sandbox, served: Served) -> None:
    result = sandbox.run("echo out; echo err >&2; exit 3", env={"A": "1"})
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert sandbox.exec("echo", ["$HOME", "a b"]).stdout == "$HOME a b\n"
    assert [body.get("command") for body in served.api.bodies[1:]] == [
        "echo out; echo err >&2; exit 3",
        None,
    ]


def test_check_raises_for_a_failed_command(sandbox: Sandbox) -> None:
    assert sandbox.run("true").check().exit_code == 0
    with pytest.raises(CommandFailed, match="exit code 4: sad") as failed:
        sandbox.run("echo sad >&2; exit 4").check()
    assert (failed.value.exit_code, failed.value.stderr) == (4, "sad\n")
    with pytest.raises(CommandFailed, match="ended by SIGKILL"):
        sandbox.run("kill -9 $$").check()


def test_input_and_output_may_be_any_bytes(sandbox: Sandbox) -> None:
    data = bytes(range(256))
    result = sandbox.run("cat", stdin=data)
    assert result.stdout_bytes == data
    assert sandbox.run("cat", stdin="grün").stdout == "grün"


def test_the_timeout_is_said_in_seconds(sandbox: Sandbox, served: Served) -> None:
    sandbox.run("true", timeout_seconds=1.5, cwd="/", user="root")
    sandbox.run("true", timeout_seconds=0)
    assert [body["timeoutMs"] for body in served.api.bodies[1:]] == [1500, 0]
    assert served.api.bodies[1]["cwd"] == "/"


def test_output_comes_while_the_command_runs(sandbox: Sandbox) -> None:
    process = sandbox.start("read word; echo got $word; read word; echo got $word")
    process.stdin("one\n")
    stream = process.output()
    assert next(iter(stream)).text == "got one\n"
    process.stdin(b"two\n", close=True)
    assert stream.result().stdout == "got one\ngot two\n"
    assert stream.next_offset == 16


def test_a_stream_collects_its_result(sandbox: Sandbox) -> None:
    stream = sandbox.stream(["sh", "-c", "echo a; echo b >&2; exit 2"])
    seen = {chunk.stream for chunk in stream}
    result = stream.result()
    assert seen == {"stdout", "stderr"}
    assert (result.exit_code, result.stdout, result.stderr) == (2, "a\n", "b\n")
    assert result.process_id == stream.process_id


def test_a_background_process_is_watched_and_ended(sandbox: Sandbox) -> None:
    process = sandbox.start("echo ready; exec sleep 60")
    stream = process.output()
    assert next(iter(stream)).text == "ready\n"
    stream.close()
    assert process.info().running
    assert [one.process_id for one in sandbox.processes()] == [process.id]
    assert process.read(2).text.endswith("ready\n")
    process.signal("SIGTERM")
    result = process.wait()
    assert (result.exit_code, result.signal) == (None, "SIGTERM")
    assert process.read().running is False


def test_kill_ends_it_at_once(sandbox: Sandbox) -> None:
    process = sandbox.start(["sleep", "60"])
    process.kill()
    assert process.wait().signal == "SIGKILL"
    assert process.info().command == "sleep 60"
    assert process.info().signal == "SIGKILL"


def test_output_goes_on_from_an_offset(sandbox: Sandbox) -> None:
    process = sandbox.start("printf 0123456789")
    process.wait()
    assert sandbox.process(process.id).output(4).result().stdout == "456789"
