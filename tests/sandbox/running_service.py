"""The service in a test: the real application on real sockets, and callers of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from pydantic import SecretStr

from kit import bus, migrations, serve
from kit import database as kit_database
from kit.caller import HEADER, Caller, CallerTokens
from kit.rpc import Rpc
from sandbox.announcer import Announcer
from sandbox.app import SCHEMA, Adapters, MakeRuntime, assemble, catalog, create_app
from sandbox.hub import Hub
from sandbox.lifecycle.parts import Background, Parts
from sandbox.runtime.seam import Runtime
from sandbox.settings import SandboxSettings
from tests.sandbox.fake_hub import FakeHub
from tests.support.servers import free_port
from wire.sandbox.v1 import sandbox_pb2_grpc

SECRET = "vT4sandbox-internal-0123456789abcdef"
JWT_SECRET = "vT4sandbox-agents-0123456789abcdefgh"
SCOPES = frozenset({"sandbox:read", "sandbox:write"})

TEMPLATE = """
name = "{name}"
description = "For tests"
image = "{image}"
user = "user"
workdir = "/home/user"
languages = ["sh"]
{more}
[resources]
cpus = 1.0
memory_mb = 128
disk_mb = 64
pids = 64
"""


def write_template(folder: Path, name: str, image: str, more: str = "") -> None:
    """A template in its own folder below `folder`."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    text = TEMPLATE.format(name=name, image=image, more=more)
    (folder / name / "template.toml").write_text(text)


async def eventually(
    condition: Callable[[], Awaitable[Any]], seconds: float = 20.0, what: str = "condition"
) -> Any:
    """The first true result of the condition; fails after that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not come true in {seconds} s")


def person(kind: str = "key", scopes: frozenset[str] = SCOPES) -> Caller:
    """Somebody new, with an API key of their own."""
    key_id = str(uuid4()) if kind == "key" else ""
    return Caller(
        "key" if kind == "key" else "session",
        user_id=str(uuid4()),
        key_id=key_id,
        key_prefix="isk_aaaaaaaa" if key_id else "",
        scopes=scopes,
        expires_at=time.time() + 3600 if kind != "key" else 0,
    )


@dataclass
class Api:
    """Requests to a service as one caller, as the gateway passes them on."""

    client: httpx.AsyncClient
    caller: Caller

    def as_(self, caller: Caller) -> "Api":
        return Api(self.client, caller)

    async def __call__(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        signed = {HEADER: CallerTokens(SECRET).mint(self.caller), **(headers or {})}
        return await self.client.request(method, path, headers=signed, **more)

    async def create(self, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self("POST", "/sandbox/create", headers=headers, json=body)

    async def created(self, **body: Any) -> str:
        """Id of a new sandbox."""
        answer = await self.create(**body)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["sandboxId"])

    async def status(self, sandbox_id: str) -> dict[str, Any]:
        answer = await self("GET", f"/sandbox/{sandbox_id}/status")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def reaches(self, sandbox_id: str, state: str, seconds: float = 20.0) -> dict[str, Any]:
        """Its status once it is in that state."""
        found: dict[str, Any] = {}

        async def there() -> bool:
            found.update(await self.status(sandbox_id))
            return bool(found["status"] == state)

        await eventually(there, seconds, f"{state} (it is {found.get('status')})")
        return found


@dataclass
class Running:
    """A service that runs."""

    api: Api
    settings: SandboxSettings
    database: asyncpg.Pool
    grpc: sandbox_pb2_grpc.SandboxesStub
    rpc: Rpc

    async def states(self) -> list[str]:
        rows = await self.database.fetch("SELECT state FROM sandbox.sandboxes ORDER BY created_at")
        return [row["state"] for row in rows]


@contextlib.asynccontextmanager
async def running(settings: SandboxSettings, make_runtime: MakeRuntime) -> AsyncIterator[Running]:
    """The service, ready."""
    app = create_app(settings, make_runtime)
    bound = serve.listening_socket("127.0.0.1", 0)
    port = bound.getsockname()[1]
    server = serve.http_server(app)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    rpc = Rpc(f"127.0.0.1:{settings.grpc_port}", SECRET)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=90) as client:
            pool = await asyncpg.create_pool(
                settings.database_url.get_secret_value(), min_size=1, max_size=2
            )
            api = Api(client, person())
            await eventually(lambda: _ready(api), what="service ready")
            stub = sandbox_pb2_grpc.SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]
            yield Running(api, settings, pool, stub, rpc)
            pool.terminate()
    finally:
        await rpc.close()
        server.should_exit = True
        await task


async def _ready(api: Api) -> bool:
    answer = await api("GET", "/api/limits")
    return bool(answer.status_code == 200)


@dataclass(frozen=True)
class Around:
    """What stands around the service of one test."""

    hub: FakeHub
    settings: SandboxSettings
    templates: Path

    def with_(self, **changes: Any) -> SandboxSettings:
        return self.settings.model_copy(update=changes)


def settings_for(
    hub: FakeHub, database_url: str, redis_url: str, templates: Path
) -> SandboxSettings:
    """Settings of a service of this test, quick in all its loops."""
    return SandboxSettings.model_validate(
        {
            "internal_secret": SECRET,
            "jwt_secret": JWT_SECRET,
            "redis_url": SecretStr(redis_url),
            "database_url": SecretStr(database_url),
            "grpc_port": free_port(),
            "ws_hub_grpc": f"127.0.0.1:{hub.port}",
            "agent_url": "ws://192.0.2.1:3001",
            "agent_bundle": "/nowhere",
            "templates_dir": templates,
            "deployment": f"t-{uuid4().hex[:8]}",
            "reconcile_seconds": 0.2,
            "disk_check_seconds": 0.2,
            "create_timeout_seconds": 20,
        }
    )


@contextlib.asynccontextmanager
async def parts(settings: SandboxSettings, runtime: Runtime) -> AsyncIterator[Parts]:
    """What the use cases work with, without a service around it."""
    async with contextlib.AsyncExitStack() as stack:
        client = bus.connect(settings.redis_url.get_secret_value())
        stack.push_async_callback(client.aclose)
        rpc = Rpc(settings.ws_hub_grpc, SECRET)
        stack.push_async_callback(rpc.close)
        pool = await kit_database.connect(
            settings.database_url.get_secret_value(), schema=SCHEMA, size=5
        )
        stack.callback(pool.terminate)
        await migrations.apply(pool, SCHEMA, migrations.find("sandbox"))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        adapters = Adapters(runtime, Hub(rpc), Announcer(client), Background(tasks))
        yield assemble(settings, catalog(settings), pool, adapters)
