"""Rate limits: so many requests in a minute, counted in Redis for all gateways together.

Redis keys: `insien:rate:{policy}:{who}`, the number taken in the window that began with the first
one; it expires with the window. A gateway takes several at once (a twentieth of what is left), so
that most requests ask nobody; nobody ever gets more than the quota. Without Redis each gateway
counts by itself, and `insien_gateway_rate_limits_local` says so.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import redis.asyncio as redis

from gateway import metrics
from kit.errors import RateLimited

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
REDIS_SECONDS = 0.5
DOWN_SECONDS = 1.0
MAX_BUCKETS = 50_000

_TAKE = """
local quota, window, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = math.max(0, quota - used)
local granted = math.min(left, math.max(wanted, math.floor(left / 20)))
if granted > 0 then
  redis.call('INCRBY', KEYS[1], granted)
end
local ttl = redis.call('PTTL', KEYS[1])
if granted > 0 and ttl < 0 then
  redis.call('PEXPIRE', KEYS[1], window)
  ttl = window
end
return {granted, left - granted, ttl}
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """A quota for a window of a minute; 0 is no limit."""

    name: str
    quota: int

    @property
    def described(self) -> bytes:
        """The item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""
        return b'"%s";q=%d;w=%d' % (self.name.encode(), self.quota, WINDOW_SECONDS)


@dataclass(slots=True)
class Bucket:
    """What this gateway may still let pass in the window, and what is left for all."""

    until: float = 0.0
    granted: int = 0
    left: int = 0
    waiting: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, how many more may, and when the window ends (seconds)."""

    policy: Policy
    allowed: bool
    remaining: int
    reset: int

    def fields(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy`."""
        state = b'"%s";r=%d;t=%d' % (self.policy.name.encode(), self.remaining, self.reset)
        return [(b"ratelimit", state), (b"ratelimit-policy", self.policy.described)]

    def check(self) -> None:
        """Raises RateLimited when the request may not pass."""
        if not self.allowed:
            metrics.LIMITED.labels(self.policy.name).inc()
            raise RateLimited(
                f"Too many requests; at most {self.policy.quota} a minute.",
                retry_after=self.reset,
                headers=[(name.decode(), value.decode()) for name, value in self.fields()],
            )


class RateLimiter:
    """Counts against policies. Never waits longer than 0.5 s for Redis."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], float] = monotonic) -> None:
        self._script: Any = client.register_script(_TAKE)
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._down_until = 0.0

    async def take(self, policy: Policy, who: str) -> Verdict:
        """Counts one request of somebody."""
        if policy.quota <= 0:
            return Verdict(policy, True, 0, 0)
        key = (policy.name, who)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._new_bucket()
        verdict = self._spend(policy, bucket)
        if verdict is not None:
            return verdict
        bucket.waiting += 1
        try:
            async with bucket.lock:
                verdict = self._spend(policy, bucket)
                while verdict is None:
                    await self._refill(policy, who, bucket)
                    verdict = self._spend(policy, bucket)
                return verdict
        finally:
            bucket.waiting -= 1

    def _spend(self, policy: Policy, bucket: Bucket) -> Verdict | None:
        now = self._clock()
        if now >= bucket.until:
            return None
        reset = max(1, math.ceil(bucket.until - now))
        if bucket.granted > 0:
            bucket.granted -= 1
            return Verdict(policy, True, bucket.granted + bucket.left, reset)
        return Verdict(policy, False, 0, reset) if bucket.left <= 0 else None

    async def _refill(self, policy: Policy, who: str, bucket: Bucket) -> None:
        now = self._clock()
        if now >= self._down_until:
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    granted, left, ttl = await self._script(
                        keys=[f"insien:rate:{policy.name}:{who}"],
                        args=[policy.quota, WINDOW_SECONDS * 1000, bucket.waiting],
                    )
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("rate limits are counted locally: %s", error)
                self._down_until = now + DOWN_SECONDS
            else:
                metrics.LIMITS_LOCAL.set(0)
                bucket.granted, bucket.left = int(granted), int(left)
                bucket.until = self._clock() + max(1, int(ttl)) / 1000
                return
        metrics.LIMITS_LOCAL.set(1)
        if now >= bucket.until:
            bucket.until, bucket.left = now + WINDOW_SECONDS, policy.quota
        bucket.granted, bucket.left = bucket.granted + bucket.left, 0

    def _new_bucket(self) -> Bucket:
        if len(self._buckets) >= MAX_BUCKETS:
            now = self._clock()
            self._buckets = {
                key: bucket
                for key, bucket in self._buckets.items()
                if bucket.until > now or bucket.waiting
            }
            while len(self._buckets) >= MAX_BUCKETS:
                self._buckets.pop(next(iter(self._buckets)))
        return Bucket()
