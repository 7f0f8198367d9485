"""Signals without the standard ``signal`` module: its enums cost as much as half of the agent's
imports."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # typeshed does not know it
import os

CHLD: int = _signal.SIGCHLD
INT: int = _signal.SIGINT
KILL: int = _signal.SIGKILL
TERM: int = _signal.SIGTERM
_CHANGED = (_signal.SIGPIPE, _signal.SIGXFSZ, TERM, INT)


def catch(number: int, wake_fd: int) -> None:
    """Write the signal's number to ``wake_fd`` whenever it comes."""
    _signal.signal(number, lambda *_: None)
    _signal.set_wakeup_fd(wake_fd, warn_on_full_buffer=False)


def release() -> None:
    """Write to no descriptor any more."""
    _signal.set_wakeup_fd(-1)


def fork() -> int:
    """os.fork() whose child finds its signals as a program expects them. Raises OSError.

    They wait until then: one that came to the child before would run our handlers there, and
    those write to the descriptor that wakes us, as if it had come to us.
    """
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _CHANGED)
    try:
        pid = os.fork()
        if not pid:
            _restore()
        return pid
    finally:
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _CHANGED)


def _restore() -> None:
    release()
    for number in _CHANGED:
        _signal.signal(number, _signal.SIG_DFL)


def raise_on_term(error: type[Exception]) -> None:
    """SIGTERM raises ``error`` once, wherever the program is; a broken pipe is an OSError."""

    def give_up(*_: object) -> None:
        _signal.signal(TERM, _signal.SIG_IGN)
        raise error

    _signal.signal(TERM, give_up)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)


def name(number: int) -> str:
    """``SIGKILL`` for 9; real-time signals count from the first."""
    for candidate in dir(_signal):
        plain = candidate.startswith("SIG") and candidate[3].isalpha()  # not SIG_DFL
        if plain and getattr(_signal, candidate) == number:
            return candidate
    return f"SIGRTMIN+{number - int(_signal.SIGRTMIN)}"
