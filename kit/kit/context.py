"""What belongs to the request that is being served: its id and its trace context."""

import random
import re
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# https://www.w3.org/TR/trace-context/#traceparent-header, version 00; all-zero ids are invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


# Ids are unique, not secret: no system call for each.
_random = random.Random(random.SystemRandom().getrandbits(256))


def _hex(digits: int) -> str:
    return f"{_random.getrandbits(4 * digits) or 1:0{digits}x}"


def request_id() -> str:
    """Id of the request being served, or an empty string."""
    return _request_id.get()


def traceparent() -> str:
    """W3C trace context of the request being served, or an empty string."""
    return _traceparent.get()


def accept_request_id(value: str | None) -> str:
    """The caller's own id if it is well formed, else a new one; remembered for this context."""
    chosen = value if value and _REQUEST_ID.fullmatch(value) else _hex(32)
    _request_id.set(chosen)
    return chosen


def accept_traceparent(value: str | None) -> str:
    """The caller's trace continued by a new span, or a new trace when it is missing or invalid."""
    span = _hex(16)
    if value and _TRACEPARENT.fullmatch(value):
        chosen = f"{value[:36]}{span}{value[52:]}"
    else:
        chosen = f"00-{_hex(32)}-{span}-00"
    _traceparent.set(chosen)
    return chosen
