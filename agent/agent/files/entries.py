"""Looking at, listing and making entries of directories."""

from __future__ import annotations

import heapq
import os
import stat

from agent.errors import Refused
from agent.files.temporary import make_parents
from agent.schema import FileList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.files.context import Context
    from agent.schema import ChangeMode, FileInfo, ListFiles, MakeDirectory, StatFile

LIST_LIMIT = 10_000
DEPTH_LIMIT = 32
_BATCH_CHARACTERS = 100_000


def stat_file(request: StatFile, context: Context) -> None:
    """FileInfo."""
    context.answer(context.path(request.path))


def list_files(request: ListFiles, context: Context) -> None:
    """FileList messages, in the order of the paths."""
    top = context.path(request.path)
    if not 0 <= request.depth <= DEPTH_LIMIT:
        raise Refused("invalid_argument", f"depth is 1 to {DEPTH_LIMIT}", "depth")
    found = list(_below(top, max(1, request.depth), LIST_LIMIT + 1))
    truncated = len(found) > LIST_LIMIT
    batch: list[FileInfo] = []
    size = 0
    for path in sorted(found[:LIST_LIMIT]):
        try:
            info = context.inform(path)
        except FileNotFoundError:
            continue  # it was there a moment ago
        batch.append(info)
        size += len(info.path) + len(info.name) + len(info.target) + 64
        if size >= _BATCH_CHARACTERS:
            context.channel.send(files=FileList(entries=batch))
            batch, size = [], 0
    context.channel.send(files=FileList(entries=batch, truncated=truncated))


def make_directory(request: MakeDirectory, context: Context) -> None:
    """FileInfo."""
    path = context.path(request.path)
    if request.parents:
        make_parents(path)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not request.parents or not os.path.isdir(path):
            raise
    else:
        os.chmod(path, request.mode & 0o7777 or 0o755)
    context.answer(path)


def change_mode(request: ChangeMode, context: Context) -> None:
    """FileInfo. A link's target is changed, as by chmod(1)."""
    path = context.path(request.path)
    os.chmod(path, request.mode & 0o7777)
    context.answer(path)


def _below(top: str, depth: int, limit: int) -> Iterator[str]:
    """At most ``limit`` paths below ``top``, each directory's in the order of their names."""
    levels = [iter(_names(top, limit))]
    folders = [top]
    count = 0
    while levels:
        name = next(levels[-1], None)
        if name is None:
            levels.pop()
            folders.pop()
            continue
        path = os.path.join(folders[-1], name)
        count += 1
        yield path
        if count >= limit:
            return
        if len(levels) < depth and _is_folder(path):
            try:
                below = _names(path, limit)
            except OSError:
                continue  # gone, or not ours to read
            levels.append(iter(below))
            folders.append(path)


def _names(folder: str, limit: int) -> list[str]:
    with os.scandir(folder) as entries:
        return heapq.nsmallest(limit, (entry.name for entry in entries))


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
