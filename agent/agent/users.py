"""Users of the sandbox, from its own /etc/passwd and /etc/group, read by hand.

The C library's lookups would need the image's own modules, and its files belong to the enemy:
they are read without blocking and to a limit.
"""

from __future__ import annotations

import os
import stat

from agent.errors import Refused

_FILE_LIMIT = 1 << 20
_ID_LIMIT = (1 << 32) - 1


class User:
    """Who does something in the sandbox."""

    __slots__ = ("gid", "groups", "home", "name", "shell", "uid")

    def __init__(self, name: str, uid: int, gid: int, home: str = "/", shell: str = "") -> None:
        self.name = name
        self.uid = uid
        self.gid = gid
        self.home = home or "/"
        self.shell = shell or "/bin/sh"
        self.groups: list[int] = []


class Users:
    """``root`` is where etc/passwd is looked for."""

    def __init__(self, root: str = "/") -> None:
        self._passwd = os.path.join(root, "etc/passwd")
        self._group = os.path.join(root, "etc/group")

    def find(self, text: str) -> User | None:
        """The user of that name or number; a number needs no entry."""
        number = _number(text)
        for fields in _lines(self._passwd, 7):
            uid, gid = _number(fields[2]), _number(fields[3])
            if uid is None or gid is None or (uid != number and fields[0] != text):
                continue
            user = User(fields[0], uid, gid, fields[5], fields[6])
            user.groups = self._groups(user)
            return user
        return None if number is None else User(text, number, number)

    def user_names(self) -> dict[int, str]:
        """Names by number."""
        return _names(self._passwd, 7)

    def group_names(self) -> dict[int, str]:
        """Names by number."""
        return _names(self._group, 4)

    def _groups(self, user: User) -> list[int]:
        found = [user.gid]
        for fields in _lines(self._group, 4):
            gid = _number(fields[2])
            if gid is not None and gid not in found and user.name in fields[3].split(","):
                found.append(gid)
        return found[:64]


def become(user: User) -> None:
    """Take the user's place for good, capabilities included. Raises PermissionError."""
    if os.getuid() == user.uid and os.getgid() == user.gid:
        return
    os.setgroups(user.groups)
    os.setgid(user.gid)
    os.setuid(user.uid)


def read_small(path: str) -> bytes:
    """The beginning of a regular file; nothing when it is none or cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, _FILE_LIMIT) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(fd)


def unknown(text: str) -> Refused:
    """The refusal of a user that is not there."""
    return Refused("invalid_argument", f"no user {text[:64]!r} in this sandbox", "user")


def _names(path: str, width: int) -> dict[int, str]:
    names: dict[int, str] = {}
    for fields in _lines(path, width):
        number = _number(fields[2])
        if number is not None:
            names.setdefault(number, fields[0])
    return names


def _lines(path: str, width: int) -> list[list[str]]:
    lines = read_small(path).decode("utf-8", "replace").split("\n")
    rows = [line.split(":") for line in lines]
    return [fields for fields in rows if len(fields) >= width and "\0" not in fields[0]]


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    number = int(text)
    return number if number < _ID_LIMIT else None
