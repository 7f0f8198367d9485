"""Sends calls over HTTP and waits between tries."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
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


class Transport:
    """Connections to one API; safe to share between threads."""

    def __init__(self, settings: ClientSettings) -> None:
        self._retry_seconds = settings.retry_seconds
        self._http = httpx.Client(
            base_url=settings.api_url,
            headers=settings.headers,
            limits=LIMITS,
            trust_env=settings.trust_env,
        )

    def send(self, call: Call[T]) -> T:
        """What the answer says; raises an InsienError."""
        retry = Retry(self._retry_seconds, call.repeatable)
        while True:
            try:
                with self._open(call) as response:
                    response.read()
                return call.parse(response)
            except (httpx.TransportError, InsienError) as error:
                time.sleep(retry.after(error))

    def follow(self, following: Following) -> Generator[Chunk, None, None]:
        """Output until the process has ended, over as many connections as it takes."""
        retry = Retry(self._retry_seconds, repeatable=True)
        while following.ended is None:
            try:
                with self._open(following.request()) as response:
                    for data in response.iter_raw():
                        retry.succeeded()
                        yield from following.feed(data)
                following.check_ended()
            except (httpx.TransportError, InsienError) as error:
                time.sleep(retry.after(error))

    def download(self, call: Call[bytes], target: Path) -> None:
        """The body into a file, which is there only once it is complete."""
        part = target.with_name(target.name + ".part")
        retry = Retry(self._retry_seconds, repeatable=True)
        while True:
            try:
                with self._open(call) as response, part.open("wb") as file:
                    for data in response.iter_raw(PIECE_BYTES):
                        file.write(data)
                part.replace(target)
                return
            except (httpx.TransportError, InsienError) as error:
                part.unlink(missing_ok=True)
                time.sleep(retry.after(error))

    @contextmanager
    def _open(self, call: Call[Any]) -> Iterator[httpx.Response]:
        """A good answer whose body has not been read yet."""
        content = _pieces(call.content) if isinstance(call.content, Path) else call.content
        request = self._http.build_request(**arguments(call), content=content)
        response = self._http.send(request, stream=True)
        try:
            if response.is_error:
                with suppress(httpx.TransportError):
                    response.read()
                raise_for_problem(response)
            yield response
        finally:
            response.close()

    def close(self) -> None:
        self._http.close()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(PIECE_BYTES):
            yield data
