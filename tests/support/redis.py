"""An embedded Redis for a test run; a test that needs to stop it starts one of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from infra.stack.redis_server import program
from tests.support.servers import free_port, running


@contextlib.contextmanager
def server(folder: Path, port: int | None = None) -> Iterator[str]:
    """A Redis server without persistence, on a free or the given port; yields its URL."""
    port = port or free_port()
    argv = [str(program()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running([*argv, "--dir", str(folder)], folder / f"redis-{port}.log", port=port):
        yield f"redis://127.0.0.1:{port}/0"
