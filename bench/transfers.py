"""Files and previews through the gateway against a published Docker port serving the same bytes."""

import time
from collections.abc import AsyncIterator

import aiodocker
import httpx

from bench import docker_alone, stack
from bench.row import Row, p50

PARTS = ("gateway", "auth", "sandbox", "ws-hub")
CHUNK = bytes(1024 * 1024)


async def _download(client: httpx.AsyncClient, url: str, mebibytes: int) -> float:
    """MiB a second."""
    began, size = time.perf_counter(), 0
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for chunk in answer.aiter_raw(1024 * 1024):
            size += len(chunk)
    if size != mebibytes * len(CHUNK):
        raise RuntimeError(f"{url}: {size} bytes")
    return mebibytes / (time.perf_counter() - began)


async def _bare(client: httpx.AsyncClient, mebibytes: int) -> float:
    async with (
        aiodocker.Docker() as docker,
        docker_alone.file_server(docker, mebibytes) as url,
    ):
        for _ in range(200):
            try:
                if (await client.head(url)).headers["content-length"] == str(mebibytes << 20):
                    break
            except (httpx.TransportError, KeyError):
                pass
            time.sleep(0.05)  # noqa: ASYNC251  (nothing else runs here)
        return p50([await _download(client, url, mebibytes) for _ in range(3)])


async def _upload(api: httpx.AsyncClient, sandbox_id: str, mebibytes: int) -> float:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(mebibytes):
            yield CHUNK

    began = time.perf_counter()
    answer = await api.put(
        f"/sandbox/{sandbox_id}/files", params={"path": "big"}, content=body(), timeout=120
    )
    answer.raise_for_status()
    return mebibytes / (time.perf_counter() - began)


async def files(api: httpx.AsyncClient, sandbox_id: str) -> list[Row]:
    """256 MiB up and down, and what it does to the memory of each service."""
    size = 256
    async with httpx.AsyncClient(timeout=120) as plain:
        bare = await _bare(plain, size)
    await _upload(api, sandbox_id, 16)
    before = {part: stack.rss_bytes(stack.pid(part)) for part in PARTS}
    up = p50([await _upload(api, sandbox_id, size) for _ in range(3)])
    path = f"/sandbox/{sandbox_id}/files?path=big"
    down = p50([await _download(api, path, size) for _ in range(3)])
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
    async with httpx.AsyncClient(timeout=120) as plain:
        bare = await _bare(plain, size)
    async with httpx.AsyncClient(timeout=120, headers={"Host": host}) as plain:
        url = f"{base}/file"
        for _ in range(200):
            answer = await plain.head(url)
            if answer.headers.get("content-length") == str(size << 20):
                break
            time.sleep(0.05)  # noqa: ASYNC251  (nothing else runs here)
        ours = p50([await _download(plain, url, size) for _ in range(3)])
    return Row("preview, 64 MiB", "MiB/s", bare, ours, ">=", 0.25)
