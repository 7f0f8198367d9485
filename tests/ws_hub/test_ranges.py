"""Parts of a file."""

import pytest

from ws_hub import ranges
from ws_hub.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 6)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=2-99", (2, 8)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("lines=0-1", None),
    ],
)
def test_one_part_is_taken_and_everything_else_is_the_whole(
    header: str | None, part: tuple[int, int] | None
) -> None:
    assert ranges.parse(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_part_beyond_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        ranges.parse(header, 10)
    assert caught.value.headers == (("Content-Range", "bytes */10"),)
