"""Keeps what the agent knows from the programs in the sandbox, its own user's included.

/proc/<pid>/environ shows the memory that the kernel laid out at exec: it is overwritten in place.
/proc/<pid>/mem opens to the same user unless the process is not dumpable; a change of credentials
makes it so (credentials(7), prctl(2) PR_SET_DUMPABLE), without loading ctypes for one call.
"""

from __future__ import annotations

import os

_ENV_START, _ENV_END = 50, 51
_PR_SET_DUMPABLE = 4


def conceal() -> None:
    """Do both as far as the kernel lets us."""
    _wipe_environment()
    if os.getuid() == 0 and _swap_group():
        return
    _not_dumpable()


def _wipe_environment() -> None:
    """Zero the environment's memory. CPython has copied what it needs."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        # The list begins with field 3 of proc(5), so field n is at n - 3.
        start, end = int(fields[_ENV_START - 3]), int(fields[_ENV_END - 3])
        if start and end > start:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(start)
                memory.write(bytes(end - start))
    except (OSError, IndexError, ValueError):
        return


def _swap_group() -> bool:
    """Another effective group and back; false without the capability."""
    group = os.getegid()
    try:
        os.setegid(group + 1)
        os.setegid(group)
    except OSError:
        return False
    return True


def _not_dumpable() -> None:
    import ctypes  # only where nothing cheaper does

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
