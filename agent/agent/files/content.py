"""Reading and writing one file."""

from __future__ import annotations

import os
import stat

from agent.errors import Refused
from agent.files.channel import PIECE_BYTES
from agent.files.context import Room
from agent.files.temporary import Temporary, make_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.files.context import Context
    from agent.schema import ReadFile, WriteFile


def read_file(request: ReadFile, context: Context) -> None:
    """FileInfo, then the bytes from ``offset``."""
    path = context.path(request.path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise Refused("is_a_directory", "a directory is there")
        if not stat.S_ISREG(status.st_mode):
            raise Refused("unsupported", "only regular files can be read")
        context.channel.send(file=context.inform(path, status))
        os.lseek(fd, min(request.offset, 1 << 62), os.SEEK_SET)
        left = request.length or 1 << 63
        while left and (piece := os.read(fd, min(left, PIECE_BYTES))):
            context.channel.data(piece)
            left -= len(piece)
        context.channel.fin()
    finally:
        os.close(fd)


def write_file(request: WriteFile, context: Context) -> None:
    """Take the upload into a temporary file, and rename that over the path."""
    path = context.path(request.path)
    if request.path.endswith("/"):
        raise Refused("is_a_directory", "the path names a directory")
    target = os.path.realpath(path)  # a link stays, what it points to is written
    mode = request.mode & 0o7777 or _mode_of(target) or 0o644
    make_parents(target)
    room = Room(request.room_bytes)
    room.expect(request.size, os.path.dirname(target))
    with Temporary(context, target) as temporary:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(temporary.path, flags, 0o600)
        try:
            for piece in context.channel.received():
                room.take(len(piece))
                write_all(fd, piece)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
        temporary.put(overwrite=True)
    context.answer(target)


def write_all(fd: int, data: bytes) -> None:
    """Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _mode_of(target: str) -> int:
    """The mode of the file that will be replaced, 0 when there is none. Raises Refused."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return 0
    if stat.S_ISDIR(status.st_mode):
        raise Refused("is_a_directory", "a directory is there")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("unsupported", "only regular files can be written")
    if not os.access(target, os.W_OK):
        raise Refused("permission_denied", "the file may not be written")
    return stat.S_IMODE(status.st_mode)
