"""Unpacking an uploaded tar or tar.gz: spooled to disk, looked at as a whole, then written."""

from __future__ import annotations

import os
import zlib

from agent.errors import Refused
from agent.files.channel import PIECE_BYTES
from agent.files.confinement import Confinement, split
from agent.files.content import write_all
from agent.files.context import Room
from agent.files.temporary import Temporary, is_folder, make_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from agent.files.context import Context
    from agent.schema import WriteArchive

ENTRY_LIMIT = 1_000_000
_MEMORY_BYTES = 1 << 30
"""Headers may claim any size, and are read into memory."""


def write_archive(request: WriteArchive, context: Context) -> None:
    """No answer but the end."""
    import resource  # as expensive as tarfile below, and as rarely needed

    resource.setrlimit(
        resource.RLIMIT_AS, (_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1])
    )
    top = os.path.realpath(context.path(request.path))
    if os.path.lexists(top) and not is_folder(top):
        raise Refused("not_a_directory", "something else is there")
    room = Room(request.room_bytes)
    with Temporary(context, os.path.join(_spool_folder(top), "spool")) as spool:
        _receive(spool.path, context, room)
        size = _check(spool.path, top)
        room = Room(request.room_bytes)
        room.expect(size, os.path.dirname(spool.path))
        make_parents(os.path.join(top, "entry"))
        _unpack(spool.path, top)


def _spool_folder(top: str) -> str:
    """The nearest folder on the same disk that we may write to."""
    folder = top
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return next((each for each in (folder, "/tmp") if os.access(each, os.W_OK)), folder)


def _receive(path: str, context: Context, room: Room) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for piece in context.channel.received():
            room.take(len(piece))
            write_all(fd, piece)
    finally:
        os.close(fd)


def _check(spool: str, top: str) -> int:
    """Bytes that the archive holds. Raises Refused."""
    confinement = Confinement(lambda name: _read_link(os.path.join(top, name)))
    size = 0
    for _, entry in _entries(spool):
        confinement.add(entry.name, entry.linkname if entry.issym() else None)
        if entry.islnk():
            confinement.inside(entry.linkname)
        size += entry.size if entry.isreg() else 0
    confinement.check()
    return size


def _entries(spool: str) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    import tarfile

    try:
        with open(spool, "rb") as file:
            gzip = file.read(2) == b"\x1f\x8b"
        with tarfile.open(spool, "r:gz" if gzip else "r:") as archive:
            count = 0
            while (entry := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would remember every entry
                count += 1
                if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
                    raise Refused("invalid_argument", "devices and pipes are refused", "archive")
                if count > ENTRY_LIMIT:
                    raise Refused("too_many", f"more than {ENTRY_LIMIT} entries")
                yield archive, entry
    except (tarfile.TarError, zlib.error, EOFError, MemoryError, UnicodeError, ValueError) as error:
        raise Refused("invalid_argument", "not a tar or tar.gz archive", "archive") from error
    except OSError as error:
        if error.errno is None:  # gzip's complaints carry no number
            raise Refused("invalid_argument", "not a tar.gz archive", "archive") from error
        raise


def _unpack(spool: str, top: str) -> None:
    folders: list[tuple[str, int]] = []
    for archive, entry in _entries(spool):
        path = os.path.join(top, *split(entry.name))
        if path == top:
            continue
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        if entry.isdir():
            if not is_folder(path):
                _clear(path)
                os.mkdir(path, 0o755)
            folders.append((path, entry.mode & 0o777 | 0o700))
            continue
        _clear(path)
        if entry.issym():
            os.symlink(entry.linkname, path)
        elif entry.islnk():
            os.link(os.path.join(top, *split(entry.linkname)), path, follow_symlinks=False)
        else:
            _write(archive, entry, path)
    for path, mode in reversed(folders):
        os.chmod(path, mode)


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> None:
    source = archive.extractfile(entry)
    assert source is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        while piece := source.read(PIECE_BYTES):
            write_all(fd, piece)
        os.fchmod(fd, entry.mode & 0o777)
        os.utime(fd, (entry.mtime, entry.mtime))
    finally:
        os.close(fd)


def _clear(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)  # a directory in a file's place is an error: it is not ours to remove


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
