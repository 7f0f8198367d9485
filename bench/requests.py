"""An authenticated GET through gateway and service against bare Starlette on uvicorn."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.load import requests_per_second
from bench.row import Row
from tests.support.servers import free_port

BARE = (
    "import sys, uvicorn\n"
    "from starlette.applications import Starlette\n"
    "from starlette.responses import JSONResponse\n"
    "from starlette.routing import Route\n"
    "async def hello(request): return JSONResponse({'success': True, 'hello': 'world'})\n"
    "uvicorn.run(Starlette(routes=[Route('/hello', hello)]), port=int(sys.argv[1]),\n"
    "            access_log=False, log_level='warning', http='httptools', loop='uvloop')\n"
)


@contextmanager
def _bare_server() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port)])
    try:
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/hello", timeout=1)
                break
            except httpx.TransportError:
                continue
        yield port
    finally:
        process.terminate()
        process.wait()


def _request(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n".encode()


async def authenticated_get(base: str, key: str, path: str, what: str) -> Row:
    """32 connections, one gateway process."""
    with _bare_server() as port:
        bare = await requests_per_second("127.0.0.1", port, _request("/hello", "none"))
    url = httpx.URL(base)
    ours = await requests_per_second("127.0.0.1", url.port or 80, _request(path, key))
    return Row(what, "req/s", bare, ours, ">=", 0.20)
