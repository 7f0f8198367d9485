"""Hashes of API keys: argon2id at OWASP's parameters, in a few threads of low priority.

The earlier product's bcrypt hashes verify too (`outdated` tells them, to be replaced).
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
import bcrypt

from kit.errors import Unavailable

WAITING = 32
"""Verifications waiting for a thread; one more is refused rather than queued."""
_BELOW_NORMAL = 10

T = TypeVar("T")

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
_HASHER = argon2.PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


class HashingPool:
    """Hashes and verifies off the event loop; bounded in threads and in waiting work."""

    def __init__(self, threads: int = 0) -> None:
        self._executor = ThreadPoolExecutor(
            threads or max(1, (os.cpu_count() or 1) // 2), "hashing", _yield_to_others
        )
        # Making keys does not stand in line behind those who try them.
        self._issuing = ThreadPoolExecutor(1, "issuing", _yield_to_others)
        self._waiting = 0
        # What a secret is compared with when there is nothing to compare it with.
        self._nobody = _HASHER.hash(os.urandom(16))
        self._nobody_legacy = bcrypt.hashpw(os.urandom(16).hex().encode(), bcrypt.gensalt(10))

    async def hash(self, secret: str) -> str:
        """The argon2id hash to store."""
        return await self._run(self._issuing, lambda: _HASHER.hash(secret))

    async def verify(self, secret: str, stored: str) -> bool:
        """Whether `stored` is a hash of the secret. Raises Unavailable when too many wait."""
        return await self._bounded(lambda: _verify(secret, stored))

    async def verify_nothing(self, secret: str, *, legacy: bool) -> None:
        """Takes as long as `verify`, so that time does not tell whether there was a hash."""
        stored = self._nobody_legacy.decode() if legacy else self._nobody
        await self._bounded(lambda: _verify(secret, stored))

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters, or another function, than today's."""
        return not stored.startswith("$argon2") or _HASHER.check_needs_rehash(stored)

    def close(self) -> None:
        """Ends the threads; what waits is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._issuing.shutdown(wait=True, cancel_futures=True)

    async def _bounded(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise Unavailable("Too many new keys are being checked.", retry_after=1)
        self._waiting += 1
        try:
            return await self._run(self._executor, work)
        finally:
            self._waiting -= 1

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work)


def _yield_to_others() -> None:
    # On Linux the priority is the thread's own: the event loop goes first.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BELOW_NORMAL)


def _verify(secret: str, stored: str) -> bool:
    try:
        if stored.startswith("$argon2"):
            return _HASHER.verify(stored, secret)
        return bcrypt.checkpw(secret.encode(), stored.encode())
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError):
        return False
