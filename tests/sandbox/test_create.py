"""Create, over HTTP: what is answered, stored, configured, and undone when it fails."""

import asyncio
from datetime import datetime
from uuid import uuid4

from sandbox.runtime.memory import MemoryRuntime

from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.service import Api, Running, person


async def test_an_empty_body_creates_a_running_sandbox(api: Api, runtime: MemoryRuntime) -> None:
    answer = await api("POST", "/sandbox/create")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["success"] is True
    assert body["status"] == "running"
    assert body["template"] == "default"
    assert body["connected"] is True
    sandbox_id = body["sandboxId"]
    assert body["clientUrl"] == f"ws://localhost:3000/client/{sandbox_id}"
    assert body["agentUrl"] == f"ws://192.0.2.1:3001/agent/{sandbox_id}"
    created, expires = (datetime.fromisoformat(body[key]) for key in ("createdAt", "expiresAt"))
    assert (expires - created).total_seconds() == 1800
    assert [str(key) for key in runtime.containers] == [sandbox_id]
