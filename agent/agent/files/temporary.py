"""Files and trees that come into being under another name and appear at once, or not at all."""

from __future__ import annotations

import binascii
import os
import stat

from agent.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.files.context import Context

PREFIX = ".insien-upload-"
REPLACING = "over-"
"""What follows when the target was there before: a watch tells of a change, not of a creation."""


class Temporary:
    """A name beside ``target``. What is there at the end and was not put in place is removed."""

    def __init__(self, context: Context, target: str) -> None:
        prefix = PREFIX + (REPLACING if os.path.lexists(target) else "")
        name = prefix + binascii.b2a_hex(os.urandom(8)).decode()
        self.path = os.path.join(os.path.dirname(target), name)
        self._target = target
        context.channel.temporary(self.path)

    def __enter__(self) -> Temporary:
        return self

    def __exit__(self, *_: object) -> None:
        remove(self.path)

    def put(self, overwrite: bool) -> None:
        """Give it its name, in place of what has it when that is wanted. Raises Refused."""
        old = put_aside(self._target, self.path + "-old", is_folder(self.path), overwrite)
        os.rename(self.path, self._target)
        if old:
            remove(old)


def put_aside(target: str, aside: str, for_folder: bool, overwrite: bool) -> str:
    """Make way at ``target`` as far as a plain rename does not; where the old thing is now."""
    if not os.path.lexists(target):
        return ""
    if not overwrite:
        raise Refused("already_exists", "something is there already")
    if not for_folder and not is_folder(target):
        return ""
    os.rename(target, aside)
    return aside


def is_folder(path: str) -> bool:
    """Whether a directory, and no link to one, is there."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def remove(path: str) -> None:
    """Remove a file or a directory with all below; what is not there is fine. Raises OSError."""
    if not is_folder(path):
        if os.path.lexists(path):
            os.unlink(path)
        return
    for _, folders, files, fd in os.fwalk(path, topdown=False, onerror=_raise):
        for name in files:
            os.unlink(name, dir_fd=fd)
        for name in folders:
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)
    os.rmdir(path)


def make_parents(path: str) -> None:
    """Make the directories above ``path``. Raises OSError or Refused."""
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, 0o755, exist_ok=True)
    except FileExistsError as error:
        raise Refused("not_a_directory", "a part of the path is no directory") from error


def _raise(error: OSError) -> None:
    raise error
