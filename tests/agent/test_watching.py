"""Watching through a real agent."""

from pathlib import Path

from tests.agent.hub import Link, Stream
from wire.agent.v1.agent_pb2 import Cancel, CopyFile, WatchFiles, WriteFile

Event = tuple[str, str, str]


async def watch(link: Link, path: str, recursive: bool = False) -> Stream:
    stream = await link.open(watch_files=WatchFiles(path=path, recursive=recursive))
    assert (await stream.next()).HasField("files")
    return stream


async def events(stream: Stream, folder: Path, last: str) -> list[Event]:
    """Up to the first one that names ``last``."""
    found: list[Event] = []
    while not found or last not in found[-1][1:]:
        event = (await stream.next()).file_event
        names = [
            path and str(Path(path).relative_to(folder)) for path in (event.path, event.new_path)
        ]
        found.append((event.type, names[0], names[1]))
    return found


async def test_changes_in_a_directory(link: Link, folder: Path) -> None:
    (folder / "below").mkdir()
    stream = await watch(link, ".")
    (folder / "a").write_text("x")
    (folder / "a").rename(folder / "b")
    (folder / "below/unseen").touch()
    (folder / "b").unlink()
    (folder / "end").touch()
    found = await events(stream, folder, "end")
    kinds = [event for event in found if event[0] != "modified"]
    assert kinds == [
        ("created", "a", ""),
        ("moved", "a", "b"),
        ("removed", "b", ""),
        ("created", "end", ""),
    ]
    assert ("modified", "a", "") in found
    await stream.send(cancel=Cancel())
    assert (await stream.end()).code == "cancelled"


async def test_new_directories_are_watched_too(link: Link, folder: Path) -> None:
    stream = await watch(link, ".", recursive=True)
    (folder / "x/y").mkdir(parents=True)
    (folder / "x/y/z").touch()
    assert ("created", "x/y/z", "") in await events(stream, folder, "x/y/z")
    (folder / "x").rename(folder / "moved")
    assert ("moved", "x", "moved") in await events(stream, folder, "moved")
    (folder / "moved/y/new").touch()
    assert ("created", "moved/y/new", "") in await events(stream, folder, "moved/y/new")


async def test_a_file_can_be_watched_across_replacement(link: Link, folder: Path) -> None:
    (folder / "file").touch()
    stream = await watch(link, "file")
    (folder / "other").touch()
    (folder / "new").write_text("x")
    (folder / "new").rename(folder / "file")
    assert await events(stream, folder, "file") == [("created", "file", "")]
    (folder / "file").unlink()
    assert await events(stream, folder, "file") == [("removed", "file", "")]


async def test_removed_root_and_missing_path(link: Link, folder: Path) -> None:
    (folder / "dir").mkdir()
    stream = await watch(link, "dir")
    (folder / "dir").rmdir()
    assert await events(stream, folder, "dir") == [("removed", "dir", "")]
    _, end = await link.answer(watch_files=WatchFiles(path="none"))
    assert end.code == "file_not_found"


async def test_watches_are_bounded(link: Link) -> None:
    for _ in range(16):
        await watch(link, ".")
    _, end = await link.answer(watch_files=WatchFiles(path="."))
    assert end.code == "too_many"


async def test_an_upload_or_copy_is_seen_by_its_own_name_only(link: Link, folder: Path) -> None:
    (folder / "tree/below").mkdir(parents=True)
    (folder / "tree/below/file").write_text("x")
    stream = await watch(link, ".", recursive=True)
    for kind in ("created", "modified"):
        upload = await link.open(write_file=WriteFile(path="up"))
        await upload.upload(b"data")
        assert not (await upload.end()).code
        assert await events(stream, folder, "up") == [(kind, "up", "")]
    await link.answer(copy_file=CopyFile(source="tree", target="copy"))
    assert await events(stream, folder, "copy/below/file") == [
        ("created", "copy", ""),
        ("created", "copy/below", ""),
        ("created", "copy/below/file", ""),
    ]
    (folder / "copy/below/later").touch()
    assert ("created", "copy/below/later", "") in await events(stream, folder, "copy/below/later")
