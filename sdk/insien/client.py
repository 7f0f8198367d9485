"""The way in: a client of one Insien Sandbox API."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Unpack

from insien.core import sandbox_calls
from insien.core.settings import ClientSettings
from insien.models import CreateOptions, Status, Template
from insien.sandbox import Sandbox
from insien.transport import Transport


class Client:
    """Address and key come from INSIEN_API_URL and INSIEN_API_KEY unless given.

    Safe to share between threads. A call that failed for a passing reason and may be repeated
    without harm is repeated for up to `retry_seconds`.
    """

    def __init__(
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        *,
        retry_seconds: float = 30.0,
    ) -> None:
        self._transport = Transport(ClientSettings.resolve(api_url, api_key, retry_seconds))

    def create(self, template: str | None = None, **options: Unpack[CreateOptions]) -> Sandbox:
        """A new sandbox, running and connected (unless `wait=False`)."""
        sandbox_id = self._transport.send(sandbox_calls.create(template, options))
        return Sandbox(self._transport, sandbox_id)

    def get(self, sandbox_id: str) -> Sandbox:
        """A sandbox that is there; NotFound when it is not, or is someone else's."""
        status = self._transport.send(sandbox_calls.status(sandbox_id))
        return Sandbox(self._transport, status.id)

    def list(
        self, *, status: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Iterator[Status]:
        """One's own sandboxes, page by page as they are read."""
        cursor: str | None = None
        while True:
            page = self._transport.send(sandbox_calls.sandboxes(status, metadata, cursor))
            yield from page.items
            if (cursor := page.next_cursor) is None:
                return

    def templates(self) -> tuple[Template, ...]:
        return self._transport.send(sandbox_calls.templates())

    def limits(self) -> dict[str, Any]:
        """What the caller may use, and uses now."""
        return self._transport.send(sandbox_calls.limits())

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
