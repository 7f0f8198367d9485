"""Files through the whole chain."""

import hashlib
import tarfile
from pathlib import Path

import httpx
import pytest

from insien import Conflict, NotFound, Sandbox

PIECE = hashlib.sha256(b"insien").digest() * 32_768
PIECES = 64


def test_64_mebibytes_go_up_and_come_back(box: Sandbox, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for number in range(PIECES):
            piece = number.to_bytes(4, "big") + PIECE[4:]
            digest.update(piece)
            file.write(piece)
    assert source.stat().st_size == 64 * 2**20
    box.files.upload(source, "big")
    assert box.run("sha256sum big").stdout.split()[0] == digest.hexdigest()
    box.files.download("big", target)
    with target.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest.hexdigest()
    box.files.remove("big")


def test_parts_of_a_file_and_unchanged_ones(api: httpx.Client, box: Sandbox) -> None:
    box.files.write("range", "0123456789")
    url, path = f"/sandbox/{box.id}/files", {"path": "range"}
    part = api.get(url, params=path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.text) == (206, "234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert api.get(url, params=path, headers={"Range": "bytes=-3"}).text == "789"
    assert api.get(url, params=path, headers={"Range": "bytes=50-"}).status_code == 416
    whole = api.get(url, params=path)
    again = api.get(url, params=path, headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code in {200, 304}


def test_the_tree(box: Sandbox) -> None:
    files = box.files
    files.write("tree/a/one", "1", mode="0600")
    stat = files.stat("tree/a/one")
    assert (stat.size, stat.mode, stat.owner, stat.type) == (1, "0600", "user", "file")
    files.copy("tree/a", "tree/b")
    files.move("tree/b/one", "tree/two")
    files.chmod("tree/two", "0755")
    files.mkdir("tree/c")
    assert [entry.name for entry in files.list("tree")] == ["a", "b", "c", "two"]
    assert {entry.name for entry in files.list("tree", depth=2)} >= {"a", "one", "two"}
    assert files.read_text("tree/two") == "1"
    with pytest.raises(Conflict):
        files.remove("tree")
    files.remove("tree", recursive=True)
    with pytest.raises(NotFound):
        files.stat("tree")


@pytest.mark.parametrize("name", ["with space", "grün-✓", "100%", "a+b&c=d", "quote'\"", "#?"])
def test_any_name(box: Sandbox, name: str) -> None:
    box.files.write(f"names/{name}", name)
    assert box.files.read_text(f"names/{name}") == name
    assert name in [entry.name for entry in box.files.list("names")]


def test_archives(box: Sandbox, tmp_path: Path) -> None:
    archive = tmp_path / "out.tar.gz"
    box.files.write("packed/dir/x", "x")
    box.files.archive("packed", archive)
    with tarfile.open(archive) as tar:
        assert {name.removeprefix("./") for name in tar.getnames()} >= {"dir", "dir/x"}
    box.files.mkdir("unpacked")
    box.files.unpack(archive, "unpacked")
    assert box.files.read_text("unpacked/dir/x") == "x"


def test_the_programs_in_the_sandbox_see_the_same_files(box: Sandbox) -> None:
    box.files.write("/tmp/seen", "by both\n")
    assert box.run("cat /tmp/seen; echo back > /tmp/back").stdout == "by both\n"
    assert box.files.read_text("/tmp/back") == "back\n"
