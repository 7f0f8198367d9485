"""Files through a real agent."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agent.hub import Link, eventually, output
from wire.agent.v1.agent_pb2 import (
    Cancel,
    ChangeMode,
    CopyFile,
    ListFiles,
    MakeDirectory,
    MoveFile,
    ReadFile,
    RemoveFile,
    StatFile,
    WriteFile,
)


async def write(link: Link, path: str, data: bytes, **fields: Any) -> tuple[Any, Any]:
    """FileInfo and End."""
    stream = await link.open(write_file=WriteFile(path=path, **fields))
    await stream.upload(data)
    frames = await stream.rest()
    info = [frame.file for frame in frames if frame.HasField("file")]
    return (info[0] if info else None), frames[-1].end


async def read(link: Link, path: str, **fields: Any) -> tuple[bytes, Any]:
    frames, end = await link.answer(read_file=ReadFile(path=path, **fields))
    return output(frames), end


async def test_upload_makes_parents_and_comes_back(link: Link, folder: Path) -> None:
    data = os.urandom(5 << 20)
    info, end = await write(link, "a/b/file", data)
    assert not end.code
    assert (info.name, info.size, info.mode, info.type) == ("file", len(data), 0o644, "file")
    assert info.path == str(folder / "a/b/file")
    assert (await read(link, info.path))[0] == data
    assert os.listdir(folder / "a/b") == ["file"]


async def test_upload_keeps_the_mode_that_was_there_and_follows_a_link(
    link: Link, folder: Path
) -> None:
    (folder / "real").write_bytes(b"old")
    (folder / "real").chmod(0o750)
    (folder / "link").symlink_to("real")
    _, end = await write(link, "link", b"new")
    assert not end.code
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == b"new"
    assert (folder / "real").stat().st_mode & 0o777 == 0o750
    _, end = await write(link, "link", b"newer", mode=0o600)
    assert (folder / "real").stat().st_mode & 0o777 == 0o600


async def test_given_up_upload_leaves_nothing(link: Link, folder: Path) -> None:
    stream = await link.open(write_file=WriteFile(path="half"))
    await stream.data(b"x" * 1000)
    await eventually(lambda: os.listdir(folder))
    await stream.send(cancel=Cancel())
    assert (await stream.end()).code == "cancelled"
    await eventually(lambda: not os.listdir(folder))


async def test_upload_of_a_lost_connection_leaves_nothing(link: Link, folder: Path) -> None:
    stream = await link.open(write_file=WriteFile(path="half"))
    await stream.data(b"x" * 1000)
    await eventually(lambda: os.listdir(folder))
    link.socket.transport.abort()
    await eventually(lambda: not os.listdir(folder))


async def test_upload_whose_process_is_killed_leaves_nothing(link: Link, folder: Path) -> None:
    stream = await link.open(write_file=WriteFile(path="half"))
    await stream.data(b"x" * 1000)
    await eventually(lambda: os.listdir(folder))
    out, _ = await link.run("ps -eo pid,ppid,args | grep '[-]m agent' | sort -n | tail -1")
    os.kill(int(out.split()[0]), 9)
    assert (await stream.end()).code == "internal"
    await eventually(lambda: not os.listdir(folder))


@pytest.mark.parametrize("fields", [{"room_bytes": 999_999}, {"size": 1 << 60}])
async def test_upload_that_does_not_fit_is_refused(
    link: Link, folder: Path, fields: dict[str, int]
) -> None:
    info, end = await write(link, "big", bytes(1_000_000), **fields)
    assert (info, end.code) == (None, "disk_full")
    assert os.listdir(folder) == []
    info, end = await write(link, "fits", bytes(999_999), room_bytes=999_999)
    assert not end.code


async def test_full_disk_is_told(link: Link) -> None:
    _, end = await write(link, "/dev/full", b"x")
    assert end.code == "unsupported"


async def test_ranges(link: Link, folder: Path) -> None:
    (folder / "file").write_bytes(b"0123456789")
    frames, end = await link.answer(read_file=ReadFile(path="file", offset=3, length=4))
    assert not end.code
    assert frames[0].file.size == 10
    assert [frame.data.offset for frame in frames[1:]] == [3, 7]
    assert output(frames) == b"3456"
    assert (await read(link, "file", offset=8))[0] == b"89"
    assert (await read(link, "file", offset=99))[0] == b""


async def test_slow_reader_stops_only_its_own_stream(link: Link, folder: Path) -> None:
    (folder / "big").write_bytes(bytes(8 << 20))
    slow = await link.open(read_file=ReadFile(path="big"))
    slow.generous = False
    assert (await slow.next()).HasField("file")
    assert len((await read(link, "big"))[0]) == 8 << 20
    got = 0
    while got < 256 << 10:
        got += len((await slow.next()).data.bytes)
    assert got == 256 << 10
    assert slow.frames.empty()
    await slow.send(cancel=Cancel())
    assert (await slow.end()).code == "cancelled"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"read_file": ReadFile(path="none")}, "file_not_found"),
        ({"read_file": ReadFile(path="dir")}, "is_a_directory"),
        ({"read_file": ReadFile(path="fifo")}, "unsupported"),
        ({"read_file": ReadFile(path="file/below")}, "not_a_directory"),
        ({"read_file": ReadFile(path="")}, "invalid_argument"),
        ({"read_file": ReadFile(path="a\\x00b")}, "invalid_argument"),
        ({"read_file": ReadFile(path="loop")}, "invalid_argument"),
        ({"stat_file": StatFile(path="n" * 300)}, "invalid_argument"),
        ({"stat_file": StatFile(path="none")}, "file_not_found"),
        ({"list_files": ListFiles(path="file")}, "not_a_directory"),
        ({"list_files": ListFiles(path=".", depth=33)}, "invalid_argument"),
        ({"make_directory": MakeDirectory(path="dir")}, "already_exists"),
        ({"make_directory": MakeDirectory(path="x/y")}, "file_not_found"),
        ({"make_directory": MakeDirectory(path="file", parents=True)}, "already_exists"),
        ({"make_directory": MakeDirectory(path="file/x", parents=True)}, "not_a_directory"),
        ({"move_file": MoveFile(source="none", target="x")}, "file_not_found"),
        ({"move_file": MoveFile(source="file", target="dir")}, "already_exists"),
        ({"move_file": MoveFile(source="dir", target="dir/x")}, "invalid_argument"),
        ({"copy_file": CopyFile(source="file", target="dir")}, "already_exists"),
        ({"copy_file": CopyFile(source="dir", target="dir/x")}, "invalid_argument"),
        ({"copy_file": CopyFile(source="file", target="file")}, "invalid_argument"),
        ({"copy_file": CopyFile(source="fifo", target="x")}, "unsupported"),
        ({"remove_file": RemoveFile(path="none")}, "file_not_found"),
        ({"remove_file": RemoveFile(path="dir")}, "directory_not_empty"),
        ({"remove_file": RemoveFile(path="/", recursive=True)}, "invalid_argument"),
        ({"change_mode": ChangeMode(path="none", mode=0o600)}, "file_not_found"),
        ({"write_file": WriteFile(path="dir")}, "is_a_directory"),
        ({"write_file": WriteFile(path="dir/")}, "is_a_directory"),
        ({"write_file": WriteFile(path="file/x")}, "not_a_directory"),
        ({"write_file": WriteFile(path="fifo")}, "unsupported"),
        ({"stat_file": StatFile(path="file", user="nobody-here")}, "invalid_argument"),
    ],
)
async def test_refusals(link: Link, folder: Path, request_: Any, code: str) -> None:
    (folder / "file").write_text("x")
    (folder / "dir").mkdir()
    (folder / "dir/entry").touch()
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    before = sorted(os.listdir(folder))
    _, end = await link.answer(**request_)
    assert end.code == code, end
    assert sorted(os.listdir(folder)) == before


async def test_list_is_in_order_and_goes_as_deep_as_asked(link: Link, folder: Path) -> None:
    for name in ("b/c/d", "a", "b.txt", "b/x"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "l").symlink_to("b")

    async def names(depth: int) -> list[str]:
        frames, end = await link.answer(list_files=ListFiles(path=".", depth=depth))
        assert not end.code
        entries = [entry for frame in frames for entry in frame.files.entries]
        return [str(Path(entry.path).relative_to(folder)) for entry in entries]

    assert await names(1) == ["a", "b", "b.txt", "l"]
    assert await names(2) == ["a", "b", "b.txt", "b/c", "b/x", "l"]
    assert await names(32) == ["a", "b", "b.txt", "b/c", "b/c/d", "b/x", "l"]


async def test_long_list_is_cut_and_says_so(link: Link, folder: Path) -> None:
    for number in range(10_050):
        (folder / f"{number:06}").touch()
    frames, _ = await link.answer(list_files=ListFiles(path=".", depth=1))
    entries = [entry.name for frame in frames for entry in frame.files.entries]
    assert entries == [f"{number:06}" for number in range(10_000)]
    assert [frame.files.truncated for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert max(frame.ByteSize() for frame in frames) < 1 << 20


async def test_odd_names_are_escaped_both_ways(link: Link, folder: Path) -> None:
    raw = os.fsencode(folder) + b"/\xff\\new\nline \xc3\xa9"
    escaped = f"{folder}/\\xff\\\\new\nline é"
    _, end = await write(link, escaped, b"odd")
    assert not end.code
    assert os.listdir(os.fsencode(folder)) == [os.path.basename(raw)]
    frames, _ = await link.answer(list_files=ListFiles(path="."))
    assert frames[0].files.entries[0].path == escaped
    assert (await read(link, escaped))[0] == b"odd"


async def test_information_on_a_link_is_its_own(link: Link, folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")
    frames, _ = await link.answer(stat_file=StatFile(path="link"))
    info = frames[0].file
    assert (info.type, info.target, info.owner, info.group) == (
        "symlink",
        "nowhere",
        "root",
        "root",
    )


async def test_make_move_copy_change_remove(link: Link, folder: Path) -> None:
    async def done(**request: Any) -> Any:
        frames, end = await link.answer(**request)
        assert not end.code, end
        return frames[0].file if frames else None

    assert (await done(make_directory=MakeDirectory(path="p/q", parents=True))).mode == 0o755
    await done(make_directory=MakeDirectory(path="p/q", parents=True))
    (folder / "p/q/file").write_bytes(b"x" * 100)
    (folder / "p/q/link").symlink_to("file")
    assert (await done(change_mode=ChangeMode(path="p/q/file", mode=0o711))).mode == 0o711
    await done(copy_file=CopyFile(source="p", target="copy"))
    assert (folder / "copy/q/link").readlink() == Path("file")
    assert (folder / "copy/q/file").stat().st_mode & 0o777 == 0o711
    await done(move_file=MoveFile(source="copy", target="p", overwrite=True))
    assert sorted(os.listdir(folder)) == ["p"]
    (folder / "one").write_text("1")
    await done(copy_file=CopyFile(source="one", target="p/q/file", overwrite=True))
    await done(move_file=MoveFile(source="one", target="p/q/file", overwrite=True))
    assert (folder / "p/q/file").read_text() == "1"
    _, end = await link.answer(copy_file=CopyFile(source="p", target="c", room_bytes=1, user="0"))
    assert not end.code
    (folder / "p/q/file").write_text("22")
    _, end = await link.answer(copy_file=CopyFile(source="p", target="d", room_bytes=1))
    assert end.code == "disk_full"
    await done(remove_file=RemoveFile(path="p", recursive=True))
    await done(remove_file=RemoveFile(path="c/q/link"))
    assert sorted(os.listdir(folder)) == ["c"]


async def test_move_to_another_disk_copies(link: Link, folder: Path) -> None:
    (folder / "dir").mkdir()
    (folder / "dir/file").write_text("x")
    target = Path(f"/dev/shm/insien-{os.getpid()}")
    try:
        move = MoveFile(source="dir", target=str(target))
        _, end = await link.answer(move_file=move)
        assert not end.code
        assert (target / "file").read_text() == "x"
        assert os.listdir(folder) == []
    finally:
        await link.answer(remove_file=RemoveFile(path=str(target), recursive=True))
    assert not target.exists()


async def test_permissions_are_the_users(link: Link, folder: Path) -> None:
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)
    (folder / "secret").write_text("x")
    (folder / "secret").chmod(0o600)
    (folder / "open").mkdir(mode=0o777)
    (folder / "open").chmod(0o777)
    (folder / "open/link").symlink_to("../secret")
    nobody = {"user": "65534"}
    for path in ("secret", "open/link"):
        assert (await read(link, path, **nobody))[1].code == "permission_denied"
        assert (await write(link, path, b"y", **nobody))[1].code == "permission_denied"
    info, end = await write(link, "open/mine/deep", b"y", **nobody)
    assert not end.code
    assert info.owner == "nobody"
    assert (folder / "open/mine").stat().st_uid == 65534
    assert (folder / "secret").read_text() == "x"


async def test_many_operations_wait_for_their_turn(link: Link, folder: Path) -> None:
    (folder / "file").write_text("x")
    results = await asyncio.gather(
        *(link.answer(stat_file=StatFile(path="file")) for _ in range(60))
    )
    assert all(not end.code for _, end in results)


async def test_upload_given_up_right_behind_its_start_leaves_the_agent_running(
    link: Link, folder: Path
) -> None:
    for _ in range(30):
        stream = await link.open(write_file=WriteFile(path="given-up"))
        await stream.send(cancel=Cancel())
        assert (await stream.end()).code == "cancelled"
    assert (await write(link, "kept", b"kept"))[0].size == 4
    await eventually(lambda: os.listdir(folder) == ["kept"])


async def test_a_link_does_not_hide_that_the_target_is_inside_the_source(
    link: Link, folder: Path
) -> None:
    (folder / "dir/below").mkdir(parents=True)
    (folder / "dir/below/kept").write_text("kept")
    (folder / "link").symlink_to("dir")
    for target in ("link/below", "link/new", "dir/below"):
        for request in (
            {"copy_file": CopyFile(source="dir", target=target, overwrite=True)},
            {"move_file": MoveFile(source="dir", target=target, overwrite=True)},
        ):
            _, end = await link.answer(**request)
            assert (end.code, end.field) == ("invalid_argument", "to")
    assert (folder / "dir/below/kept").read_text() == "kept"
    assert os.listdir(folder / "dir") == ["below"]


async def test_move_that_fails_puts_back_what_it_would_have_replaced(
    link: Link, folder: Path
) -> None:
    (folder / "dir").mkdir()
    (folder / "dir/kept").write_text("kept")
    _, end = await link.answer(move_file=MoveFile(source="dir/kept", target="dir", overwrite=True))
    assert end.code
    assert (folder / "dir/kept").read_text() == "kept"
    assert os.listdir(folder) == ["dir"]
