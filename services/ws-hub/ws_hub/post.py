"""The way out to other replicas: one queue, one connection, so that envelopes keep their order.

Channel `insien:hub:inbox:{hub_id}`: envelopes for one replica (see `envelope`). Redis delivers at
most once; numbers tell the receiver of a loss. The queue is bounded: what does not fit is dropped,
the receiver notices, and the stream that it belonged to is given up and taken up again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import redis.asyncio as redis

from ws_hub import metrics

logger = logging.getLogger(__name__)

MAX_QUEUED_BYTES = 32 * 1024 * 1024
HIGH_WATER_BYTES = 4 * 1024 * 1024
BATCH_BYTES = 2 * 1024 * 1024
BATCH_COUNT = 256
RETRY_SECONDS = 0.2


def inbox(hub_id: str) -> str:
    """The channel of a replica."""
    return f"insien:hub:inbox:{hub_id}"


class Post:
    """Sends envelopes; `unheard` is told of replicas that nobody is at any more."""

    def __init__(self, client: "redis.Redis", unheard: Callable[[str], None]) -> None:
        self._client = client
        self._unheard = unheard
        self._queue: deque[tuple[str, bytes]] = deque()
        self._size = 0
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def send(self, hub_id: str, message: bytes) -> None:
        """Queues a message; drops it when the queue is full."""
        if self._size + len(message) > MAX_QUEUED_BYTES:
            return
        self._queue.append((hub_id, message))
        self._size += len(message)
        if self._size > HIGH_WATER_BYTES:
            self._room.clear()
        self._ready.set()

    async def room(self) -> None:
        """Returns when the queue is short enough for more data."""
        await self._room.wait()

    async def run(self) -> None:
        """Runs for ever: sends what is queued."""
        while True:
            await self._ready.wait()
            batch = self._next()
            try:
                await self._publish(batch)
            except (redis.RedisError, OSError) as error:
                logger.warning("envelopes lost: %s", error)
                for hub_id in {hub_id for hub_id, _ in batch}:
                    self._unheard(hub_id)
                await asyncio.sleep(RETRY_SECONDS)

    def _next(self) -> list[tuple[str, bytes]]:
        batch: list[tuple[str, bytes]] = []
        size = 0
        while self._queue and size < BATCH_BYTES and len(batch) < BATCH_COUNT:
            item = self._queue.popleft()
            size += len(item[1])
            batch.append(item)
        self._size -= size
        if self._size <= HIGH_WATER_BYTES:
            self._room.set()
        if not self._queue:
            self._ready.clear()
        return batch

    async def _publish(self, batch: list[tuple[str, bytes]]) -> None:
        if len(batch) == 1:
            hub_id, message = batch[0]
            heard = [await self._client.publish(inbox(hub_id), message)]
        else:
            async with self._client.pipeline(transaction=False) as pipeline:
                for hub_id, message in batch:
                    pipeline.publish(inbox(hub_id), message)
                heard = await pipeline.execute()
        metrics.RELAYED.inc(len(batch))
        for (hub_id, _), count in zip(batch, heard, strict=True):
            if count == 0:
                self._unheard(hub_id)
