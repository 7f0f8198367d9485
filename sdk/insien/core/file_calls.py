"""The calls about files. Paths are absolute, or relative to the sandbox's working directory."""

from pathlib import Path
from typing import Any

import httpx

from insien.core.call import Call, body, nothing, sandbox_path
from insien.models import FileInfo

OCTETS = {"Content-Type": "application/octet-stream"}
TRANSFER_SECONDS = 300.0
"""A server that takes or gives no byte for so long is gone."""


def read(sandbox_id: str, path: str) -> Call[bytes]:
    """Also the call of a download, which streams the body instead of keeping it."""
    return Call(
        "GET",
        sandbox_path(sandbox_id, "files"),
        body,
        params={"path": path},
        read_seconds=TRANSFER_SECONDS,
    )


def write(sandbox_id: str, path: str, content: bytes | Path, mode: str | None) -> Call[None]:
    """Repeatable: the file is replaced as a whole."""
    return Call(
        "PUT",
        sandbox_path(sandbox_id, "files"),
        nothing,
        params={"path": path} | ({"mode": mode} if mode else {}),
        content=content,
        headers=OCTETS,
        read_seconds=TRANSFER_SECONDS,
    )


def remove(sandbox_id: str, path: str, recursive: bool) -> Call[None]:
    """Not repeatable: the second time there is nothing to remove."""
    return Call(
        "DELETE",
        sandbox_path(sandbox_id, "files"),
        nothing,
        params={"path": path} | ({"recursive": "true"} if recursive else {}),
        repeatable=False,
    )


def stat(sandbox_id: str, path: str) -> Call[FileInfo]:
    return Call("GET", sandbox_path(sandbox_id, "files", "stat"), _file, params={"path": path})


def entries(sandbox_id: str, path: str, depth: int) -> Call[tuple[FileInfo, ...]]:
    params = {"path": path, "depth": str(depth)}
    return Call("GET", sandbox_path(sandbox_id, "files", "list"), _entries, params=params)


def mkdir(sandbox_id: str, path: str, parents: bool, mode: str | None) -> Call[None]:
    request: dict[str, Any] = {"path": path, "parents": parents}
    if mode:
        request["mode"] = mode
    return _change(sandbox_id, "mkdir", request, repeatable=parents)


def move(sandbox_id: str, source: str, target: str, overwrite: bool) -> Call[None]:
    request = {"from": source, "to": target, "overwrite": overwrite}
    return _change(sandbox_id, "move", request, repeatable=False)


def copy(sandbox_id: str, source: str, target: str, overwrite: bool) -> Call[None]:
    request = {"from": source, "to": target, "overwrite": overwrite}
    return _change(sandbox_id, "copy", request, repeatable=overwrite)


def chmod(sandbox_id: str, path: str, mode: str) -> Call[None]:
    return _change(sandbox_id, "chmod", {"path": path, "mode": mode}, repeatable=True)


def archive(sandbox_id: str, path: str) -> Call[bytes]:
    return Call(
        "GET",
        sandbox_path(sandbox_id, "files", "archive"),
        body,
        params={"path": path},
        read_seconds=TRANSFER_SECONDS,
    )


def unpack(sandbox_id: str, path: str, content: bytes | Path) -> Call[None]:
    return Call(
        "PUT",
        sandbox_path(sandbox_id, "files", "archive"),
        nothing,
        params={"path": path},
        content=content,
        headers={"Content-Type": "application/x-tar"},
        read_seconds=TRANSFER_SECONDS,
    )


def _change(sandbox_id: str, verb: str, request: dict[str, Any], *, repeatable: bool) -> Call[None]:
    path = sandbox_path(sandbox_id, "files", verb)
    return Call("POST", path, nothing, json=request, repeatable=repeatable)


def _file(response: httpx.Response) -> FileInfo:
    return FileInfo.from_json(response.json()["file"])


def _entries(response: httpx.Response) -> tuple[FileInfo, ...]:
    return tuple(FileInfo.from_json(entry) for entry in response.json()["entries"])
