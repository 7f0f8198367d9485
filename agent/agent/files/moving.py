"""Moving, copying and removing."""

from __future__ import annotations

import errno
import os
import stat

from agent.errors import Refused
from agent.files.channel import PIECE_BYTES
from agent.files.context import Room
from agent.files.temporary import Temporary, is_folder, put_aside, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.files.context import Context
    from agent.schema import CopyFile, MoveFile, RemoveFile


def remove_file(request: RemoveFile, context: Context) -> None:
    """No answer but the end."""
    path = context.path(request.path)
    if path == "/":
        raise Refused("invalid_argument", "the root cannot be removed", "path")
    status = os.lstat(path)
    if request.recursive:
        remove(path)
    elif stat.S_ISDIR(status.st_mode):
        os.rmdir(path)
    else:
        os.unlink(path)


def move_file(request: MoveFile, context: Context) -> None:
    """FileInfo of the target."""
    source, target = _ends(request, context)
    if source != target:
        aside = os.path.join(os.path.dirname(target), ".insien-upload-old-" + str(os.getpid()))
        folder = is_folder(source)
        old = put_aside(target, aside, folder, request.overwrite)
        try:
            _rename(source, target, context)
        except BaseException:
            if old:
                os.rename(old, target)
            raise
        if old:
            remove(old)
    context.answer(target)


def _rename(source: str, target: str, context: Context) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, Room(0), (context, True))
        remove(source)


def copy_file(request: CopyFile, context: Context) -> None:
    """FileInfo of the target."""
    source, target = _ends(request, context)
    if source == target:
        raise Refused("invalid_argument", "source and target are the same", "to")
    _copy(source, target, Room(request.room_bytes), (context, request.overwrite))
    context.answer(target)


def _ends(request: MoveFile | CopyFile, context: Context) -> tuple[str, str]:
    source = context.path(request.source, "from")
    target = context.path(request.target, "to")
    os.lstat(source)
    # A link on the way may lead back into the source.
    inside = os.path.join(os.path.realpath(os.path.dirname(target)), "")
    if target != source and inside.startswith(os.path.join(_real(source), "")):
        raise Refused("invalid_argument", "the target is inside the source", "to")
    return source, target


def _real(path: str) -> str:
    """The path without links on the way to it; what it names itself may be one."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _copy(source: str, target: str, room: Room, how: tuple[Context, bool]) -> None:
    context, overwrite = how
    if not overwrite and os.path.lexists(target):
        raise Refused("already_exists", "something is there already")
    with Temporary(context, target) as temporary:
        _copy_tree(source, temporary.path, room)
        temporary.put(overwrite)


def _copy_tree(source: str, target: str, room: Room) -> None:
    """Copy whatever is there; devices, pipes and sockets below are left out."""
    status = os.lstat(source)
    if not stat.S_ISDIR(status.st_mode):
        if not _copy_one(source, target, status, room):
            raise Refused("unsupported", "only files, directories and links can be copied", "from")
        return
    folders = []
    for folder, names, files in os.walk(source, onerror=_raise):
        to = os.path.join(target, os.path.relpath(folder, source)).removesuffix("/.")
        os.mkdir(to, 0o700)
        folders.append((to, os.lstat(folder)))
        for name in files + names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if not stat.S_ISDIR(status.st_mode):
                _copy_one(path, os.path.join(to, name), status, room)
    for to, status in reversed(folders):
        os.chmod(to, stat.S_IMODE(status.st_mode))
        os.utime(to, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_one(source: str, target: str, status: os.stat_result, room: Room) -> bool:
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
        return True
    if not stat.S_ISREG(status.st_mode):
        return False
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    from_fd = os.open(source, flags)
    try:
        to_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while count := os.sendfile(to_fd, from_fd, None, PIECE_BYTES):
                room.take(count)
            os.fchmod(to_fd, stat.S_IMODE(status.st_mode))
            os.utime(to_fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(to_fd)
    finally:
        os.close(from_fd)
    return True


def _raise(error: OSError) -> None:
    raise error
