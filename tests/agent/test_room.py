"""How much an operation may still write."""

import os
from pathlib import Path

import pytest

from agent.errors import Refused
from agent.files.context import Room
from agent.files.holding import MARKER, held_bytes


def test_what_is_younger_than_the_container_counts(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"x" * 100_000)
    assert held_bytes(str(tmp_path)) == 0
    (tmp_path / MARKER).touch()
    os.utime(tmp_path / MARKER)
    before = held_bytes(str(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/file").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "own/file", tmp_path / "own/same")
    os.utime(tmp_path / "own/file", (0, 0))
    assert 100_000 <= held_bytes(str(tmp_path)) - before < 150_000


def test_what_the_disk_holds_takes_from_the_room(tmp_path: Path) -> None:
    room = Room(1000, held=lambda: 700)
    room.expect(300, str(tmp_path))
    with pytest.raises(Refused) as refused:
        room.expect(301, str(tmp_path))
    assert refused.value.code == "disk_full"


def test_it_is_looked_up_only_for_more_than_an_eighth_and_once() -> None:
    looks: list[int] = []

    def held() -> int:
        looks.append(1)
        return 700 + 100  # 100 of it are what was taken before

    room = Room(1000, held)
    room.take(100)
    assert not looks
    room.take(200)
    assert looks == [1]
    with pytest.raises(Refused):
        room.take(1)
    assert looks == [1]
