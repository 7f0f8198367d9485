"""The files of a sandbox. Paths are absolute, or relative to its working directory."""

from pathlib import Path

from insien.core import file_calls
from insien.models import FileInfo
from insien.transport import Transport


class Files:
    def __init__(self, transport: Transport, sandbox_id: str) -> None:
        self._transport = transport
        self._id = sandbox_id

    def read(self, path: str) -> bytes:
        """The whole file in memory; `download` for large ones."""
        return self._transport.send(file_calls.read(self._id, path))

    def read_text(self, path: str) -> str:
        return self.read(path).decode()

    def write(self, path: str, content: str | bytes, *, mode: str | None = None) -> None:
        """Replace the file in one step; directories above it are made. `mode` like "0644"."""
        data = content.encode() if isinstance(content, str) else content
        self._transport.send(file_calls.write(self._id, path, data, mode))

    def upload(self, source: str | Path, target: str, *, mode: str | None = None) -> None:
        """Stream a local file there, of any size, in constant memory."""
        self._transport.send(file_calls.write(self._id, target, Path(source), mode))

    def download(self, source: str, target: str | Path) -> None:
        """Stream a file to a local one, which appears only when it is complete."""
        self._transport.download(file_calls.read(self._id, source), Path(target))

    def stat(self, path: str) -> FileInfo:
        return self._transport.send(file_calls.stat(self._id, path))

    def list(self, path: str = ".", *, depth: int = 1) -> tuple[FileInfo, ...]:
        return self._transport.send(file_calls.entries(self._id, path, depth))

    def mkdir(self, path: str, *, parents: bool = True, mode: str | None = None) -> None:
        self._transport.send(file_calls.mkdir(self._id, path, parents, mode))

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        self._transport.send(file_calls.move(self._id, source, target, overwrite))

    def copy(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Directories with all that is in them."""
        self._transport.send(file_calls.copy(self._id, source, target, overwrite))

    def chmod(self, path: str, mode: str) -> None:
        self._transport.send(file_calls.chmod(self._id, path, mode))

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Conflict when it is a directory with something in it and `recursive` is not said."""
        self._transport.send(file_calls.remove(self._id, path, recursive))

    def archive(self, path: str, target: str | Path) -> None:
        """Stream a directory to a local tar.gz; entries are relative to `path`."""
        self._transport.download(file_calls.archive(self._id, path), Path(target))

    def unpack(self, source: str | Path, path: str) -> None:
        """Stream a local tar or tar.gz into a directory; none or all of its entries."""
        self._transport.send(file_calls.unpack(self._id, path, Path(source)))
