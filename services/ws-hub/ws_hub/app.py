"""The composition root: the application whose lifespan owns everything of this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.applications import Starlette
from starlette.types import ASGIApp
from websockets.asyncio.server import Server, serve

from kit import health
from kit.asgi import create_app as kit_app
from kit.caller import CallerTokens
from kit.rpc import NOT_SERVING, SERVING, create_server
from kit.serve import start_grpc
from wire.hub.v1.hub_pb2_grpc import add_HubServicer_to_server
from ws_hub import hub as hubs
from ws_hub.drain import drain
from ws_hub.hub import Hub
from ws_hub.routes import endpoints
from ws_hub.rpc import HubRpc
from ws_hub.settings import HubSettings
from ws_hub.upgrade import select_subprotocol

MAX_MESSAGE_BYTES = 1024 * 1024
OPEN_SECONDS = 10
CLOSE_SECONDS = 10
BACKLOG = 2048


def create_app(
    settings: HubSettings,
    sockets: Sequence[socket.socket],
    ending: Callable[[], bool] = lambda: False,
    started: Callable[[Hub], None] = lambda hub: None,
) -> ASGIApp:
    """The HTTP application; while it runs, so do the WebSocket server on `sockets` and gRPC.

    `ending` tells that the process shall end: the drain begins then, beside the requests.
    `started` gets the replica's parts once they are made.
    """
    secret = settings.internal_secret.get_secret_value()
    callers = CallerTokens(secret)
    checks: dict[str, health.Check] = {}

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        hub = hubs.create(settings, callers)
        app.state.switchboard = hub.switchboard
        started(hub)

        async def ping() -> None:
            await hub.client.ping()

        checks["redis"] = ping
        rpc = create_server(secret)
        add_HubServicer_to_server(  # type: ignore[no-untyped-call]
            HubRpc(hub.roster, hub.leases, hub.switchboard.directory, hub.news.let_go), rpc
        )
        async with hub.running():
            servers = [await _serve_sockets(hub, bound) for bound in sockets]
            await start_grpc(rpc, settings.host, settings.grpc_port)
            await rpc.health.set("", SERVING)  # type: ignore[attr-defined]  # see kit.rpc

            async def end() -> None:
                await rpc.health.set("", NOT_SERVING)  # type: ignore[attr-defined]
                await drain(hub, servers, settings.drain_seconds.total_seconds())

            watcher = asyncio.create_task(_when(ending, end))
            try:
                yield
            finally:
                if not ending():
                    watcher.cancel()
                    await end()
                else:
                    await watcher
                await rpc.stop(1)
        await hub.close()

    return kit_app(endpoints(), callers, lifespan=lifespan, internal=health.routes(checks))


async def _when(condition: Callable[[], bool], act: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  (uvicorn tells by a flag only)
        await asyncio.sleep(0.05)
    await act()  # type: ignore[misc]


async def _serve_sockets(hub: Hub, bound: socket.socket) -> Server:
    """The WebSocket server on one listening socket.

    Keepalive is our own (one loop for all agents; clients are watched by the gateway), compression
    costs memory for each socket, and the size limit is the protocol's.
    """
    return await serve(
        hub.upgrades.handle,
        sock=bound,
        process_request=hub.upgrades.process_request,
        select_subprotocol=select_subprotocol,
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
        max_queue=16,
        write_limit=256 * 1024,
        ping_interval=None,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        backlog=BACKLOG,
        server_header=None,
    )
