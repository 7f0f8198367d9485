"""Close codes of WebSockets: which may be sent, and what stands for others (RFC 6455, 7.4)."""

_RESERVED = frozenset({1004, 1005, 1006, 1015})
NONE_GIVEN = 1005
LOST = 1006


def sendable(code: int, *, lost: int = 1011) -> int:
    """The code to pass on: 1000 when none was given, `lost` when the connection broke."""
    if code == NONE_GIVEN:
        return 1000
    if code == LOST:
        return lost
    known = 1000 <= code <= 1014 or 3000 <= code <= 4999
    return code if known and code not in _RESERVED else 1000
