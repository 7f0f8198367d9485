import tarfile
from pathlib import Path

import pytest

from insien import Client, Conflict, NotFound, Sandbox


@pytest.fixture
def sandbox(client: Client) -> Sandbox:
    return client.create()


def test_text_and_bytes_go_in_and_out(sandbox: Sandbox) -> None:
    sandbox.files.write("a/b.txt", "grün", mode="0600")
    assert sandbox.files.read_text("a/b.txt") == "grün"
    sandbox.files.write("raw", b"\xff\x00")
    assert sandbox.files.read("raw") == b"\xff\x00"
    stat = sandbox.files.stat("a/b.txt")
    assert (stat.name, stat.type, stat.size, stat.mode) == ("b.txt", "file", 5, "0600")
    with pytest.raises(NotFound):
        sandbox.files.read("nothing")


def test_large_files_are_streamed(sandbox: Sandbox, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 8192)
    sandbox.files.upload(source, "large")
    sandbox.files.download("large", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_the_tree_is_changed(sandbox: Sandbox) -> None:
    files = sandbox.files
    files.mkdir("d/e")
    files.write("d/one", "1")
    files.copy("d/one", "d/two")
    files.move("d/one", "d/three")
    files.chmod("d/two", "0755")
    assert [entry.name for entry in files.list("d")] == ["e", "three", "two"]
    assert files.stat("d/two").mode == "0755"
    with pytest.raises(Conflict):
        files.copy("d/two", "d/three")
    files.copy("d/two", "d/three", overwrite=True)
    with pytest.raises(Conflict):
        files.remove("d")
    files.remove("d/two")
    files.remove("d", recursive=True)
    files.mkdir("flat", parents=False, mode="0700")
    assert [entry.name for entry in files.list("")] == ["flat"]


def test_archives_go_out_and_in(sandbox: Sandbox, tmp_path: Path) -> None:
    archive = tmp_path / "out.tar.gz"
    sandbox.files.write("from/x", "x")
    sandbox.files.archive("from", archive)
    with tarfile.open(archive) as tar:
        assert "./x" in tar.getnames()
    sandbox.files.mkdir("into")
    sandbox.files.unpack(archive, "into")
    assert sandbox.files.read_text("into/x") == "x"
