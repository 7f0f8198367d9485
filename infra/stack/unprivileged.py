"""Who runs PostgreSQL and Redis when the stack runs as root: never root."""

import os
import pwd
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.stack.errors import NotSupported

CANDIDATES = ("postgres", "insien")


@dataclass(frozen=True, slots=True)
class RunAs:
    """A user to become; None fields mean: stay who we are."""

    user: pwd.struct_passwd | None

    def own(self, path: Path) -> None:
        """Make a directory, closed to others, that belongs to that user."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        if self.user is None:
            return
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def own_file(self, path: Path) -> None:
        path.chmod(0o600)
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def command(self, argv: list[str], death_signal: int, reach: list[Path]) -> tuple[str, ...]:
        """`argv` run as that user, ended by the kernel when its parent dies.

        `reach` are paths it must get to. Where a directory above one is closed to others (a
        repository below /root), the process keeps the one capability to pass through.
        """
        if self.user is None:
            return tuple(argv)
        prefix = [
            "setpriv",
            f"--reuid={self.user.pw_uid}",
            f"--regid={self.user.pw_gid}",
            "--clear-groups",
            f"--pdeathsig={signal.Signals(death_signal).name}",
        ]
        if not all(_is_open(path, self.user.pw_uid) for path in reach):
            prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        return (*prefix, "--", *argv)


def _is_open(path: Path, uid: int) -> bool:
    """Whether that user gets to the path. What is not there yet will be made so that it does."""
    for parent in path.resolve().parents:
        if parent.exists():
            found = parent.stat()
            if not found.st_mode & stat.S_IXOTH and found.st_uid != uid:
                return False
    return True


def run_as() -> RunAs:
    """Ourselves, or (as root) an existing system user, or one that is made now."""
    if os.geteuid() != 0:
        return RunAs(None)
    for name in CANDIDATES:
        try:
            return RunAs(pwd.getpwnam(name))
        except KeyError:
            continue
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "insien"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise NotSupported(
            "PostgreSQL does not run as root and no user could be made for it: "
            f"{made.stderr.strip()}\nRun as another user, or set DATABASE_URL."
        )
    return RunAs(pwd.getpwnam("insien"))
