"""`python -m infra.stack.daemon STATE_DIR`: the supervisor's own process.

Started detached by `up`. It holds a lock on the state directory for as long as it lives; a
second one finds the lock taken and leaves.
"""

import fcntl
import os
import resource
import sys
from pathlib import Path

from infra.stack.layout import Layout
from infra.stack.strays import end_strays
from infra.stack.supervisor import Supervisor, say

WANTED_FILES = 65_536


def take_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, with our pid written in, or None when it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def raise_file_limit() -> None:
    """Thousands of agents need as many descriptors; the soft limit is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    layout = Layout(Path(sys.argv[1]))
    lock = take_lock(layout.supervisor_lock)
    if lock is None:
        say("another supervisor runs already")
        return 0
    raise_file_limit()
    end_strays(layout)
    say(f"supervisor started, pid {os.getpid()}")
    Supervisor(layout).run()
    say("supervisor stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
