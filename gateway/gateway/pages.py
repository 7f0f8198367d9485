"""What the gateway answers by itself: /health, /openapi.json and /docs."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files

from gateway.exchange import Exchange
from gateway.headers import Fields
from gateway.health import Health
from gateway.security import SecurityHeaders

_JSON = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")
_REVALIDATE = (b"cache-control", b"no-cache")


class Pages:
    """The three, by route."""

    def __init__(self, health: Health, security: SecurityHeaders) -> None:
        self._health = health
        self._security = security

    async def serve(self, exchange: Exchange, path: str) -> None:
        """Answers GET and HEAD of one of them."""
        if path == "/health":
            status, document = await self._health.report()
            extra = [(b"retry-after", b"1")] if status == 503 else []
            body = json.dumps(document).encode()
            await exchange.answer(status, [_JSON, _NO_STORE, *extra], body)
        elif path == "/openapi.json":
            await exchange.answer(200, [_JSON, _REVALIDATE], _read("openapi.json"))
        else:
            await self._docs(exchange)

    async def _docs(self, exchange: Exchange) -> None:
        body = _read("docs.html")
        own = self._security.page(script=_hash(body, b"script"), style=_hash(body, b"style"))
        replaced = {name for name, _ in self._security.api}
        kept: Fields = [item for item in exchange.extra if item[0] not in replaced]
        exchange.extra = kept + own
        content = (b"content-type", b"text/html; charset=utf-8")
        await exchange.answer(200, [content, _REVALIDATE], body)


@cache
def _read(name: str) -> bytes:
    return files("gateway").joinpath(name).read_bytes()


@cache
def _hash(page: bytes, element: bytes) -> str:
    """The hash of a page's inline script or style, as a content security policy names it."""
    match = re.search(rb"<%s>(.*?)</%s>" % (element, element), page, re.DOTALL)
    content = match.group(1) if match else b""
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
