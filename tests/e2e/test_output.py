"""Commands and their output, byte by byte."""

import json
import uuid

import httpx

from insien import Sandbox
from tests.e2e.waiting import eventually

COUNT = "n=0; while [ $n -lt {0} ]; do echo line $n; n=$((n+1)); done"


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


def test_results_of_commands(box: Sandbox) -> None:
    result = box.run("echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert box.exec("no-such-program").exit_code == 127
    assert box.run("no-such-program").exit_code == 127
    assert box.exec("printf", ["%s|", "a b", "$HOME"]).stdout == "a b|$HOME|"
    assert box.run("kill -9 $$").signal == "SIGKILL"
    assert box.run("cat", stdin=bytes(range(256))).stdout_bytes == bytes(range(256))
    assert box.run("pwd; echo $A", cwd="/tmp", env={"A": "b"}).stdout == "/tmp\nb\n"
    assert box.run("whoami", user="root").stdout == "root\n"


def test_a_command_that_takes_too_long_is_ended(box: Sandbox) -> None:
    result = box.run("echo begun; sleep 600", timeout_seconds=0.5)
    assert (result.timed_out, result.stdout) == (True, "begun\n")
    assert result.signal == "SIGTERM"


def test_the_same_process_id_is_the_same_process(box: Sandbox) -> None:
    own = str(uuid.uuid4())
    first = box.run("echo run >> /tmp/times; cat /tmp/times", process_id=own)
    second = box.run("echo run >> /tmp/times; cat /tmp/times", process_id=own)
    assert first.stdout == second.stdout == "run\n"
    assert first.process_id == second.process_id == own


def test_large_output_arrives_whole(box: Sandbox) -> None:
    assert box.stream(COUNT.format(20_000)).result().stdout == lines(20_000)


def test_events_of_a_command(api: httpx.Client, box: Sandbox) -> None:
    headers = {"Accept": "text/event-stream"}
    body = {"command": "echo out; sleep 0.1; echo err >&2; exit 4"}
    answer = api.post(f"/sandbox/{box.id}/exec", json=body, headers=headers)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    blocks = [block.splitlines() for block in answer.text.strip().split("\n\n")]
    events = [(b[0].removeprefix("event: "), json.loads(b[1][len("data: ") :])) for b in blocks]
    events = [event for event in events if event[0] != "ping"]
    assert [name for name, _ in events] == ["start", "stdout", "stderr", "exit"]
    assert events[0][1]["processId"]
    assert [data.get("offset") for _, data in events[1:3]] == [0, 4]
    assert events[3][1]["exitCode"] == 4


def test_output_is_read_again_from_any_offset(box: Sandbox) -> None:
    process = box.start("printf 0123456789; printf abcde >&2; sleep 600")
    eventually(lambda: process.read().next_offset == 15)
    for offset in (0, 3, 10, 12, 15):
        output = process.read(offset)
        assert output.text == "0123456789abcde"[offset:]
        assert (output.dropped, output.next_offset, output.running) == (0, 15, True)
    assert [chunk.stream for chunk in process.read(8).chunks] == ["stdout", "stderr"]
    process.kill()
    assert process.output(12).result().stderr == "cde"
    assert process.info().signal == "SIGKILL"


def test_a_stream_left_and_taken_up_again_has_no_gap(box: Sandbox) -> None:
    process = box.start(COUNT.format(2000))
    seen = ""
    offset = 0
    while offset < len(lines(2000)):
        stream = process.output(offset)
        chunk = next(iter(stream))
        seen += chunk.text
        offset = stream.next_offset
        stream.close()
    assert seen == lines(2000)


def test_background_processes_live_by_themselves(box: Sandbox) -> None:
    process = box.start("while read line; do echo got $line; done; echo over")
    assert process.id in {one.process_id for one in box.processes()}
    process.stdin("one\n")
    eventually(lambda: process.read().text == "got one\n")
    process.stdin("two\n", close=True)
    assert process.wait().stdout == "got one\ngot two\nover\n"
    sleeper = box.start("sleep 600")
    sleeper.signal("SIGTERM")
    assert sleeper.wait().signal == "SIGTERM"


def test_killing_a_process_kills_its_children(box: Sandbox) -> None:
    process = box.start("sleep 987 & sleep 987 & wait")
    eventually(lambda: box.run("pgrep -cf '^sleep 987'").stdout == "2\n")
    process.kill()
    eventually(lambda: box.run("pgrep -cf '^sleep 987'").stdout == "0\n")
