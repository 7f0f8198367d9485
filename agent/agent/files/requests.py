"""What the hub may ask about files, and how many of it run at once."""

from __future__ import annotations

import os
from collections import deque

from agent.errors import Refused, from_os_error
from agent.files.child import Work, fork
from agent.files.content import read_file, write_file
from agent.files.entries import change_mode, list_files, make_directory, stat_file
from agent.files.moving import copy_file, move_file, remove_file
from agent.files.operation import Operation
from agent.files.temporary import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agent.configuration import Configuration
    from agent.files.context import Context, Job
    from agent.link.stream import Handler, Stream
    from agent.loop import Loop
    from agent.reaper import Reaper

RUNNING_LIMIT = 24
WATCH_LIMIT = 16
WAITING_LIMIT = 1000


def _read_archive(request: Any, context: Context) -> None:
    from agent.files.archive_out import read_archive

    read_archive(request, context)


def _write_archive(request: Any, context: Context) -> None:
    from agent.files.archive_in import write_archive

    write_archive(request, context)


def _watch_files(request: Any, context: Context) -> None:
    from agent.files.watching import watch_files

    watch_files(request, context)


JOBS: dict[str, Job] = {
    "read_file": read_file,
    "write_file": write_file,
    "stat_file": stat_file,
    "list_files": list_files,
    "make_directory": make_directory,
    "move_file": move_file,
    "copy_file": copy_file,
    "remove_file": remove_file,
    "change_mode": change_mode,
    "watch_files": _watch_files,
    "read_archive": _read_archive,
    "write_archive": _write_archive,
}
UPLOADS = frozenset(("write_file", "write_archive"))
UPLOAD_WINDOW = 1 << 20


class FileRequests:
    """Runs RUNNING_LIMIT operations at once; WAITING_LIMIT more wait for their turn."""

    def __init__(self, loop: Loop, reaper: Reaper, configuration: Configuration) -> None:
        self._loop, self._reaper, self._configuration = loop, reaper, configuration
        self._running = self._watches = 0
        self._waiting: deque[tuple[Operation, Work]] = deque()

    def open(self, stream: Stream, name: str, request: Any) -> Handler:
        """Start, or queue. Raises Refused."""
        user = self._configuration.user(request.user)
        work = Work(JOBS[name], request, user, self._configuration.users)
        work.folder = self._configuration.directories(user)[0]

        def clean_up(paths: list[str]) -> None:
            self._start(None, Work(_remove_all, paths, user, self._configuration.users))

        operation = Operation(self._loop, stream, name in UPLOADS, clean_up)
        if name == "watch_files":
            if self._watches >= WATCH_LIMIT:
                raise Refused("too_many", f"more than {WATCH_LIMIT} watches at once")
            self._start(operation, work)
        elif self._running >= RUNNING_LIMIT:
            if len(self._waiting) >= WAITING_LIMIT:
                raise Refused("too_many", "too many file operations at once")
            self._waiting.append((operation, work))
        else:
            self._start(operation, work)
        if name in UPLOADS:
            stream.widen(UPLOAD_WINDOW)
        return operation

    def _start(self, operation: Operation | None, work: Work) -> None:
        try:
            ends = fork(work)
        except OSError as error:
            if operation is not None:
                operation.refuse(from_os_error(error))
            return
        watches = work.job is _watch_files
        self._count(watches, 1)

        def ended(status: int) -> None:
            self._count(watches, -1)
            if operation is not None:
                operation.reaped(status)
            self._next()

        self._reaper.expect(ends.pid, ended)
        if operation is None:
            os.close(ends.upload)
            os.close(ends.result)
        else:
            operation.begin(ends, getattr(work.request, "offset", 0))

    def _next(self) -> None:
        while self._waiting and self._running < RUNNING_LIMIT:
            operation, work = self._waiting.popleft()
            if not operation.over:
                self._start(operation, work)

    def _count(self, watches: bool, change: int) -> None:
        if watches:
            self._watches += change
        else:
            self._running += change


def _remove_all(paths: list[str], context: Context) -> None:
    for path in paths:
        remove(path)
