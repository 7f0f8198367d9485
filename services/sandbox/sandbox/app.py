"""The composition root: the only place that names Docker, PostgreSQL, Redis and gRPC."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import grpc
import redis.asyncio as redis
from starlette.applications import Starlette
from starlette.types import ASGIApp

from kit import asgi, bus, health, migrations, rpc, serve
from kit import database as kit_database
from kit.caller import CallerTokens, SandboxTokens
from kit.errors import Unavailable
from kit.rpc import Rpc
from sandbox import templates
from sandbox.addresses import Addresses, AgentUrls, PortTokens
from sandbox.announcer import Announcer
from sandbox.errors import RuntimeFailed
from sandbox.hub import Hub
from sandbox.lifecycle.parts import Background, Parts
from sandbox.loops import container_events, disk_watchdog, leases, reconciler, warm_pool
from sandbox.loops.leader import lead
from sandbox.repository.database import Database
from sandbox.routes import endpoints
from sandbox.rpc import Sandboxes
from sandbox.runtime import container_config
from sandbox.runtime.docker import DockerRuntime
from sandbox.runtime.seam import Runtime
from sandbox.settings import SandboxSettings
from wire.sandbox.v1 import sandbox_pb2_grpc

logger = logging.getLogger(__name__)

SCHEMA = "sandbox"
POOL_SIZE = 20
RETRY_SECONDS = 1.0
DRAIN_SECONDS = 10.0

MakeRuntime = Callable[[SandboxSettings], Runtime]


def docker_runtime(settings: SandboxSettings) -> DockerRuntime:
    """Containers on the configured Docker Engine."""
    bundle = settings.agent_bundle
    return DockerRuntime(
        settings.docker_host,
        container_config.Site(
            deployment=settings.deployment,
            bundle=container_config.resolve_bundle(bundle),
            entrypoint=container_config.read_entrypoint(bundle, settings.agent_entrypoint),
            network=settings.sandbox_network,
            network_isolated=settings.sandbox_network_isolated,
        ),
    )


def catalog(settings: SandboxSettings) -> templates.Catalog:
    """The templates. Raises TemplateInvalid."""
    found = templates.load(settings.templates_dir, settings.warm_pool_size)
    bundle = settings.agent_bundle
    site = (
        settings.agent_url,
        settings.sandbox_network,
        container_config.resolve_bundle(bundle),
        container_config.read_version(bundle),
        container_config.read_entrypoint(bundle, settings.agent_entrypoint),
    )
    return templates.Catalog(found, repr(site))


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ways to the outside, but for the database."""

    runtime: Runtime
    hub: Hub
    announcer: Announcer
    background: Background


def assemble(
    settings: SandboxSettings, found: templates.Catalog, pool: asyncpg.Pool, adapters: Adapters
) -> Parts:
    """What the use cases work with."""
    agents = AgentUrls(settings.agent_url, settings.agent_url_isolated or settings.agent_url)
    secret = settings.internal_secret.get_secret_value()
    return Parts(
        settings=settings,
        catalog=found,
        database=Database(pool),
        runtime=adapters.runtime,
        hub=adapters.hub,
        announcer=adapters.announcer,
        addresses=Addresses(settings.public_url, settings.preview_domain, agents),
        port_tokens=PortTokens(secret),
        access_tokens=SandboxTokens(secret),
        slots=asyncio.Semaphore(settings.create_concurrency),
        background=adapters.background,
    )


class Service:
    """What is connected so far: `parts` are there as soon as PostgreSQL has answered."""

    def __init__(self, settings: SandboxSettings, make_runtime: MakeRuntime) -> None:
        self._settings = settings
        self._make_runtime = make_runtime
        self._catalog = catalog(settings)
        self._parts: Parts | None = None
        self._redis: redis.Redis | None = None
        self._runtime: Runtime | None = None

    def parts(self) -> Parts:
        """What the use cases work with. Raises Unavailable while there is none."""
        if self._parts is None:
            raise Unavailable("The service waits for its database.", retry_after=2)
        return self._parts

    def checks(self) -> dict[str, health.Check]:
        """For `/readyz`."""

        async def postgres() -> None:
            await self.parts().database.check()

        async def redis_answers() -> None:
            if self._redis is None:
                raise Unavailable("not started")
            await self._redis.ping()

        async def docker() -> None:
            if self._runtime is None:
                raise Unavailable("not started")
            await self._runtime.check()

        return {"postgres": postgres, "redis": redis_answers, "docker": docker}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything that runs beside the requests."""
        settings = self._settings
        async with contextlib.AsyncExitStack() as stack:
            self._redis = bus.connect(settings.redis_url.get_secret_value())
            stack.push_async_callback(self._redis.aclose)
            self._runtime = self._make_runtime(settings)
            if isinstance(self._runtime, DockerRuntime):
                stack.push_async_callback(self._runtime.close)
            hub_rpc = Rpc(settings.ws_hub_grpc, settings.internal_secret.get_secret_value())
            stack.push_async_callback(hub_rpc.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            background = Background(tasks)
            announcer = Announcer(self._redis)
            adapters = Adapters(self._runtime, Hub(hub_rpc), announcer, background)
            boot = self._boot(adapters)
            owned = [tasks.create_task(boot), tasks.create_task(announcer.run())]
            try:
                yield
            finally:
                await background.finish(DRAIN_SECONDS)
                for task in owned:
                    task.cancel()
                background.cancel()

    async def _boot(self, adapters: Adapters) -> None:
        settings = self._settings
        url = settings.database_url.get_secret_value()
        pool = await kit_database.connect(url, schema=SCHEMA, size=POOL_SIZE)
        try:
            await _migrate(pool)
            parts = assemble(settings, self._catalog, pool, adapters)
            self._parts = parts
            logger.info("ready", extra={"templates": sorted(self._catalog.templates)})
            await _run_loops(parts)
        finally:
            pool.terminate()


async def _migrate(pool: asyncpg.Pool) -> None:
    """Brings the schema up to date, as soon as the database lets it."""
    while True:
        try:
            await migrations.apply(pool, SCHEMA, migrations.find("sandbox"))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.error("the schema cannot be brought up to date: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _run_loops(parts: Parts) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(leases.run(parts))
        tasks.create_task(_prepare(parts.runtime))
        tasks.create_task(warm_pool.watch_images(parts))
        tasks.create_task(lead(parts.database, lambda: _lead(parts)))


async def _lead(parts: Parts) -> None:
    work: list[Callable[[Parts], Awaitable[None]]] = [
        reconciler.run,
        warm_pool.run,
        disk_watchdog.run,
        container_events.run,
    ]
    async with asyncio.TaskGroup() as tasks:
        for run in work:
            tasks.create_task(_awaited(run(parts)))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _prepare(runtime: Runtime) -> None:
    """Networks, as soon as the runtime answers."""
    while True:
        try:
            await runtime.prepare()
        except RuntimeFailed as error:
            logger.warning("waiting for the container runtime: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def drain_warm(settings: SandboxSettings) -> None:
    """Destroys all warm sandboxes, once; a service that runs with a warm pool makes new ones."""
    secret = settings.internal_secret.get_secret_value()
    async with contextlib.AsyncExitStack() as stack:
        client = bus.connect(settings.redis_url.get_secret_value())
        stack.push_async_callback(client.aclose)
        runtime = docker_runtime(settings)
        stack.push_async_callback(runtime.close)
        hub_rpc = Rpc(settings.ws_hub_grpc, secret)
        stack.push_async_callback(hub_rpc.close)
        url = settings.database_url.get_secret_value()
        pool = await kit_database.connect(url, schema=SCHEMA)
        stack.push_async_callback(pool.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        adapters = Adapters(runtime, Hub(hub_rpc), Announcer(client), Background(tasks))
        count = await warm_pool.drain(assemble(settings, catalog(settings), pool, adapters))
    logger.info("drained", extra={"destroyed": count})


def _serve_rpc(servicer: Sandboxes, server: grpc.aio.Server) -> None:
    add = sandbox_pb2_grpc.add_SandboxesServicer_to_server
    add(servicer, server)  # type: ignore[no-untyped-call]  # generated


def create_app(settings: SandboxSettings, make_runtime: MakeRuntime = docker_runtime) -> ASGIApp:
    """The service: HTTP here, gRPC on its own port as long as the application runs."""
    service = Service(settings, make_runtime)
    secret = settings.internal_secret.get_secret_value()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.parts = service.parts
        server = rpc.create_server(secret)
        _serve_rpc(Sandboxes(service.parts), server)
        async with service.running():
            await serve.start_grpc(server, settings.host, settings.grpc_port)
            try:
                yield
            finally:
                await server.stop(grace=5)

    return asgi.create_app(
        endpoints(),
        CallerTokens(secret),
        lifespan=lifespan,
        internal=health.routes(service.checks()),
    )
