"""`/sandbox/{id}/files…`."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kit.endpoint import Call
from wire.agent.v1.agent_pb2 import (
    ChangeMode,
    CopyFile,
    FileInfo,
    MakeDirectory,
    MoveFile,
    Open,
    ReadArchive,
    RemoveFile,
    WriteArchive,
    WriteFile,
)
from ws_hub import files, ranges, sse
from ws_hub.command_models import Done
from ws_hub.errors import IsADirectory
from ws_hub.file_models import FileAnswer, ListAnswer, bits, view
from ws_hub.routes.commands import board

GZIP = "application/gzip"
BYTES = "application/octet-stream"


def etag(info: FileInfo) -> str:
    """Changes whenever the contents may have."""
    return f'"{info.inode:x}-{info.size:x}-{info.modified_at_ns:x}"'


async def download(call: Call) -> Response:
    """GET …/files"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = call.request
    part = None
    if request.method == "HEAD" or "range" in request.headers:
        info = await files.stat(hub.calls, sandbox.sandbox_id, call.query.path)
        if info.type == "directory":
            raise IsADirectory("This is a directory; its archive can be downloaded.")
        if _unchanged(request, info):
            return Response(None, 304, {"ETag": etag(info)})
        if request.headers.get("if-range", etag(info)) == etag(info):
            part = ranges.parse(request.headers.get("range"), info.size)
        if request.method == "HEAD":
            return Response(None, 206 if part else 200, _headers(info, part), BYTES)
    offset, length = part or (0, 0)
    found = await files.read(hub.calls, sandbox.sandbox_id, call.query.path, offset, length)
    info = found.info or FileInfo()
    if _unchanged(request, info):
        found.close()
        return Response(None, 304, {"ETag": etag(info)})
    headers = _headers(info, part)
    if part is None and info.size == 0:
        del headers["Content-Length"]  # Files of /proc say 0 and hold more.
        return StreamingResponse(found.chunks(), 200, headers, BYTES)
    limit = part[1] if part else info.size
    return StreamingResponse(found.chunks(limit), 206 if part else 200, headers, BYTES)


def _unchanged(request: Request, info: FileInfo) -> bool:
    """The caller has this already: `If-None-Match` by weak comparison (RFC 9110 §13.1.2)."""
    asked = ",".join(request.headers.getlist("if-none-match"))
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return etag(info) in tags or "*" in tags


def _headers(info: FileInfo, part: tuple[int, int] | None) -> dict[str, str]:
    headers = {"ETag": etag(info), "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    headers["Content-Length"] = str(part[1] if part else info.size)
    if part:
        first, length = part
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{info.size}"
    return headers


async def upload(call: Call) -> FileAnswer:
    """PUT …/files"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    declared = call.request.headers.get("content-length", "")
    request = WriteFile(
        path=call.query.path,
        mode=bits(call.query.mode),
        size=int(declared) if declared.isdigit() else 0,
        room_bytes=sandbox.room_bytes,
    )
    source = call.request.stream()
    info = await files.upload(hub.calls, sandbox.sandbox_id, Open(write_file=request), source)
    if info is None:
        info = await files.stat(hub.calls, sandbox.sandbox_id, call.query.path)
    return FileAnswer(file=view(info))


async def remove(call: Call) -> Done:
    """DELETE …/files"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = RemoveFile(path=call.query.path, recursive=call.query.recursive)
    await hub.calls.ask(sandbox.sandbox_id, Open(remove_file=request), repeat=False)
    return Done()


async def stat(call: Call) -> FileAnswer:
    """GET …/files/stat"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    return FileAnswer(file=view(await files.stat(hub.calls, sandbox.sandbox_id, call.query.path)))


async def list_entries(call: Call) -> ListAnswer:
    """GET …/files/list"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    path = call.query.path
    found, cut = await files.entries(hub.calls, sandbox.sandbox_id, path, call.query.depth)
    return ListAnswer(path=path, entries=[view(info) for info in found], truncated=cut)


async def make_directory(call: Call) -> FileAnswer:
    """POST …/files/mkdir"""
    body = call.body
    request = MakeDirectory(path=body.path, parents=body.parents, mode=bits(body.mode))
    return await _change(call, Open(make_directory=request))


async def move(call: Call) -> FileAnswer:
    """POST …/files/move"""
    body = call.body
    request = MoveFile(source=body.source, target=body.target, overwrite=body.overwrite)
    return await _change(call, Open(move_file=request))


async def copy(call: Call) -> FileAnswer:
    """POST …/files/copy"""
    body = call.body
    request = CopyFile(source=body.source, target=body.target, overwrite=body.overwrite)
    return await _change(call, Open(copy_file=request))


async def change_mode(call: Call) -> FileAnswer:
    """POST …/files/chmod"""
    request = ChangeMode(path=call.body.path, mode=bits(call.body.mode))
    return await _change(call, Open(change_mode=request))


async def _change(call: Call, request: Open) -> FileAnswer:
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    if request.HasField("copy_file"):
        request.copy_file.room_bytes = sandbox.room_bytes
    return FileAnswer(file=view(await files.one(hub.calls, sandbox.sandbox_id, request)))


async def watch(call: Call) -> Response:
    """GET …/files/watch"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    query = call.query
    found = files.Watch(hub.calls, sandbox.sandbox_id, query.path, query.recursive)
    await found.start()
    return sse.response(_events(found))


async def _events(found: files.Watch) -> AsyncIterator[bytes]:
    async def next_event() -> bytes | None:
        event = await found.recv()
        if event is None:
            return None
        fields = {"path": event.path} | ({"newPath": event.new_path} if event.new_path else {})
        return sse.event(event.type, fields)

    try:
        async for item in sse.with_pings(next_event):
            yield item
    finally:
        found.close()


async def pack(call: Call) -> Response:
    """GET …/files/archive"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = Open(read_archive=ReadArchive(path=call.query.path))
    found = await files.download(hub.calls, sandbox.sandbox_id, request)
    return StreamingResponse(found.chunks(), 200, {"Cache-Control": "no-store"}, GZIP)


async def unpack(call: Call) -> Done:
    """PUT …/files/archive"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = WriteArchive(path=call.query.path, room_bytes=sandbox.room_bytes)
    source = call.request.stream()
    await files.upload(hub.calls, sandbox.sandbox_id, Open(write_archive=request), source)
    return Done()
