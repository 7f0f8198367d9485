"""A file or directory as a tar.gz, streamed."""

from __future__ import annotations

import os
import stat
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from agent.files.channel import Channel
    from agent.files.context import Context
    from agent.schema import ReadArchive

_GZIP_WINDOW = 31
_LEVEL = 1
"""The network inside one host is faster than any better level."""


def read_archive(request: ReadArchive, context: Context) -> None:
    """Data, entries relative to the path; a file is the only entry of its archive."""
    import tarfile  # expensive; this process needs it, the agent never does

    # Names of owners come from nobody: the C library would load what the image tells it to.
    tarfile.pwd = tarfile.grp = None  # type: ignore[attr-defined]
    top = context.path(request.path)
    os.stat(top)
    writer: Any = GzipWriter(context.channel)
    with tarfile.open(mode="w|", fileobj=writer, format=tarfile.PAX_FORMAT) as archive:
        for path, name in _entries(top):
            _add(archive, path, name)
    writer.close()


class GzipWriter:
    """The part of a file that tarfile writes to."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def write(self, data: bytes) -> int:
        """Compress and send."""
        if packed := self._compressor.compress(data):
            self._channel.data(packed)
        return len(data)

    def close(self) -> None:
        """Send the rest and the end."""
        self._channel.data(self._compressor.flush())
        self._channel.fin()


class Exactly:
    """A file that is as long as was announced: cut when it has grown, padded when it has shrunk."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, count: int = 0, /) -> bytes:
        """``count`` bytes, fewer only at the announced end."""
        count = min(count, self._left)
        self._left -= count
        return self._file.read(count).ljust(count, b"\0")


def _entries(top: str) -> Iterator[tuple[str, str]]:
    if not os.path.isdir(top):
        yield top, os.path.basename(top)
        return
    for folder, names, files in os.walk(top, onerror=_raise):
        names.sort()
        for name in sorted(files + names):
            path = os.path.join(folder, name)
            yield path, os.path.relpath(path, top)


def _add(archive: tarfile.TarFile, path: str, name: str) -> None:
    try:
        info: tarfile.TarInfo | None = archive.gettarinfo(path, name)
    except FileNotFoundError:
        return  # it was there a moment ago
    if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        return
    if not info.isreg():
        archive.addfile(info)
        return
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            archive.addfile(info, Exactly(file, info.size))


def _raise(error: OSError) -> None:
    raise error
