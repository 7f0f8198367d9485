"""The files of a sandbox. Paths are absolute, or relative to its working directory."""

from pathlib import Path

from insien.aio.transport import AsyncTransport
from insien.core import file_calls
from insien.models import FileInfo


class AsyncFiles:
    def __init__(self, transport: AsyncTransport, sandbox_id: str) -> None:
        self._transport = transport
        self._id = sandbox_id

    async def read(self, path: str) -> bytes:
        """The whole file in memory; `download` for large ones."""
        return await self._transport.send(file_calls.read(self._id, path))

    async def read_text(self, path: str) -> str:
        return (await self.read(path)).decode()

    async def write(self, path: str, content: str | bytes, *, mode: str | None = None) -> None:
        """Replace the file in one step; directories above it are made. `mode` like "0644"."""
        data = content.encode() if isinstance(content, str) else content
        await self._transport.send(file_calls.write(self._id, path, data, mode))

    async def upload(self, source: str | Path, target: str, *, mode: str | None = None) -> None:
        """Stream a local file there, of any size, in constant memory."""
        await self._transport.send(file_calls.write(self._id, target, Path(source), mode))

    async def download(self, source: str, target: str | Path) -> None:
        """Stream a file to a local one, which appears only when it is complete."""
        await self._transport.download(file_calls.read(self._id, source), Path(target))

    async def stat(self, path: str) -> FileInfo:
        return await self._transport.send(file_calls.stat(self._id, path))

    async def list(self, path: str = ".", *, depth: int = 1) -> tuple[FileInfo, ...]:
        return await self._transport.send(file_calls.entries(self._id, path, depth))

    async def mkdir(self, path: str, *, parents: bool = True, mode: str | None = None) -> None:
        await self._transport.send(file_calls.mkdir(self._id, path, parents, mode))

    async def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        await self._transport.send(file_calls.move(self._id, source, target, overwrite))

    async def copy(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Directories with all that is in them."""
        await self._transport.send(file_calls.copy(self._id, source, target, overwrite))

    async def chmod(self, path: str, mode: str) -> None:
        await self._transport.send(file_calls.chmod(self._id, path, mode))

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Conflict when it is a directory with something in it and `recursive` is not said."""
        await self._transport.send(file_calls.remove(self._id, path, recursive))

    async def archive(self, path: str, target: str | Path) -> None:
        """Stream a directory to a local tar.gz; entries are relative to `path`."""
        await self._transport.download(file_calls.archive(self._id, path), Path(target))

    async def unpack(self, source: str | Path, path: str) -> None:
        """Stream a local tar or tar.gz into a directory; none or all of its entries."""
        await self._transport.send(file_calls.unpack(self._id, path, Path(source)))
