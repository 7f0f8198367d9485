"""The story that `make demo` tells, in every template it is written for."""

import pytest

from infra.demo.dialect import DIALECTS
from infra.demo.rows import ROWS, rows, summary, table
from infra.demo.story import Mismatch, People, expect, story
from tests.e2e.people import somebody
from tests.e2e.stack import Stack


@pytest.mark.parametrize("template", DIALECTS)
def test_the_first_five_minutes_of_a_new_user(stack: Stack, template: str) -> None:
    told: list[str] = []
    with somebody(stack).client() as user, somebody(stack).client() as stranger:
        story(People(user, stranger), DIALECTS[template], lambda done, _: told.append(done))
    assert told[0] == f"create a sandbox from {template!r}"
    assert told[-1] == "destroy"
    assert len(told) == 11


def test_the_rows_are_the_same_every_time() -> None:
    assert table() == table()
    assert table().count(b"\n") == ROWS + 1
    assert sum(int(line.split(b",")[1]) for line in summary().splitlines()[1:]) == ROWS
    assert len({cents for _, _, cents in rows()}) > 50_000


def test_a_story_that_goes_wrong_is_told() -> None:
    with pytest.raises(Mismatch, match="1 instead of 2"):
        expect(1, 2)
