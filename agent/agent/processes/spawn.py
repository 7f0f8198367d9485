"""Start a program: fork, take the user's place, exec.

What fails before exec is told through a pipe that exec closes. What fails at exec is told as a
shell would: a line on standard error and exit code 127 or 126.
"""

from __future__ import annotations

import errno
import fcntl
import os

from agent import signals
from agent.errors import Refused, from_os_error
from agent.users import become

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from agent.schema import TerminalSize
    from agent.users import User

NOT_FOUND, NOT_EXECUTABLE = 127, 126
_TIOCSCTTY, _TIOCSWINSZ = 0x540E, 0x5414


class Plan:
    """What to start. ``folders``: the first that can be entered is the working directory."""

    __slots__ = ("argv", "env", "folders", "size", "stdin", "user")

    def __init__(self, argv: list[str], env: dict[str, str], user: User) -> None:
        self.argv = argv
        self.env = env
        self.user = user
        self.folders: list[str] = []
        self.size: TerminalSize | None = None
        self.stdin = False


class Spawned:
    """Our ends: ``status`` to read a refusal from, ``stdin`` or -1, outputs by channel."""

    __slots__ = ("outputs", "pid", "status", "stdin")

    def __init__(self, pid: int, status: int, stdin: int, outputs: dict[int, int]) -> None:
        self.pid = pid
        self.status = status
        self.stdin = stdin
        self.outputs = outputs


class _Ends:
    """Both ends of everything; whatever happens, none may be left open."""

    def __init__(self) -> None:
        self.theirs: list[int] = []
        self.ours: list[int] = []

    def pipe(self, we_write: bool = False) -> tuple[int, int]:
        """Our end and theirs."""
        read, write = os.pipe()
        ours, theirs = (write, read) if we_write else (read, write)
        self.ours.append(ours)
        self.theirs.append(theirs)
        os.set_blocking(ours, False)
        return ours, theirs

    def close(self, fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)


def spawn(plan: Plan) -> Spawned:
    """Start it in a session of its own. Raises Refused."""
    ends = _Ends()
    try:
        spawned = _terminal(plan, ends) if plan.size is not None else _pipes(plan, ends)
    except OSError as error:
        ends.close(ends.ours)
        raise from_os_error(error, "") from error
    finally:
        ends.close(ends.theirs)
    return spawned


def resize(fd: int, size: TerminalSize) -> None:
    """Set a terminal's size. Raises Refused."""
    if not (1 <= size.rows <= 1000 and 1 <= size.cols <= 1000):
        raise Refused("invalid_argument", "rows and cols are 1 to 1000", "rows")
    halves = size.rows | size.cols << 16
    fcntl.ioctl(fd, _TIOCSWINSZ, halves.to_bytes(4, "little") + b"\0\0\0\0")


def _pipes(plan: Plan, ends: _Ends) -> Spawned:
    status, tell = ends.pipe()
    out, their_out = ends.pipe()
    err, their_err = ends.pipe()
    stdin = -1
    if plan.stdin:
        stdin, their_in = ends.pipe(we_write=True)
    else:
        their_in = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        ends.theirs.append(their_in)
    pid = _fork(plan, tell, (their_in, their_out, their_err))
    return Spawned(pid, status, stdin, {out: 1, err: 2})


def _terminal(plan: Plan, ends: _Ends) -> Spawned:
    assert plan.size is not None
    status, tell = ends.pipe()
    master, slave = os.openpty()
    ends.ours.append(master)
    ends.theirs.append(slave)
    os.set_blocking(master, False)
    resize(master, plan.size)
    if os.getuid() == 0:
        os.fchown(slave, plan.user.uid, -1)
    pid = _fork(plan, tell, (slave, slave, slave))
    return Spawned(pid, status, master, {master: 1})


def _fork(plan: Plan, tell: int, standard: tuple[int, int, int]) -> int:
    pid = signals.fork()
    if pid:
        return pid
    try:
        _child(plan, tell, standard)
    except BaseException:  # noqa: BLE001 - nothing may unwind into the parent's code
        os._exit(NOT_EXECUTABLE)


def _child(plan: Plan, tell: int, standard: tuple[int, int, int]) -> NoReturn:
    os.setsid()
    for number, fd in enumerate(_above_standard(standard)):
        os.dup2(fd, number)
    if plan.size is not None:
        fcntl.ioctl(0, _TIOCSCTTY, 0)
    _or_tell(tell, "user", lambda: become(plan.user))
    _or_tell(tell, "cwd", lambda: _enter(plan.folders))
    os._exit(_exec(plan.argv, plan.env))


def _above_standard(fds: tuple[int, int, int]) -> list[int]:
    """The same files on numbers that dup2 onto 0, 1 and 2 does not overwrite."""
    return [fd if fd > 2 else fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in fds]


def _or_tell(tell: int, field: str, action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as error:
        os.write(tell, f"{field}\0{os.strerror(error.errno or 0)}".encode())
        os._exit(NOT_EXECUTABLE)


def _enter(folders: list[str]) -> None:
    for folder in folders[:-1]:
        try:
            os.chdir(folder)
        except OSError:
            continue
        return
    os.chdir(folders[-1])


def _exec(argv: list[str], env: dict[str, str]) -> int:
    name = argv[0]
    folders = [""] if "/" in name else env.get("PATH", "").split(":")
    code, text = NOT_FOUND, "not found"
    for folder in folders:
        try:
            os.execve(os.path.join(folder or ".", name) if "/" not in name else name, argv, env)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                continue
            code, text = NOT_EXECUTABLE, os.strerror(error.errno or 0)
            if error.errno not in (errno.EACCES, errno.EPERM):
                break
    os.write(2, f"{name}: {text}\n".encode("utf-8", "surrogateescape"))
    return code
