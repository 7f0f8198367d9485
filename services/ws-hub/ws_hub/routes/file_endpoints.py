"""The endpoints of files, as data."""

from kit.endpoint import Endpoint
from ws_hub import sse
from ws_hub.command_models import Done
from ws_hub.file_models import (
    ChangeModeBody,
    FileAnswer,
    ListAnswer,
    ListQuery,
    MakeDirectoryBody,
    PathQuery,
    RemoveQuery,
    TransferBody,
    UploadQuery,
    WatchQuery,
)
from ws_hub.routes import files

READ, WRITE = "sandbox:read", "sandbox:write"
_PATH = "/sandbox/{id}/files"
_READING = (
    "sandbox_not_found", "sandbox_destroyed", "wrong_state", "agent_disconnected", "capacity",
    "file_not_found", "not_a_directory", "permission_denied", "validation_failed",
)  # fmt: skip
_CHANGING = (*_READING, "already_exists", "is_a_directory", "directory_not_empty", "disk_full")


def endpoints() -> list[Endpoint]:
    """Whole contents first, then the calls on names."""
    return [*_contents(), *_names()]


def _contents() -> list[Endpoint]:
    return [
        Endpoint(
            "GET", _PATH, files.download, "Download a file", scope=READ, query=PathQuery,
            raw_response=(files.BYTES,), other_statuses=(206, 304), tag="files",
            errors=(*_READING, "is_a_directory", "range_not_satisfiable"),
            request_headers={"Range": "One part, `bytes=first-last`."},
        ),
        Endpoint(
            "PUT", _PATH, files.upload, "Upload a file", scope=WRITE, query=UploadQuery,
            raw_body=files.BYTES, response=FileAnswer, errors=_CHANGING, tag="files",
        ),
        Endpoint(
            "DELETE", _PATH, files.remove, "Delete a file or directory", scope=WRITE,
            query=RemoveQuery, response=Done, errors=_CHANGING, tag="files",
        ),
        Endpoint(
            "GET", f"{_PATH}/watch", files.watch, "Follow changes below a path", scope=READ,
            query=WatchQuery, raw_response=(sse.MEDIA_TYPE,), errors=_READING, tag="files",
        ),
        Endpoint(
            "GET", f"{_PATH}/archive", files.pack, "Download a directory as tar.gz", scope=READ,
            query=PathQuery, raw_response=(files.GZIP,), errors=_READING, tag="files",
        ),
        Endpoint(
            "PUT", f"{_PATH}/archive", files.unpack, "Unpack a tar or tar.gz", scope=WRITE,
            query=PathQuery, raw_body=files.BYTES, response=Done, errors=_CHANGING, tag="files",
        ),
    ]  # fmt: skip


def _names() -> list[Endpoint]:
    return [
        Endpoint(
            "GET", f"{_PATH}/stat", files.stat, "What a path is", scope=READ,
            query=PathQuery, response=FileAnswer, errors=_READING, tag="files",
        ),
        Endpoint(
            "GET", f"{_PATH}/list", files.list_entries, "Entries of a directory", scope=READ,
            query=ListQuery, response=ListAnswer, errors=_READING, tag="files",
        ),
        Endpoint(
            "POST", f"{_PATH}/mkdir", files.make_directory, "Make a directory", scope=WRITE,
            body=MakeDirectoryBody, response=FileAnswer, errors=_CHANGING, tag="files",
            example={"path": "src/app"},
        ),
        Endpoint(
            "POST", f"{_PATH}/move", files.move, "Move or rename", scope=WRITE,
            body=TransferBody, response=FileAnswer, errors=_CHANGING, tag="files",
            example={"from": "a.txt", "to": "b.txt"},
        ),
        Endpoint(
            "POST", f"{_PATH}/copy", files.copy, "Copy, recursively", scope=WRITE,
            body=TransferBody, response=FileAnswer, errors=_CHANGING, tag="files",
            example={"from": "a.txt", "to": "b.txt"},
        ),
        Endpoint(
            "POST", f"{_PATH}/chmod", files.change_mode, "Change the mode", scope=WRITE,
            body=ChangeModeBody, response=FileAnswer, errors=_CHANGING, tag="files",
            example={"path": "run.sh", "mode": "0755"},
        ),
    ]  # fmt: skip
