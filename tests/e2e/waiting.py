"""Waiting for what must become true."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_SECONDS = 0.05


def eventually(look: Callable[[], T], seconds: float = 30.0) -> T:
    """The first true value that `look` gives; fails with the last one after the bound."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(STEP_SECONDS)
