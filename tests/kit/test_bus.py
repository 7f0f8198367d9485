"""The bus: messages arrive, and every gap is noticed."""

import asyncio
import contextlib
from pathlib import Path

from redis.exceptions import RedisError

from kit import bus
from tests.support import redis
from tests.support.servers import free_port

CHANNEL = "insien:test"


class Listener:
    """What was heard, and how often something may have been missed."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.gaps = 0
        self.changed = asyncio.Event()

    async def on_message(self, channel: str, data: bytes) -> None:
        self.heard.append((channel, data))
        self.changed.set()

    def on_gap(self) -> None:
        self.gaps += 1
        self.changed.set()

    async def until(self, condition: str) -> None:
        """Waits until the expression over `self` holds."""
        while not eval(condition, {"self": self}):
            self.changed.clear()
            await self.changed.wait()


async def test_messages_arrive_and_a_restart_of_redis_is_a_gap(tmp_path: Path) -> None:
    listener, port = Listener(), free_port()
    with redis.server(tmp_path, port) as url:
        client = bus.connect(url)
        task = asyncio.create_task(
            bus.subscribe(client, [CHANNEL], listener.on_message, listener.on_gap)
        )
        await asyncio.wait_for(listener.until("self.gaps == 1"), 10)
        await client.publish(CHANNEL, b"one")
        await asyncio.wait_for(listener.until("self.heard"), 10)
    await asyncio.wait_for(listener.until("self.gaps > 1"), 10)
    before = listener.gaps
    with redis.server(tmp_path, port):
        await asyncio.wait_for(listener.until(f"self.gaps > {before}"), 20)
        while len(listener.heard) < 2:
            with contextlib.suppress(RedisError):  # its pooled connection died with the server
                await client.publish(CHANNEL, b"two")
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()
    assert listener.heard[0] == (CHANNEL, b"one")
    assert listener.heard[1] == (CHANNEL, b"two")
