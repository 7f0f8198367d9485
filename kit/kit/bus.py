"""Redis publish and subscribe for what may be lost, with the losses noticed.

A subscriber is told of every gap (`on_gap`): before its first message, after each reconnection, and
when the server no longer answers pings. Whoever keeps a cache by these messages empties it then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import redis.asyncio as redis

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0
SILENCE_SECONDS = 3.0
RETRY_SECONDS = 0.2

OnMessage = Callable[[str, bytes], Awaitable[None]]
OnGap = Callable[[], None]


def connect(url: str) -> "redis.Redis":
    """A Redis client with short timeouts: what is in it may be lost, so nothing waits long."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=10,
        decode_responses=False,
        protocol=2,  # The library's RESP3 reader makes a text of every published message.
    )


async def subscribe(
    client: "redis.Redis", channels: Sequence[str], on_message: OnMessage, on_gap: OnGap
) -> None:
    """Runs for ever: each message to `on_message`; `on_gap` whenever some may be missing."""
    while True:
        try:
            await _listen(client, channels, on_message, on_gap)
        except (redis.RedisError, OSError, TimeoutError) as error:
            logger.warning("subscription lost: %s", error)
        on_gap()
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(
    client: "redis.Redis", channels: Sequence[str], on_message: OnMessage, on_gap: OnGap
) -> None:
    async with client.pubsub() as pubsub:
        async with asyncio.timeout(SILENCE_SECONDS):
            await pubsub.subscribe(*channels)
        on_gap()
        pinger = asyncio.create_task(_ping(pubsub))
        try:
            while True:
                # Answers to our pings are messages too: silence means a dead connection.
                async with asyncio.timeout(SILENCE_SECONDS):
                    message = await pubsub.get_message(timeout=None)
                if message is not None and message["type"] == "message":
                    await on_message(message["channel"].decode(), message["data"])
        finally:
            # A library may lose one cancellation; ours, meanwhile, must not be swallowed.
            while not pinger.done():
                pinger.cancel()
                await asyncio.wait([pinger], timeout=0.5)


async def _ping(pubsub: "redis.client.PubSub") -> None:
    while True:
        await asyncio.sleep(PING_SECONDS)
        await pubsub.ping()
