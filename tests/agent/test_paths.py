"""Names as they are written in the protocol."""

import pytest

from agent.errors import Refused
from agent.files.paths import escape, unescape


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (b"plain", "plain"),
        ("ü \n".encode(), "ü \n"),
        (b"a\\b", "a\\b"),
        (b"a\\", "a\\"),
        (b"a\\\\b", "a\\\\\\\\b"),
        (b"a\\x41", "a\\\\x41"),
        (b"a\\x00", "a\\\\x00"),
        (b"a\\xyz", "a\\xyz"),
        (b"\xff", "\\xff"),
        (b"\\\xff", "\\\\\\xff"),
    ],
)
def test_every_name_is_written_as_it_is_where_it_can_be_and_read_back(
    name: bytes, written: str
) -> None:
    path = name.decode("utf-8", "surrogateescape")
    assert escape(path) == written
    assert unescape(written) == path


@pytest.mark.parametrize("text", ["", "a\0b", "a\\x00b"])
def test_what_no_file_can_be_called_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        unescape(text)
