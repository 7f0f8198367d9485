"""Messages about sandboxes on Redis."""

import asyncio
import json

from kit import bus
from sandbox.announcer import CHANNEL
from tests.sandbox.running_service import Running, eventually


async def test_what_happens_is_published(running: Running, redis_server: str) -> None:
    client = bus.connect(redis_server)
    heard: list[dict[str, str]] = []
    ready = asyncio.Event()

    async def on_message(channel: str, data: bytes) -> None:
        heard.append(json.loads(data))

    listening = asyncio.ensure_future(bus.subscribe(client, [CHANNEL], on_message, ready.set))
    await ready.wait()
    sandbox_id = await running.api.created()
    await running.api("POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": 80})
    await running.api("DELETE", f"/sandbox/{sandbox_id}")
    wanted = ["created", "started", "exposed", "destroying", "destroyed"]

    async def all_heard() -> bool:
        return [m["type"] for m in heard if m["sandboxId"] == sandbox_id] == wanted

    await eventually(all_heard)
    last = heard[-1]
    assert (last["state"], last["userId"]) == ("destroyed", running.api.caller.user_id)
    assert last["at"]
    listening.cancel()
    await asyncio.wait({listening})
    await client.aclose()
