"""The requests of a client socket that work on files."""

import base64
import json
import uuid
from typing import Any

from kit.endpoint import Model
from kit.errors import BodyTooLarge, ValidationFailed
from kit.parse import check
from wire.agent.v1.agent_pb2 import MakeDirectory, MoveFile, Open, RemoveFile, WriteFile
from ws_hub import files
from ws_hub.client_commands import MAX_FRAME_BYTES, done
from ws_hub.client_models import PathFrame, UnwatchFrame, WatchFrame, WriteFrame
from ws_hub.client_session import ClientSession, Request, Respond
from ws_hub.command_models import decode
from ws_hub.file_models import (
    FileView,
    ListQuery,
    MakeDirectoryBody,
    RemoveQuery,
    TransferBody,
    bits,
    view,
)

READ_BYTES = 700 * 1024
"""A file that one frame can carry in base64; larger ones are downloaded over HTTP."""


async def write(session: ClientSession, request: Request) -> None:
    """write"""
    body = check(WriteFrame, request.fields)
    if (body.content is None) == (body.content_base64 is None):
        raise ValidationFailed.of("content", "give exactly one of `content` and `contentBase64`")
    raw = body.content.encode() if body.content is not None else decode(body.content_base64 or "")
    sandbox = await session.board.sandboxes.get(session.sandbox_id)
    opening = WriteFile(
        path=body.path, mode=bits(body.mode), size=len(raw), room_bytes=sandbox.room_bytes
    )

    async def source() -> Any:
        if raw:
            yield raw

    await files.upload(session.board.calls, session.sandbox_id, Open(write_file=opening), source())
    await done(session, request, path=body.path)


async def read(session: ClientSession, request: Request) -> None:
    """read"""
    body = check(PathFrame, request.fields)
    found = await files.read(session.board.calls, session.sandbox_id, body.path)
    raw = bytearray()
    try:
        async for chunk in found.chunks():
            raw += chunk
            if len(raw) > READ_BYTES:
                raise BodyTooLarge(f"Files above {READ_BYTES} bytes are read over HTTP.")
    finally:
        found.close()
    frame = {"id": request.id, "type": "readResponse", "success": True, "path": body.path}
    try:
        text = json.dumps(frame | {"content": raw.decode()})
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > MAX_FRAME_BYTES:
        text = json.dumps(frame | {"contentBase64": base64.b64encode(raw).decode()})
    await session.send_text(text)


async def list_entries(session: ClientSession, request: Request) -> None:
    """list"""
    body = check(ListQuery, request.fields)
    calls = session.board.calls
    found, cut = await files.entries(calls, session.sandbox_id, body.path, body.depth)
    entries = [_dump(view(info)) for info in found]
    head = {"id": request.id, "type": "listResponse", "success": True, "path": body.path}
    while True:
        text = json.dumps(head | {"entries": entries, "truncated": cut})
        if len(text) <= MAX_FRAME_BYTES:
            await session.send_text(text)
            return
        entries, cut = entries[: len(entries) // 2], True


async def stat(session: ClientSession, request: Request) -> None:
    """stat"""
    body = check(PathFrame, request.fields)
    info = await files.stat(session.board.calls, session.sandbox_id, body.path)
    await done(session, request, file=_dump(view(info)))


async def make_directory(session: ClientSession, request: Request) -> None:
    """mkdir"""
    body = check(MakeDirectoryBody, request.fields)
    opening = MakeDirectory(path=body.path, parents=body.parents, mode=bits(body.mode))
    await _change(session, request, Open(make_directory=opening))


async def move(session: ClientSession, request: Request) -> None:
    """move"""
    body = check(TransferBody, request.fields)
    opening = MoveFile(source=body.source, target=body.target, overwrite=body.overwrite)
    await _change(session, request, Open(move_file=opening))


async def _change(session: ClientSession, request: Request, opening: Open) -> None:
    info = await files.one(session.board.calls, session.sandbox_id, opening)
    await done(session, request, file=_dump(view(info)))


async def remove(session: ClientSession, request: Request) -> None:
    """remove"""
    body = check(RemoveQuery, request.fields)
    opening = Open(remove_file=RemoveFile(path=body.path, recursive=body.recursive))
    await session.board.calls.ask(session.sandbox_id, opening, repeat=False)
    await done(session, request)


async def watch(session: ClientSession, request: Request) -> None:
    """watch"""
    body = check(WatchFrame, request.fields)
    found = files.Watch(session.board.calls, session.sandbox_id, body.path, body.recursive)
    request.watch = found
    await found.start()
    request.watch_id = str(uuid.uuid4())
    await done(session, request, watchId=request.watch_id)
    head = {"id": request.id, "type": "event", "watchId": request.watch_id}
    while True:
        event = await found.recv()
        if event is None:
            return
        fields = {"event": event.type, "path": event.path}
        if event.new_path:
            fields["newPath"] = event.new_path
        await session.send(head | fields)


async def unwatch(session: ClientSession, request: Request) -> None:
    """unwatch: the watch ends without a word of its own."""
    body = check(UnwatchFrame, request.fields)
    for target in session.requests.values():
        if target.watch_id == body.watch_id and target.watch is not None:
            target.watch.stop()
            break
    else:
        raise ValidationFailed.of("watchId", "is not the id of a watch on this socket")
    await done(session, request)


def _dump(model: FileView | Model) -> dict[str, Any]:
    return model.model_dump(by_alias=True, exclude_none=True)


HANDLERS: dict[str, Respond] = {
    "write": write,
    "read": read,
    "list": list_entries,
    "stat": stat,
    "mkdir": make_directory,
    "move": move,
    "remove": remove,
    "watch": watch,
}
