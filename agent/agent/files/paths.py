"""Names as the protocol writes them: ``\\xNN`` for a byte that is no UTF-8.

A name that could be read as another one has its backslashes twice; every other is written as it
is, and a backslash that begins neither ``\\xNN`` nor ``\\\\`` stands for itself.

Inside the agent a path is a ``str`` with such bytes as surrogates (PEP 383).
"""

from __future__ import annotations

from agent.errors import Refused

_HEX = frozenset("0123456789abcdefABCDEF")


def unescape(text: str, field: str = "path") -> str:
    """The path that is meant. Raises Refused."""
    if not text or "\0" in text:
        raise Refused("invalid_argument", "the path is empty or holds NUL", field)
    if "\\" not in text:
        return text
    out, at = bytearray(), 0
    while (found := text.find("\\", at)) >= 0:
        out += text[at:found].encode()
        digits = text[found + 2 : found + 4]
        if text[found + 1 : found + 2] == "\\":
            out.append(0x5C)
            at = found + 2
        elif text[found + 1 : found + 2] == "x" and len(digits) == 2 and _HEX.issuperset(digits):
            out.append(int(digits, 16))
            at = found + 4
        else:
            out.append(0x5C)
            at = found + 1
    out += text[at:].encode()
    if 0 in out:
        raise Refused("invalid_argument", "the path holds NUL", field)
    return out.decode("utf-8", "surrogateescape")


def escape(path: str) -> str:
    """The path as it is written; the inverse of ``unescape``."""
    if "\\" in path and _is_read_otherwise(path):
        path = path.replace("\\", "\\\\")
    if path.isprintable() or path.isascii():
        return path
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in path)


def _is_read_otherwise(path: str) -> bool:
    if any("\udc80" <= character <= "\udcff" for character in path):
        return True
    try:
        return unescape(path) != path
    except Refused:
        return True
