"""A file operation's own process: forked, turned into the user, never returning.

Why a process for each: the kernel itself checks every access against the user's ids, groups and
(absent) capabilities; a link can give no more than the user has; a slow disk, a huge tree or a
crash never touches the loop; and ending the process is a way to give up anything at any point.
It costs about a millisecond.
"""

from __future__ import annotations

import gc
import os
import sys

from agent import signals
from agent.errors import Refused, from_os_error
from agent.files.channel import Aborted, Channel
from agent.files.context import Context
from agent.users import become

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agent.files.context import Job
    from agent.users import User, Users

_DESCRIPTORS = 1 << 16
_PIPE_BYTES = 512 << 10
_F_SETPIPE_SZ = 1031


class Ends:
    """The agent's ends of a child's pipes."""

    __slots__ = ("pid", "result", "upload")

    def __init__(self, pid: int, result: int, upload: int) -> None:
        self.pid, self.result, self.upload = pid, result, upload


class Work:
    """A job and what it needs: the request, who asks, and where relative paths start."""

    __slots__ = ("folder", "job", "request", "user", "users")

    def __init__(self, job: Job, request: Any, user: User, users: Users) -> None:
        self.job, self.request, self.user, self.users = job, request, user, users
        self.folder = "/"


def fork(work: Work) -> Ends:
    """Start it. Raises OSError."""
    result, their_result = os.pipe()
    their_upload, upload = os.pipe()
    try:
        pid = signals.fork()
    except OSError:
        for fd in (result, their_result, their_upload, upload):
            os.close(fd)
        raise
    if not pid:
        _child(work, their_result, their_upload)
    os.close(their_result)
    os.close(their_upload)
    for fd in (result, upload):
        os.set_blocking(fd, False)
        _enlarge(fd)
    return Ends(pid, result, upload)


def perform(work: Work, channel: Channel) -> None:
    """Do the job and say how it ended. Raises Aborted."""
    try:
        work.job(work.request, Context(channel, work.users, work.folder))
    except Refused as error:
        channel.end(error)
    except RecursionError:
        channel.end(Refused("invalid_argument", "directories are nested too deeply", "path"))
    except OSError as error:
        channel.end(from_os_error(error))
    else:
        channel.end(None)


def _child(work: Work, result: int, upload: int) -> None:
    code = 1
    try:
        gc.disable()
        signals.raise_on_term(Aborted)
        _close_all_but(result, upload)
        channel = Channel(result, upload)
        become(work.user)
        perform(work, channel)
        code = 0
    except Aborted:
        code = 0
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into the agent's code
        sys.stderr.write(f"insien-agent: a file operation failed: {error!r}\n")
    finally:
        os._exit(code)


def _close_all_but(*kept: int) -> None:
    at = 3
    for fd in sorted(kept):
        os.closerange(at, fd)
        at = fd + 1
    os.closerange(at, _DESCRIPTORS)


def _enlarge(fd: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return  # the user's share of pipe memory is used up; the default does too
