"""inotify(7) through the C library: Python has no call for it."""

from __future__ import annotations

import ctypes
import os
import struct

ACCESS_MODIFY, ACCESS_CLOSE_WRITE = 0x2, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF, UNMOUNT, OVERFLOW, IGNORED = 0x400, 0x800, 0x2000, 0x4000, 0x8000
IS_DIRECTORY = 0x40000000
_ONLY_DIRECTORY, _DONT_FOLLOW = 0x01000000, 0x02000000
WANTED = (
    ACCESS_MODIFY | ACCESS_CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE
    | DELETE_SELF | MOVE_SELF | _ONLY_DIRECTORY
)  # fmt: skip
_HEADER = struct.Struct("iIII")
_READ_BYTES = 64 << 10


class Event:
    """One record; ``name`` is relative to the watched directory."""

    __slots__ = ("cookie", "mask", "name", "watch")

    def __init__(self, watch: int, mask: int, cookie: int, name: str) -> None:
        self.watch, self.mask, self.cookie, self.name = watch, mask, cookie, name


class Inotify:
    """Watches directories. Raises OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_CLOEXEC))

    def add(self, folder: str) -> int:
        """The number of the watch; the same again for the same directory."""
        path = os.fsencode(folder)
        return self._checked(self._libc.inotify_add_watch(self._fd, path, WANTED))

    def read(self) -> list[Event]:
        """What has happened; waits for it."""
        data = os.read(self._fd, _READ_BYTES)
        events, at = [], 0
        while at < len(data):
            watch, mask, cookie, length = _HEADER.unpack_from(data, at)
            at += _HEADER.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            events.append(Event(watch, mask, cookie, name))
        return events

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
