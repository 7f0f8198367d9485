"""How often wrong secrets may be tried, looked up before argon2 runs.

Redis keys: `insien:auth:wrong:{digest}:{minute}`, counters that live for two minutes. While Redis
is away each process counts for itself. A secret that is known to be right is never held up.
"""

import hashlib
from typing import Any

from auth.clock import Clock
from auth.soft_redis import SoftRedis

WINDOW_SECONDS = 60
PER_PREFIX = 10
PER_ADDRESS = 30
_COUNTERS = 100_000


class Attempts:
    """At most 10 wrong secrets a minute for one prefix, 30 from one address."""

    def __init__(self, soft_redis: SoftRedis, clock: Clock) -> None:
        self._redis = soft_redis
        self._clock = clock
        self._local: dict[str, int] = {}
        self._window = 0

    async def wait(self, prefix: str, address: str) -> float:
        """Seconds until another secret may be tried; 0 is now."""
        by_prefix, by_address = self._names(prefix, address)
        counts = await self._read(by_prefix, by_address)
        if counts[0] < PER_PREFIX and (not address or counts[1] < PER_ADDRESS):
            return 0.0
        return WINDOW_SECONDS - self._clock().timestamp() % WINDOW_SECONDS

    async def failed(self, prefix: str, address: str) -> None:
        """A wrong secret was tried."""
        for name in self._names(prefix, address):
            await self._add(name)

    async def refused(self, prefix: str) -> bool:
        """A try was refused; tells whether it is the first one of this minute for the prefix."""
        return await self._add(self._name("refused", prefix)) == 1

    def _names(self, prefix: str, address: str) -> tuple[str, str]:
        return self._name("prefix", prefix), self._name("address", address)

    def _name(self, kind: str, value: str) -> str:
        window = int(self._clock().timestamp() // WINDOW_SECONDS)
        if window != self._window or len(self._local) > _COUNTERS:
            self._local, self._window = {}, window
        digest = hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:32]
        return f"insien:auth:wrong:{digest}:{window}"

    async def _read(self, *names: str) -> list[int]:
        shared = await self._redis.run(lambda client: client.mget(names), None)
        local = [self._local.get(name, 0) for name in names]
        if shared is None:
            return local
        return [max(int(theirs or 0), ours) for theirs, ours in zip(shared, local, strict=True)]

    async def _add(self, name: str) -> int:
        self._local[name] = self._local.get(name, 0) + 1

        async def increment(client: Any) -> int | None:
            async with client.pipeline(transaction=False) as pipeline:
                pipeline.incr(name)
                pipeline.expire(name, 2 * WINDOW_SECONDS)
                count, _ = await pipeline.execute()
            return int(count)

        shared = await self._redis.run(increment, None)
        return self._local[name] if shared is None else shared
