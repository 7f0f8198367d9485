"""One HTTP transfer on a bare blocking socket: as little client as there can be."""

import re
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

BUFFER_BYTES = 1024 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def download(url: str, headers: Mapping[str, str], mebibytes: int) -> float:
    """MiB a second of a GET whose body has that size; RuntimeError for anything else."""
    began = time.perf_counter()
    with _connect(url) as connection:
        connection.sendall(_head("GET", url, headers))
        buffer = memoryview(bytearray(BUFFER_BYTES))
        head, body = _answer(connection)
        match = _LENGTH.search(head)
        if b" 200 " not in head[:16] or match is None or int(match[1]) != mebibytes << 20:
            raise RuntimeError(f"{url}: {head[:200]!r}")
        left = (mebibytes << 20) - len(body)
        while left:
            count = connection.recv_into(buffer)
            if not count:
                raise RuntimeError(f"{url}: cut with {left} bytes to come")
            left -= count
    return mebibytes / (time.perf_counter() - began)


def upload(url: str, headers: Mapping[str, str], mebibytes: int) -> float:
    """MiB a second of a PUT of that size, until it is answered."""
    chunk = bytes(BUFFER_BYTES)
    began = time.perf_counter()
    with _connect(url) as connection:
        length = {"Content-Length": str(mebibytes << 20)}
        connection.sendall(_head("PUT", url, {**headers, **length}))
        for _ in range(mebibytes):
            connection.sendall(chunk)
        head, _ = _answer(connection)
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"{url}: {head[:200]!r}")
    return mebibytes / (time.perf_counter() - began)


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), timeout=120)


def _head(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    if "Host" not in headers:
        lines.append(f"Host: {parts.netloc}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head, and what of the body came with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(BUFFER_BYTES)
        if not part:
            raise RuntimeError(f"no answer: {received[:200]!r}")
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body
