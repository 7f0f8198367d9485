"""The composition root: the only file that names concrete parts.

The HTTP port is served at once; until PostgreSQL answers and is migrated, `/readyz` says what is
missing, routes answer 503 and the gRPC port is closed.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import redis.asyncio as redis
from starlette.applications import Starlette
from starlette.types import ASGIApp

from auth import clerk_api, svix_signature
from auth.attempts import Attempts
from auth.audit import Audit
from auth.authentication import Authenticator
from auth.clerk_api import ClerkApi
from auth.clock import Clock, utcnow
from auth.departures import Departures
from auth.hashing import HashingPool
from auth.jwks import Jwks, KeySource, PemKey
from auth.key_verification import KeyVerifier, VerifierTools
from auth.keys import Keys, KeyTools
from auth.last_used import LastUsed
from auth.parts import Parts, install
from auth.proofs import Proofs
from auth.reconcile import Reconciler
from auth.revocations import Revocations
from auth.routes import endpoints
from auth.rpc import add_to
from auth.sandboxes_client import SandboxesClient
from auth.session_token import Rules
from auth.session_verification import SessionTools, SessionVerifier
from auth.settings import Settings
from auth.soft_redis import SoftRedis
from auth.tables import api_keys
from auth.tables.connection import Pool
from auth.users import Users
from auth.webhooks import Webhooks
from kit.asgi import create_app as asgi_app
from kit.bus import connect as connect_redis
from kit.caller import CallerTokens
from kit.database import connect as connect_database
from kit.errors import Unavailable
from kit.health import routes as health_routes
from kit.migrations import apply, find
from kit.rpc import Rpc, create_server
from kit.serve import start_grpc

logger = logging.getLogger(__name__)

SCHEMA = "auth"
POOL_SIZE = 20


@dataclass(frozen=True, slots=True)
class _Outside:
    """Connections to everything outside."""

    pool: Pool
    redis: "redis.Redis"
    http: httpx.AsyncClient
    sandboxes: Rpc
    hashing: HashingPool


@dataclass(frozen=True, slots=True)
class _Running:
    """What serves, and what runs beside it."""

    parts: Parts
    keys: KeySource
    last_used: LastUsed
    reconciler: Reconciler


def create_app(settings: Settings, clock: Clock = utcnow) -> ASGIApp:
    """The HTTP application; its lifespan owns the gRPC server and every loop."""
    state: dict[str, Pool] = {}

    async def postgres() -> None:
        if "pool" not in state:
            raise Unavailable("waiting for PostgreSQL")
        await state["pool"].fetchval("SELECT 1")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        work = asyncio.create_task(_work(app, settings, clock, state))
        work.add_done_callback(_stop_on_defect)
        try:
            yield
        finally:
            work.cancel()
            await asyncio.wait([work])

    return asgi_app(
        endpoints(),
        CallerTokens(settings.internal_secret.get_secret_value()),
        lifespan=lifespan,
        internal=health_routes({"postgres": postgres}),
    )


async def migrate(settings: Settings) -> list[str]:
    """Applies what is missing of the schema; the names of what was applied."""
    pool = await connect_database(settings.database_url.get_secret_value(), schema=SCHEMA, size=2)
    try:
        return await apply(pool, SCHEMA, find("auth"))
    finally:
        await pool.close()


async def _work(app: Starlette, settings: Settings, clock: Clock, state: dict[str, Pool]) -> None:
    """Everything but HTTP, until it is cancelled."""
    async with contextlib.AsyncExitStack() as stack:
        outside = await _connect(settings, stack)
        await apply(outside.pool, SCHEMA, find("auth"))
        running = await _compose(settings, outside, clock)
        server = create_server(settings.internal_secret.get_secret_value())
        add_to(server, running.parts.authenticator)
        await start_grpc(server, settings.host, settings.grpc_port)
        stack.push_async_callback(server.stop, 5)
        install(app, running.parts)
        state["pool"] = outside.pool
        logger.info("serving", extra={"port": settings.port, "grpcPort": settings.grpc_port})
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running.keys.refresh_forever())
            tasks.create_task(running.last_used.flush_forever())
            tasks.create_task(running.reconciler.run_forever())


async def _connect(settings: Settings, stack: contextlib.AsyncExitStack) -> _Outside:
    url = settings.database_url.get_secret_value()
    pool = await connect_database(url, schema=SCHEMA, size=POOL_SIZE)
    stack.push_async_callback(_close_pool, pool)
    client = connect_redis(settings.redis_url.get_secret_value())
    stack.push_async_callback(client.aclose)
    http = clerk_api.client(settings.clerk_api_url, settings.clerk_secret_key.get_secret_value())
    stack.push_async_callback(http.aclose)
    sandboxes = Rpc(settings.sandbox_grpc, settings.internal_secret.get_secret_value())
    stack.push_async_callback(sandboxes.close)
    hashing = HashingPool()
    stack.callback(hashing.close)
    return _Outside(pool, client, http, sandboxes, hashing)


async def _compose(settings: Settings, outside: _Outside, clock: Clock) -> _Running:
    pool, soft = outside.pool, SoftRedis(outside.redis)
    clerk = ClerkApi(outside.http)
    audit, revocations = Audit(pool, clock), Revocations(soft)
    proofs = Proofs(soft, settings.key_pepper.get_secret_value())
    last_used, attempts = LastUsed(pool, clock), Attempts(soft, clock)
    pem = settings.clerk_jwt_key
    keys: KeySource = PemKey(pem.get_secret_value()) if pem else Jwks(clerk.jwks)
    rules = Rules(settings.clerk_issuer, settings.authorized_parties)
    users = Users(pool, clerk, audit, clock)
    sandboxes = SandboxesClient(outside.sandboxes)
    departures = Departures(pool, revocations, sandboxes, audit, clock)
    signing = svix_signature.signing_keys(settings.clerk_webhook_secret.get_secret_value())
    verifier = VerifierTools(
        pool, outside.hashing, proofs, attempts, last_used, audit=audit, clock=clock
    )
    parts = Parts(
        authenticator=Authenticator(
            KeyVerifier(verifier, legacy=await api_keys.any_legacy(pool)),
            SessionVerifier(SessionTools(keys, rules, users, audit, soft, clock)),
        ),
        users=users,
        keys=Keys(KeyTools(pool, outside.hashing, proofs, revocations, audit, clock)),
        webhooks=Webhooks(pool, signing, departures, audit, clock),
        audit=audit,
    )
    return _Running(parts, keys, last_used, Reconciler(pool, clerk, departures, clock))


async def _close_pool(pool: Pool) -> None:
    """Waits for what is under way, not for ever."""
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def _stop_on_defect(work: "asyncio.Task[None]") -> None:
    """A service whose loops have died must not look alive: it ends, to be started again."""
    if work.cancelled() or work.exception() is None:
        return
    logger.critical("stopping: the service cannot go on", exc_info=work.exception())
    signal.raise_signal(signal.SIGTERM)
