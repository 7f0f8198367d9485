"""Filling the agent's volume, while sandboxes may be using what is in it."""

from pathlib import Path

import pytest

from infra.compose.agent_volume import fill


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "lib").mkdir(parents=True)
    (folder / "VERSION").write_text("one\n")
    (folder / "lib/agent.py").write_text("old")
    (folder / "link").symlink_to("lib/agent.py")
    return folder


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def test_an_empty_volume_is_filled(bundle: Path, volume: Path) -> None:
    assert fill(bundle, volume)
    assert (volume / "link").readlink() == Path("lib/agent.py")
    assert (volume / "VERSION").read_text() == "one\n"


def test_the_same_version_is_left_alone(bundle: Path, volume: Path) -> None:
    fill(bundle, volume)
    (bundle / "lib/agent.py").write_text("changed without a new version")
    assert not fill(bundle, volume)
    assert (volume / "lib/agent.py").read_text() == "old"


def test_a_file_in_use_stays_what_it_was(bundle: Path, volume: Path) -> None:
    fill(bundle, volume)
    with (volume / "lib/agent.py").open() as in_use:
        (bundle / "lib/agent.py").write_text("new")
        (bundle / "VERSION").write_text("two\n")
        assert fill(bundle, volume)
        assert in_use.read() == "old"
    assert (volume / "lib/agent.py").read_text() == "new"


def test_what_is_no_longer_part_of_it_goes(bundle: Path, volume: Path) -> None:
    fill(bundle, volume)
    (bundle / "link").unlink()
    (bundle / "VERSION").write_text("two\n")
    fill(bundle, volume)
    assert sorted(path.name for path in volume.rglob("*")) == ["VERSION", "agent.py", "lib"]


def test_a_fill_that_was_cut_short_is_begun_again(bundle: Path, volume: Path) -> None:
    fill(bundle, volume)
    (volume / "VERSION").unlink()
    (volume / "lib/agent.py").unlink()
    (volume / "lib/.new-agent.py").write_text("half")
    assert fill(bundle, volume)
    assert (volume / "lib/agent.py").read_text() == "old"
    assert not (volume / "lib/.new-agent.py").exists()
