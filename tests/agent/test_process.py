"""Processes of a real agent."""

import asyncio
import uuid
from pathlib import Path

from tests.agent.hub import Hub, Link, eventually_is, output
from tests.agent.running_agent import Agent
from wire.agent.v1.agent_pb2 import Attach, Cancel, ListProcesses, Signal, Stdin, Variable


async def test_shell_command_tells_output_by_channel_and_exit_code(link: Link) -> None:
    frames = await (await link.exec("echo out; echo err >&2; exit 3")).rest()
    assert frames[0].started.running
    assert frames[0].started.pid > 0
    assert output(frames, 1) == b"out\n"
    assert output(frames, 2) == b"err\n"
    assert frames[-1].end.exit.code == 3
    assert frames[-1].end.exit.end_offset == 8


async def test_chunks_of_both_channels_are_contiguous(link: Link) -> None:
    frames = await (await link.exec("for i in 1 2 3; do echo $i; echo e$i >&2; done")).rest()
    at = 0
    for frame in frames[1:-1]:
        assert frame.data.offset == at
        at += len(frame.data.bytes)
    assert frames[-1].end.exit.end_offset == at


async def test_program_is_looked_up_in_the_environments_path(link: Link, folder: Path) -> None:
    program = folder / "hello"
    program.write_text("#!/bin/sh\necho hello from $0 $1\n")
    program.chmod(0o755)
    path = Variable(name="PATH", value=f"/nowhere:{folder}:/bin")
    out, end = await link.run(argv=["hello", "you"], env=[path])
    assert out == f"hello from {program} you\n".encode()
    assert end.exit.code == 0


async def test_missing_and_unexecutable_programs_end_as_in_a_shell(
    link: Link, folder: Path
) -> None:
    (folder / "plain").write_text("no program")
    out, end = await link.run(argv=["no-such-program"])
    assert (end.exit.code, out) == (127, b"no-such-program: not found\n")
    out, end = await link.run(argv=[str(folder / "plain")])
    assert end.exit.code == 126
    assert b"Permission denied" in out


async def test_environment_is_the_images_the_sandboxs_and_the_requests(link: Link) -> None:
    assert not (await link.configure(1, env=[Variable(name="A", value="1")])).code
    out, _ = await link.run("env", env=[Variable(name="B", value="2")])
    lines = out.decode().splitlines()
    assert {"A=1", "B=2", "FROM_IMAGE=yes", "HOME=/root", "USER=root"} <= set(lines)
    assert not [line for line in lines if line.startswith("INSIEN_")]


async def test_missing_folder_and_user_are_named_and_nothing_is_remembered(link: Link) -> None:
    process_id = str(uuid.uuid4())
    for fields, field in (({"cwd": "/nowhere"}, "cwd"), ({"user": "nobody-here"}, "user")):
        _, end = await link.run("true", process_id=process_id, **fields)
        assert (end.code, end.field) == ("invalid_argument", field)
    _, end = await link.run("true", process_id=process_id)
    assert end.exit.code == 0
    assert not end.code


async def test_process_starts_in_the_working_directory_or_relative_to_it(
    link: Link, folder: Path
) -> None:
    (folder / "below").mkdir()
    assert (await link.run("pwd"))[0].decode().strip() == str(folder)
    assert (await link.run("pwd", cwd="below"))[0].decode().strip() == str(folder / "below")


async def test_same_id_and_digest_attaches_another_digest_is_refused(
    link: Link, folder: Path
) -> None:
    process_id = str(uuid.uuid4())
    command = "echo once >> ran; echo done"
    out, first = await link.run(command, process_id=process_id)
    again, second = await link.run(command, process_id=process_id)
    assert out == again == b"done\n"
    assert first == second
    _, refused = await link.run("other", process_id=process_id)
    assert (refused.code, refused.field) == ("already_exists", "processId")
    assert (folder / "ran").read_text() == "once\n"


async def test_timeout_ends_the_whole_group(link: Link) -> None:
    _, end = await link.run("sleep 100 & sleep 100; wait", timeout_ms=200)
    assert end.exit.timed_out
    assert end.exit.signal == "SIGTERM"
    assert end.exit.code == 128 + 15


async def test_signal_goes_to_the_group_and_is_named(link: Link) -> None:
    stream = await link.exec("sleep 100")
    started = (await stream.next()).started
    _, answer = await link.answer(signal=Signal(process=str(started.pid), number=9))
    assert not answer.code
    end = await stream.end()
    assert (end.exit.code, end.exit.signal) == (137, "SIGKILL")

    async def code() -> str:
        _, answer = await link.answer(signal=Signal(process=started.process_id, number=9))
        return str(answer.code)

    await eventually_is(code, "process_not_found")  # once the last orphan is reaped


async def test_input_of_the_request_is_ended_after_its_bytes(link: Link) -> None:
    data = bytes(range(256)) * 4000
    out, end = await link.run("cat", stdin=data)
    assert out == data
    assert end.exit.code == 0


async def test_later_input_reaches_the_process_and_can_be_closed(link: Link) -> None:
    stream = await link.exec("cat", stdin=b"one ", keep_stdin=True)
    started = (await stream.next()).started
    feed = await link.open(stdin=Stdin(process=started.process_id))
    await feed.upload(b"two ")
    assert not (await feed.end()).code
    feed = await link.open(stdin=Stdin(process=started.process_id, close=True))
    big = bytes(3 << 20)
    _, rest = await asyncio.gather(feed.upload(big), stream.rest())
    assert not (await feed.end()).code
    assert output(rest) == b"one two " + big
    late = await link.open(stdin=Stdin(process=started.process_id))
    assert (await late.end()).code == "invalid_argument"


async def test_exit_waits_for_output_but_not_for_a_daemon(link: Link) -> None:
    command = "(sleep 3; echo late) & echo soon"
    process_id = str(uuid.uuid4())
    out, end = await link.run(command, process_id=process_id)
    assert out == b"soon\n"
    assert end.exit.duration_ms < 2500

    async def replay() -> bytes:
        frames, _ = await link.answer(attach=Attach(process=process_id))
        return output(frames)

    await eventually_is(replay, b"soon\nlate\n")


async def test_replay_from_an_offset_then_follow(link: Link) -> None:
    stream = await link.exec("printf 0123456789; read x; printf abc", keep_stdin=True)
    started = (await stream.next()).started
    await stream.next()
    frames, end = await link.answer(attach=Attach(process=started.process_id, offset=4))
    assert frames[0].started.offset == 4
    assert output(frames) == b"456789"
    assert not end.HasField("exit")
    follow = await link.open(attach=Attach(process=started.process_id, offset=8, follow=True))
    feed = await link.open(stdin=Stdin(process=started.process_id))
    await feed.upload(b"\n")
    frames = await follow.rest()
    assert output(frames) == b"89abc"
    assert frames[-1].end.exit.end_offset == 13
    beyond, end = await link.answer(attach=Attach(process=started.process_id, offset=99))
    assert (beyond, end.code, end.field) == ([], "invalid_argument", "offset")


async def test_what_the_log_let_go_is_counted(link: Link) -> None:
    size = 6 << 20
    process_id = str(uuid.uuid4())
    stream = await link.exec(f"head -c {size} /dev/zero", process_id=process_id, detach=True)
    assert not (await stream.end()).code
    last = await link.open(attach=Attach(process=process_id, follow=True))
    await last.rest()
    frames, end = await link.answer(attach=Attach(process=process_id))
    started = frames[0].started
    assert started.dropped == started.offset > 0
    assert started.dropped + len(output(frames)) == size == end.exit.end_offset
    assert len(output(frames)) > 3 << 20


async def test_follower_loses_nothing_of_more_than_the_log_holds(link: Link) -> None:
    size = 20 << 20
    frames = await (await link.exec(f"head -c {size} /dev/zero")).rest()
    assert len(output(frames)) == size


async def test_stuck_follower_does_not_hold_the_process_for_ever(link: Link) -> None:
    stream = await link.exec("head -c 20000000 /dev/zero; echo done >&2")
    stream.generous = False
    process_id = (await stream.next()).started.process_id

    async def running() -> bool:
        frames, _ = await link.answer(list_processes=ListProcesses(process=process_id))
        return bool(frames[0].processes.processes[0].running)

    await eventually_is(running, False)


async def test_cancel_kills_only_when_asked(link: Link) -> None:
    for kill in (False, True):
        stream = await link.exec("sleep 30")
        process_id = (await stream.next()).started.process_id
        await stream.send(cancel=Cancel(kill=kill))
        assert (await stream.end()).code == "cancelled"
        if kill:
            frames, end = await link.answer(attach=Attach(process=process_id, follow=True))
            assert end.exit.signal == "SIGKILL"
        else:
            frames, _ = await link.answer(list_processes=ListProcesses(process=process_id))
            assert frames[0].processes.processes[0].running


async def test_process_goes_on_without_a_connection(link: Link, hub: Hub) -> None:
    stream = await link.exec("echo before; read x; echo after", keep_stdin=True)
    started = (await stream.next()).started
    await stream.next()
    await link.socket.close()
    link = await hub.link()
    assert link.hello.last_generation == 1
    follow = await link.open(attach=Attach(process=started.process_id, offset=7, follow=True))
    feed = await link.open(stdin=Stdin(process=started.process_id))
    await feed.upload(b"\n")
    assert output(await follow.rest()) == b"after\n"


async def test_hundred_at_once(link: Link) -> None:
    async def one(number: int) -> bytes:
        out, _ = await link.run(f"echo {number}")
        return out

    outs = await asyncio.gather(*(one(number) for number in range(100)))
    assert outs == [f"{number}\n".encode() for number in range(100)]
    frames, _ = await link.answer(list_processes=ListProcesses())
    assert len(frames[0].processes.processes) == 100


async def test_signal_right_behind_the_start_ends_the_process_and_never_the_agent(
    link: Link, agent: Agent
) -> None:
    """A child inherits the agent's handlers: one that was still there stopped the sandbox."""
    for _ in range(30):
        process_id = str(uuid.uuid4())
        stream = await link.exec("sleep 60", process_id=process_id)
        stop = await link.open(signal=Signal(process=process_id, number=15))
        assert not (await stop.end()).code
        assert (await stream.end()).exit.signal == "SIGTERM"
    assert agent.process.returncode is None
