"""Names, and where they lead."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Refused
from agent.files.confinement import Confinement
from agent.files.paths import escape, unescape

path_bytes = st.binary(min_size=1).filter(lambda raw: 0 not in raw)


@given(path_bytes)
def test_any_name_survives_being_written(raw: bytes) -> None:
    written = escape(os.fsdecode(raw))
    written.encode()
    assert os.fsencode(unescape(written)) == raw


@pytest.mark.parametrize("bad", ["", "a\0", "\\x00"])
def test_bad_names(bad: str) -> None:
    with pytest.raises(Refused):
        unescape(bad)


names = st.sampled_from(["a", "b", "c", ".", "..", ""])
targets = st.lists(names, min_size=1, max_size=4).map("/".join)
safe = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(links=st.dictionaries(safe, targets, max_size=4), entries=st.lists(safe, max_size=4))
@settings(max_examples=300, deadline=None)
def test_what_is_accepted_stays_inside_by_the_kernels_own_judgement(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, str], entries: list[str]
) -> None:
    confinement = Confinement(lambda _: None)
    try:
        for name, target in links.items():
            confinement.add(name, target)
        for name in entries:
            confinement.add(name)
        confinement.check()
    except Refused:
        return
    top = tmp_path_factory.mktemp("top") / "into"
    top.mkdir()
    for name, target in links.items():
        write(top, name, lambda path, target=target: os.symlink(target or ".", path))
    for name in entries:
        write(top, name, lambda path: path.write_text("x"))
    assert os.listdir(top.parent) == ["into"]
    for name in links:
        assert (top / name).resolve().is_relative_to(top)


def write(top: Path, name: str, action: object) -> None:
    path = top / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            action(path)  # type: ignore[operator]
    except (OSError, RuntimeError):
        return  # in the way of one another, or a loop: nothing is written then


def test_links_that_are_there_already_count() -> None:
    there = {"out": "..", "in": "sub", "abs": "/etc"}
    for name in ("out/x", "abs/x"):
        confinement = Confinement(there.get)
        confinement.add(name)
        with pytest.raises(Refused):
            confinement.check()
    confinement = Confinement(there.get)
    confinement.add("in/x")
    confinement.check()
