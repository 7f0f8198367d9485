"""A call as the arguments that httpx takes, but for its body."""

from pathlib import Path
from typing import Any

import httpx

from insien.core.call import Call

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 60.0
POOL_SECONDS = 60.0
PIECE_BYTES = 256 * 1024
"""Files are read and written in pieces of this size."""


def arguments(call: Call[Any]) -> dict[str, Any]:
    """For `build_request` of either httpx client; `content` is the caller's to add."""
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params) or None,
        "json": call.json,
        "headers": dict(call.headers) | _length(call.content),
        "timeout": httpx.Timeout(
            connect=CONNECT_SECONDS,
            read=call.read_seconds,
            write=WRITE_SECONDS,
            pool=POOL_SECONDS,
        ),
    }


def _length(content: bytes | Path | None) -> dict[str, str]:
    """The header that spares a streamed file the chunked encoding."""
    return {"Content-Length": str(content.stat().st_size)} if isinstance(content, Path) else {}
