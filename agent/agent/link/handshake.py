"""The opening handshake of RFC 6455, section 4.1, without I/O."""

from __future__ import annotations

import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SUBPROTOCOL = "insien.agent.v1"
ANSWER_LIMIT = 16384
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class HandshakeRefused(Exception):
    """The server said no, or nonsense. ``status`` is 0 when it spoke no HTTP."""

    def __init__(self, status: int, detail: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.retry_after = retry_after


class Handshake:
    """One attempt: send ``request``, feed the answer until ``feed`` returns what follows it."""

    def __init__(self, url: Url, token: str, random: Callable[[int], bytes]) -> None:
        key = binascii.b2a_base64(random(16), newline=False)
        self._accept = _accept(key)
        self._buffer = b""
        lines = (
            f"GET {url.path} HTTP/1.1",
            f"Host: {url.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"Authorization: Bearer {token}",
        )
        self.request = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")

    def feed(self, data: bytes) -> bytes | None:
        """None while the answer is incomplete, else the bytes after it. Raises HandshakeRefused."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            if len(self._buffer) > ANSWER_LIMIT:
                raise HandshakeRefused(0, "the answer is too long")
            return None
        status, headers = _parse(head)
        if status != 101:
            raise HandshakeRefused(status, "no upgrade", _retry_after(headers))
        if headers.get("sec-websocket-accept") != self._accept:
            raise HandshakeRefused(0, "wrong Sec-WebSocket-Accept")
        if headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            raise HandshakeRefused(0, "wrong subprotocol")
        if "sec-websocket-extensions" in headers:
            raise HandshakeRefused(0, "an extension that was not asked for")
        return rest


class Url:
    """``ws://host[:port]/path``. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        scheme, found, rest = text.partition("://")
        if scheme != "ws" or not found:
            raise ValueError("the URL must begin with ws://")
        authority, slash, path = rest.partition("/")
        self.authority = authority
        self.path = slash + path or "/"
        host, _, port = authority.rpartition(":")
        if not host or authority.endswith("]"):
            host, port = authority, "80"
        self.host = host.removeprefix("[").removesuffix("]")
        self.port = int(port)
        if not self.host or not 0 < self.port < 65536 or not text.isascii() or " " in text:
            raise ValueError("the URL has no host, or a bad port")


def _accept(key: bytes) -> str:
    from _sha1 import sha1  # type: ignore[import-not-found]  # hashlib loads all

    digest: bytes = sha1(key + _GUID).digest()
    return binascii.b2a_base64(digest, newline=False).decode()


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise HandshakeRefused(0, "no HTTP answer")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(rest[:3]), headers


def _retry_after(headers: dict[str, str]) -> float:
    value = headers.get("retry-after", "")
    return min(30.0, float(value)) if value.isdecimal() else 0.0
