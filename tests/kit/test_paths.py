"""Paths of endpoints: literals, parameters, and what is nobody's."""

import pytest

from kit.paths import Paths


@pytest.fixture
def paths() -> Paths[str]:
    found: Paths[str] = Paths()
    for path in ("/things", "/things/new", "/things/{id}", "/things/{thing}/parts/{part}"):
        found.add(path, path)
    return found


@pytest.mark.parametrize(
    ("path", "value", "parameters"),
    [
        ("/things", "/things", {}),
        ("/things/new", "/things/new", {}),
        ("/things/a b", "/things/{id}", {"id": "a b"}),
        ("/things/1/parts/2", "/things/{thing}/parts/{part}", {"thing": "1", "part": "2"}),
    ],
)
def test_finds_a_value_and_its_parameters(
    paths: Paths[str], path: str, value: str, parameters: dict[str, str]
) -> None:
    assert paths.find(path) == (value, parameters)


@pytest.mark.parametrize(
    "path", ["", "/", "/thing", "/things/", "/things//parts/2", "/things/1/parts", "/things/1/2"]
)
def test_finds_nothing_at_any_other_path(paths: Paths[str], path: str) -> None:
    assert paths.find(path) is None
