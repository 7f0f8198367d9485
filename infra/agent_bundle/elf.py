"""Read the one thing we need from an ELF file: which dynamic loader it asks for."""

import struct
from pathlib import Path

PT_INTERP = 3


class NotElf(Exception):
    """The file is no 64-bit ELF program with a dynamic loader."""


def interpreter_of(path: Path) -> str:
    """The path in the program header PT_INTERP (System V ABI, chapter 5)."""
    data = path.read_bytes()
    if data[:5] != b"\x7fELF\x02":
        raise NotElf(f"{path} is no 64-bit ELF file")
    order = "<" if data[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}Q", data, 0x20)
    size, count = struct.unpack_from(f"{order}HH", data, 0x36)
    for offset in range(table, table + size * count, size):
        kind, _flags, start, _v, _p, length = struct.unpack_from(f"{order}IIQQQQ", data, offset)
        if kind == PT_INTERP:
            return data[start : start + length].rstrip(b"\0").decode()
    raise NotElf(f"{path} names no dynamic loader")
