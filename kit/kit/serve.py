"""Serving: HTTP on an own or an inherited socket, gRPC beside it, one event loop."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Sequence
from typing import Any

import grpc
import uvicorn

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 30


def listening_socket(host: str, port: int, fd_variable: str = "LISTEN_FD") -> socket.socket:
    """The socket inherited by the number in `fd_variable`, else a new one bound to host and port.

    Exits with status 1 and one clear line when the port is taken.
    """
    fd = os.environ.get(fd_variable)
    if fd:
        inherited = socket.socket(fileno=os.dup(int(fd)))
        inherited.setblocking(False)
        return inherited
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        logger.critical("cannot listen on %s:%s: %s", host, port, error.strerror)
        raise SystemExit(1) from None
    bound.listen(2048)
    bound.setblocking(False)
    return bound


def http_server(app: Any, **options: Any) -> uvicorn.Server:
    """A uvicorn server for the app: httptools, uvloop, no access log, no server header."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **{"http": "httptools", "lifespan": "on", "ws": "none", "proxy_headers": False, **options},
    )
    return uvicorn.Server(config)


def run(servers: Sequence[tuple[uvicorn.Server, socket.socket]]) -> None:
    """Serves until SIGTERM or SIGINT; the first server's lifespan owns everything else."""

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for server, bound in servers:
                tasks.create_task(server.serve(sockets=[bound]))
            await _until_started([server for server, _ in servers])
            _settle_memory()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


async def _until_started(servers: Sequence[uvicorn.Server]) -> None:
    while not all(server.started or server.should_exit for server in servers):  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # uvicorn tells by a flag only


def _settle_memory() -> None:
    """Spares what lives as long as the process every later collection, and makes these rarer.

    Requests leave next to no cycles behind: reference counting frees them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _loop_factory() -> Any:
    import uvloop

    return uvloop.new_event_loop


async def start_grpc(server: grpc.aio.Server, host: str, port: int) -> None:
    """Binds and starts a gRPC server; a taken port ends the process with one clear line."""
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        bound = 0
    if bound == 0:
        logger.critical("cannot listen on %s:%s (gRPC): address already in use", host, port)
        raise SystemExit(1)
    await server.start()
