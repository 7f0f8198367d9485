"""Where the time comes from: passed to whoever needs it, so that a test can set it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""The time now, with a time zone."""


def utcnow() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)
