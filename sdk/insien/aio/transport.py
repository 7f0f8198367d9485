"""Sends calls over HTTP on the event loop and waits between tries."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from insien.core.call import Call
from insien.core.following import Following
from insien.core.problem import raise_for_problem
from insien.core.request import PIECE_BYTES, arguments
from insien.core.retry import Retry
from insien.core.settings import LIMITS, ClientSettings
from insien.errors import InsienError
from insien.results import Chunk

T = TypeVar("T")


class AsyncTransport:
    """Connections to one API, on one event loop."""

    def __init__(self, settings: ClientSettings) -> None:
        self._retry_seconds = settings.retry_seconds
        self._http = httpx.AsyncClient(
            base_url=settings.api_url,
            headers=settings.headers,
            limits=LIMITS,
            trust_env=settings.trust_env,
        )

    async def send(self, call: Call[T]) -> T:
        """What the answer says; raises an InsienError."""
        retry = Retry(self._retry_seconds, call.repeatable)
        while True:
            try:
                async with self._open(call) as response:
                    await response.aread()
                return call.parse(response)
            except (httpx.TransportError, InsienError) as error:
                await asyncio.sleep(retry.after(error))

    async def follow(self, following: Following) -> AsyncGenerator[Chunk, None]:
        """Output until the process has ended, over as many connections as it takes."""
        retry = Retry(self._retry_seconds, repeatable=True)
        while following.ended is None:
            try:
                async with self._open(following.request()) as response:
                    async for data in response.aiter_raw():
                        retry.succeeded()
                        for chunk in following.feed(data):
                            yield chunk
                following.check_ended()
            except (httpx.TransportError, InsienError) as error:
                await asyncio.sleep(retry.after(error))

    async def download(self, call: Call[bytes], target: Path) -> None:
        """The body into a file, which is there only once it is complete."""
        part = target.with_name(target.name + ".part")
        retry = Retry(self._retry_seconds, repeatable=True)
        while True:
            try:
                await self._save(call, part)
                await asyncio.to_thread(part.replace, target)
                return
            except (httpx.TransportError, InsienError) as error:
                await asyncio.to_thread(part.unlink, missing_ok=True)
                await asyncio.sleep(retry.after(error))

    async def _save(self, call: Call[bytes], part: Path) -> None:
        async with self._open(call) as response:
            file = await asyncio.to_thread(part.open, "wb")
            try:
                async for data in response.aiter_raw(PIECE_BYTES):
                    await asyncio.to_thread(file.write, data)
            finally:
                await asyncio.to_thread(file.close)

    @asynccontextmanager
    async def _open(self, call: Call[Any]) -> AsyncIterator[httpx.Response]:
        """A good answer whose body has not been read yet."""
        content = _pieces(call.content) if isinstance(call.content, Path) else call.content
        request = self._http.build_request(**arguments(call), content=content)
        response = await self._http.send(request, stream=True)
        try:
            if response.is_error:
                with suppress(httpx.TransportError):
                    await response.aread()
                raise_for_problem(response)
            yield response
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._http.aclose()


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while data := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield data
    finally:
        await asyncio.to_thread(file.close)
