"""A Docker Engine API client on ``http.client``: it runs before anything is installed.

One connection per request. API versions are negotiated by leaving them out of the path, so that
the engine answers with its own. ``unix://`` and ``tcp://`` (plain, or TLS with the variables
``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` of the Docker CLI) are understood.
"""

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]
Body = bytes | Iterable[bytes] | None

DEFAULT_HOST = "unix:///var/run/docker.sock"


class DockerError(Exception):
    """The engine refused a request, or did not answer it.

    ``status`` is the HTTP status, 0 when there was no answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class Docker:
    """One engine, by its address; holds no connection."""

    host: str = DEFAULT_HOST

    @classmethod
    def from_environment(cls) -> "Docker":
        """The engine that ``DOCKER_HOST`` names, otherwise the one on the local socket."""
        return cls(os.environ.get("DOCKER_HOST") or DEFAULT_HOST)

    def answers(self, timeout: float = 3.0) -> bool:
        """Whether an engine replies to a ping within ``timeout`` seconds."""
        try:
            with self._response("GET", "/_ping", timeout=timeout):
                return True
        except DockerError:
            return False

    def get(self, path: str, timeout: float | None = 60.0, **query: str) -> Any:
        """The JSON answer of a GET."""
        return self.call("GET", _with_query(path, query), timeout=timeout)

    def post(self, path: str, body: Json | None = None, **query: str) -> Any:
        """The JSON answer of a POST with a JSON body (None when the answer is empty)."""
        return self.call("POST", _with_query(path, query), body)

    def delete(self, path: str, **query: str) -> None:
        """Delete; what does not exist is deleted already."""
        try:
            self.call("DELETE", _with_query(path, query))
        except DockerError as error:
            if error.status != 404:
                raise

    def call(
        self, method: str, path: str, body: Json | None = None, timeout: float | None = 120.0
    ) -> Any:
        """Send one request and read its whole JSON answer; errors raise ``DockerError``."""
        data = None if body is None else json.dumps(body).encode()
        with self._response(method, path, data, "application/json", timeout) as response:
            text = response.read()
        return json.loads(text) if text.strip() else None

    def upload(self, method: str, path: str, tar: Body) -> Iterator[Json]:
        """Send a tar stream; yields the progress messages; one that tells of an error raises."""
        with self._response(method, path, tar, "application/x-tar", None) as response:
            yield from _messages(response)

    def pull(self, image: str) -> None:
        """Pull ``name:tag``; waits for as long as the registry takes."""
        path = _with_query("/images/create", {"fromImage": image})
        with self._response("POST", path, timeout=None) as response:
            for _ in _messages(response):
                pass

    def download(self, path: str) -> Iterator[bytes]:
        """The raw bytes of a GET, in blocks of at most 1 MiB."""
        with self._response("GET", path, timeout=None) as response:
            while block := response.read(1 << 20):
                yield block

    def inspect_image(self, tag: str) -> Json | None:
        """What the engine knows of an image; None when there is none."""
        try:
            found: Json = self.get(f"/images/{quote(tag, safe=':/')}/json")
        except DockerError as error:
            if error.status == 404:
                return None
            raise
        return found

    @contextmanager
    def _response(
        self,
        method: str,
        path: str,
        body: Body = None,
        kind: str = "application/json",
        timeout: float | None = 60.0,
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection(timeout)
        try:
            chunked = body is not None and not isinstance(body, bytes)
            headers = {"Content-Type": kind} if body is not None else {}
            connection.request(method, path, body, headers, encode_chunked=chunked)
            response = connection.getresponse()
            if response.status >= 400:
                raise DockerError(response.status, _reason(response.read()))
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise DockerError(0, f"{self.host}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        parts = urlsplit(self.host)
        if parts.scheme == "unix":
            return _UnixConnection(parts.path, timeout)
        if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
            raise DockerError(0, f"cannot use the Docker address {self.host}: not unix or tcp")
        if os.environ.get("DOCKER_TLS_VERIFY") or parts.scheme == "https":
            context = _tls(Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker"))
            port = parts.port or 2376
            return http.client.HTTPSConnection(
                parts.hostname, port, timeout=timeout, context=context
            )
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout)


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    return context


def _with_query(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip() or "no reason given"


def _messages(response: http.client.HTTPResponse) -> Iterator[Json]:
    for line in response:
        if not line.strip():
            continue
        message: Json = json.loads(line)
        if "error" in message:
            raise DockerError(500, str(message["error"]).strip())
        yield message
