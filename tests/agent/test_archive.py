"""Archives through a real agent."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.agent.hub import Link, output
from wire.agent.v1.agent_pb2 import ReadArchive, WriteArchive

Entry = tuple[str, bytes, str | bytes]


def make(entries: list[Entry], mode: str = "w:gz") -> bytes:
    """A tar of ``(name, type, link or content)``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, value in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o7755
            content = value if isinstance(value, bytes) else b""
            info.size = len(content)
            info.linkname = value if isinstance(value, str) else ""
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


async def unpack(link: Link, data: bytes, path: str = "into", **fields: Any) -> Any:
    stream = await link.open(write_archive=WriteArchive(path=path, **fields))
    await stream.upload(data)
    return await stream.end()


async def pack(link: Link, path: str) -> tarfile.TarFile:
    frames, end = await link.answer(read_archive=ReadArchive(path=path))
    assert not end.code, end
    assert frames[-1].data.fin
    return tarfile.open(fileobj=io.BytesIO(output(frames)), mode="r:gz")


@pytest.mark.parametrize("mode", ["w:gz", "w:"])
async def test_round_trip(link: Link, folder: Path, mode: str) -> None:
    big = os.urandom(3 << 20)
    entries: list[Entry] = [
        ("./dir", tarfile.DIRTYPE, ""),
        ("dir/big", tarfile.REGTYPE, big),
        ("made/on/the/way", tarfile.REGTYPE, b"x"),
        ("dir/link", tarfile.SYMTYPE, "../made/on"),
        ("hard", tarfile.LNKTYPE, "dir/big"),
        ("dir/link/through", tarfile.REGTYPE, b"y"),
    ]
    assert not (await unpack(link, make(entries, mode))).code
    into = folder / "into"
    assert (into / "dir/big").read_bytes() == big
    assert (into / "hard").stat().st_ino == (into / "dir/big").stat().st_ino
    assert (into / "made/on/through").read_bytes() == b"y"
    assert (into / "dir/big").stat().st_mode & 0o7777 == 0o755
    assert os.listdir(folder) == ["into"]
    archive = await pack(link, "into")
    assert archive.getnames() == [
        "dir",
        "hard",
        "made",
        "dir/big",
        "dir/link",
        "made/on",
        "made/on/through",
        "made/on/the",
        "made/on/the/way",
    ] or set(archive.getnames()) >= {"dir/link", "hard", "made/on/the/way"}
    assert archive.getmember("dir/link").linkname == "../made/on"


async def test_a_file_is_the_only_entry_and_odd_things_are_left_out(
    link: Link, folder: Path
) -> None:
    (folder / "file").write_bytes(b"x")
    os.mkfifo(folder / "fifo")
    assert (await pack(link, "file")).getnames() == ["file"]
    assert (await pack(link, ".")).getnames() == ["file"]
    _, end = await link.answer(read_archive=ReadArchive(path="none"))
    assert end.code == "file_not_found"


ESCAPES: list[list[Entry]] = [
    [("../out", tarfile.REGTYPE, b"x")],
    [("/tmp/insien-out", tarfile.REGTYPE, b"x")],
    [("a/../../out", tarfile.REGTYPE, b"x")],
    [("link", tarfile.SYMTYPE, "/etc")],
    [("link", tarfile.SYMTYPE, "..")],
    [("a/link", tarfile.SYMTYPE, "../.."), ("a/link/out", tarfile.REGTYPE, b"x")],
    [("a", tarfile.SYMTYPE, "b/.."), ("b", tarfile.SYMTYPE, "."), ("b2", tarfile.SYMTYPE, "b/..")],
    [("hard", tarfile.LNKTYPE, "../secret")],
    [("hard", tarfile.LNKTYPE, "/etc/passwd")],
    [("there/out", tarfile.REGTYPE, b"x")],
    [("hard", tarfile.LNKTYPE, "there/secret")],
    [("loop", tarfile.SYMTYPE, "loop"), ("loop/x", tarfile.REGTYPE, b"x")],
    [("null", tarfile.CHRTYPE, "")],
    [("fifo", tarfile.FIFOTYPE, "")],
]


@pytest.mark.parametrize("entries", ESCAPES)
async def test_what_would_leave_is_refused_and_nothing_written(
    link: Link, folder: Path, entries: list[Entry]
) -> None:
    (folder / "into").mkdir()
    (folder / "into/there").symlink_to("..")
    (folder / "secret").write_text("x")
    end = await unpack(link, make([("good", tarfile.REGTYPE, b"x"), *entries]))
    assert (end.code, end.field) == ("invalid_argument", "archive")
    assert os.listdir(folder / "into") == ["there"]
    assert sorted(os.listdir(folder)) == ["into", "secret"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive at all" * 100,
        b"\x1f\x8b" + bytes(600),
        make([("a", b"0", b"x" * 999)])[:40],
    ],
)
async def test_nonsense_is_refused(link: Link, folder: Path, data: bytes) -> None:
    assert (await unpack(link, data)).code == "invalid_argument"
    assert os.listdir(folder) == []


async def test_archive_that_does_not_fit_is_refused(link: Link, folder: Path) -> None:
    bomb = make([("zeros", tarfile.REGTYPE, bytes(4 << 20))])
    assert (await unpack(link, bomb, room_bytes=1 << 20)).code == "disk_full"
    assert (await unpack(link, os.urandom(99), room_bytes=9)).code == "disk_full"
    assert os.listdir(folder) == []


async def test_file_in_the_way_of_the_folder(link: Link, folder: Path) -> None:
    (folder / "into").write_text("x")
    assert (await unpack(link, make([]))).code == "not_a_directory"
