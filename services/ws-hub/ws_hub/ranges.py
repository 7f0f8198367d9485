"""`Range` of one part (RFC 9110 §14); several parts and other units are ignored, as it allows."""

import re

from ws_hub.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and length of the part that is asked for; None when the whole is.

    Raises RangeNotSatisfiable when nothing of the part exists.
    """
    match = _ONE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        first, last = size - length, size - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
    if first > last:
        raise RangeNotSatisfiable(
            f"The file has {size} bytes.", headers=[("Content-Range", f"bytes */{size}")]
        )
    return first, last - first + 1
