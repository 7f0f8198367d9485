"""Files and previews through the gateway against a published Docker port serving the same bytes."""

import asyncio

import aiodocker
import httpx

from bench import docker_alone, plain_http, stack
from bench.row import Row, p50

PARTS = ("gateway", "auth", "sandbox", "ws-hub")
TIMES = 5


async def _bare(mebibytes: int) -> float:
    async with (
        aiodocker.Docker() as docker,
        docker_alone.file_server(docker, mebibytes) as url,
    ):
        for _ in range(200):
            try:
                head = await asyncio.to_thread(httpx.head, url)
                if head.headers["content-length"] == str(mebibytes << 20):
                    break
            except (httpx.TransportError, KeyError):
                pass
            await asyncio.sleep(0.05)
        return p50([plain_http.download(url, {}, mebibytes) for _ in range(TIMES)])


async def files(api: httpx.AsyncClient, sandbox_id: str) -> list[Row]:
    """256 MiB up and down, and what it does to the memory of each service."""
    size = 256
    bare = await _bare(size)
    headers = {"X-API-Key": api.headers["X-API-Key"]}
    url = f"{api.base_url}".rstrip("/") + f"/sandbox/{sandbox_id}/files?path=big"
    plain_http.upload(url, headers, 16)
    before = {part: stack.rss_bytes(stack.pid(part)) for part in PARTS}
    up = p50([plain_http.upload(url, headers, size) for _ in range(TIMES)])
    down = p50([plain_http.download(url, headers, size) for _ in range(TIMES)])
    growth = {part: stack.rss_bytes(stack.pid(part)) - before[part] for part in PARTS}
    worst = max(growth, key=lambda part: growth[part])
    return [
        Row("file up, 256 MiB", "MiB/s", bare, up, ">=", 0.15),
        Row("file down, 256 MiB", "MiB/s", bare, down, ">=", 0.15),
        Row(
            "memory growth while doing so",
            "MiB",
            None,
            growth[worst] / 2**20,
            "<=",
            32,
            f"({worst})",
        ),
    ]


async def preview(api: httpx.AsyncClient, base: str, sandbox_id: str) -> Row:
    """A body of 64 MiB from `http.server` in the sandbox, by its preview URL."""
    size, port = 64, 8000
    script = f"head -c {size}M /dev/zero > file; exec python3 -m http.server {port}"
    await api.post(f"/sandbox/{sandbox_id}/exec", json={"command": script, "background": True})
    await api.post(f"/sandbox/{sandbox_id}/expose", json={"containerPort": port})
    host = f"{port}-{sandbox_id}.localhost"
    bare = await _bare(size)
    url = f"{base}/file"
    for _ in range(200):
        answer = await asyncio.to_thread(httpx.head, url, headers={"Host": host})
        if answer.headers.get("content-length") == str(size << 20):
            break
        await asyncio.sleep(0.05)
    ours = p50([plain_http.download(url, {"Host": host}, size) for _ in range(TIMES)])
    return Row("preview, 64 MiB", "MiB/s", bare, ours, ">=", 0.25)
