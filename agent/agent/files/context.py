"""What a file operation works with, inside its own process."""

from __future__ import annotations

import os
import stat

from agent.errors import Refused
from agent.files.holding import held_bytes
from agent.files.paths import escape, unescape
from agent.schema import FileInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.files.channel import Channel
    from agent.users import Users

    Job = Callable[[Any, "Context"], None]

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}
_FREE_RESERVE = 64 << 10


class Context:
    """``folder`` is what relative paths start from."""

    def __init__(self, channel: Channel, users: Users, folder: str) -> None:
        self.channel = channel
        self._users, self._folder = users, folder
        self._names: tuple[dict[int, str], dict[int, str]] | None = None

    def path(self, text: str, field: str = "path") -> str:
        """Absolute and normalized, links not followed. Raises Refused."""
        return os.path.normpath(os.path.join(self._folder, unescape(text, field)))

    def inform(self, path: str, status: os.stat_result | None = None) -> FileInfo:
        """What is at a path, a link not followed. Raises OSError."""
        status = status or os.lstat(path)
        users, groups = self._owners()
        kind = TYPES.get(stat.S_IFMT(status.st_mode), "other")
        return FileInfo(
            name=escape(os.path.basename(path) or "/"),
            path=escape(path),
            type=kind,
            size=status.st_size,
            mode=stat.S_IMODE(status.st_mode),
            owner=users.get(status.st_uid) or str(status.st_uid),
            group=groups.get(status.st_gid) or str(status.st_gid),
            modified_at_ns=max(0, status.st_mtime_ns),
            target=escape(os.readlink(path)) if kind == "symlink" else "",
            inode=status.st_ino,
        )

    def answer(self, path: str) -> None:
        """Send what is at the path now."""
        self.channel.send(file=self.inform(path))

    def _owners(self) -> tuple[dict[int, str], dict[int, str]]:
        if self._names is None:
            self._names = self._users.user_names(), self._users.group_names()
        return self._names


class Room:
    """How much may still be written; 0 is no limit but the disk's own.

    What the disk holds already is looked up once more than an eighth of the limit is asked for:
    it takes longer than to write a small file.
    """

    def __init__(self, limit: int, held: Callable[[], int] | None = None) -> None:
        self._limit = limit
        self._used = 0
        self._held = 0
        # Elsewhere than in a sandbox of its own the agent does not know what is whose.
        self._look: Callable[[], int] | None = held or (held_bytes if os.getppid() == 1 else None)

    def take(self, count: int) -> None:
        """Raises Refused when that is too much."""
        self._check(count)
        self._used += count

    def expect(self, count: int, folder: str) -> None:
        """Refuse early what cannot fit."""
        self._check(count)
        disk = os.statvfs(folder)
        if disk.f_blocks and count > disk.f_bavail * disk.f_frsize + _FREE_RESERVE:
            raise Refused("disk_full", "the disk is full")

    def _check(self, count: int) -> None:
        if not self._limit:
            return
        wanted = self._used + count
        if self._look is not None and wanted > self._limit // 8:
            self._held, self._look = max(0, self._look() - self._used), None
        if self._held + wanted > self._limit:
            raise Refused("disk_full", "the sandbox's disk limit is reached")
