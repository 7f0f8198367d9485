"""The way in: a client of one Insien Sandbox API."""

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Unpack

from insien.aio.sandbox import AsyncSandbox
from insien.aio.transport import AsyncTransport
from insien.core import sandbox_calls
from insien.core.settings import ClientSettings
from insien.models import CreateOptions, Status, Template


class AsyncClient:
    """Address and key come from INSIEN_API_URL and INSIEN_API_KEY unless given.

    For one event loop. A call that failed for a passing reason and may be repeated
    without harm is repeated for up to `retry_seconds`.
    """

    def __init__(
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        *,
        retry_seconds: float = 30.0,
    ) -> None:
        self._transport = AsyncTransport(ClientSettings.resolve(api_url, api_key, retry_seconds))

    async def create(
        self, template: str | None = None, **options: Unpack[CreateOptions]
    ) -> AsyncSandbox:
        """A new sandbox, running and connected (unless `wait=False`)."""
        sandbox_id = await self._transport.send(sandbox_calls.create(template, options))
        return AsyncSandbox(self._transport, sandbox_id)

    async def get(self, sandbox_id: str) -> AsyncSandbox:
        """A sandbox that is there; NotFound when it is not, or is someone else's."""
        status = await self._transport.send(sandbox_calls.status(sandbox_id))
        return AsyncSandbox(self._transport, status.id)

    async def list(
        self, *, status: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> AsyncIterator[Status]:
        """One's own sandboxes, page by page as they are read."""
        cursor: str | None = None
        while True:
            page = await self._transport.send(sandbox_calls.sandboxes(status, metadata, cursor))
            for item in page.items:
                yield item
            if (cursor := page.next_cursor) is None:
                return

    async def templates(self) -> tuple[Template, ...]:
        return await self._transport.send(sandbox_calls.templates())

    async def limits(self) -> dict[str, Any]:
        """What the caller may use, and uses now."""
        return await self._transport.send(sandbox_calls.limits())

    async def close(self) -> None:
        await self._transport.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
