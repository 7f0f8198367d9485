"""Terminals of a real agent."""

from tests.agent.hub import Link, Stream, output
from wire.agent.v1.agent_pb2 import Attach, Exec, Resize, Stdin, TerminalSize, Variable

SIZE = TerminalSize(rows=30, cols=100)


async def until(stream: Stream, text: bytes) -> bytes:
    """Output up to some text."""
    seen = b""
    while text not in seen:
        seen += (await stream.next()).data.bytes
    return seen


async def type_in(link: Link, process_id: str, data: bytes, close: bool = False) -> None:
    stream = await link.open(stdin=Stdin(process=process_id, close=close))
    await stream.upload(data)
    assert not (await stream.end()).code


async def test_size_resize_and_control_characters(link: Link) -> None:
    command = (
        "trap 'echo changed; stty size' WINCH; stty size; echo $TERM; tty;"
        " while :; do sleep 0.1; done"
    )
    stream = await link.exec(command, terminal=SIZE)
    started = (await stream.next()).started
    first = await until(stream, b"/dev/pts/")
    assert b"30 100\r\nxterm-256color\r\n" in first
    resize = Resize(process=started.process_id, size=TerminalSize(rows=40, cols=120))
    _, end = await link.answer(resize=resize)
    assert not end.code
    await until(stream, b"changed\r\n40 120\r\n")
    await type_in(link, started.process_id, b"\x03")
    frames = await stream.rest()
    assert frames[-1].end.exit.code == 130


async def test_shell_is_the_users_and_ends_with_its_input(link: Link) -> None:
    env = [Variable(name="PS1", value="$ "), Variable(name="TERM", value="dumb")]
    stream = await link.open(exec=Exec(process_id="t" * 36, terminal=SIZE, env=env))
    started = (await stream.next()).started
    await type_in(link, started.process_id, b"echo $((6*7)) $TERM\n")
    await until(stream, b"42 dumb")
    await type_in(link, started.process_id, b"echo rea''dy; exec cat\n")
    await until(stream, b"ready\r\n")
    await type_in(link, started.process_id, b"", close=True)
    assert (await stream.end()).exit.code == 0


async def test_several_viewers_and_recent_output(link: Link) -> None:
    stream = await link.exec("echo hello; cat", terminal=SIZE)
    started = (await stream.next()).started
    await until(stream, b"hello\r\n")
    viewer = await link.open(attach=Attach(process=str(started.pid), follow=True))
    assert await until(viewer, b"hello\r\n") == b"hello\r\n"
    await type_in(link, started.process_id, b"typed\n")
    for each in (stream, viewer):
        assert b"typed" in await until(each, b"typed\r\ntyped\r\n")
    await type_in(link, started.process_id, b"", close=True)
    assert output(await viewer.rest()) == output(await stream.rest())


async def test_sizes_are_checked(link: Link) -> None:
    _, end = await link.run("true", terminal=TerminalSize(rows=0, cols=10))
    assert end.code == "invalid_argument"
    stream = await link.exec("sleep 9")
    started = (await stream.next()).started
    _, end = await link.answer(resize=Resize(process=started.process_id, size=SIZE))
    assert end.code == "invalid_argument"
    _, end = await link.answer(resize=Resize(process="unknown", size=SIZE))
    assert end.code == "process_not_found"
    _, end = await link.answer(resize=Resize(process=started.process_id))
    assert end.code == "invalid_argument"
