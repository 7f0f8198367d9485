"""gRPC between services: only with the secret, always with a deadline, failures with their code."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit.context import accept_request_id, request_id
from kit.errors import DeadlineExceeded, NotFound, Unauthenticated, Unavailable
from kit.rpc import Rpc, create_server, failure_code
from kit.serve import start_grpc
from tests.support.servers import free_port
from wire.sandbox.v1 import sandbox_pb2 as pb
from wire.sandbox.v1 import sandbox_pb2_grpc as stubs

SECRET = "kH7x2mQv9Lr4Tz8Wn3Bc6Yd1Fs5Gj0Pa"


class Sandboxes(stubs.SandboxesServicer):
    """Answers, fails, breaks or hangs, by the id that it is asked for."""

    async def Get(self, request: pb.GetRequest, context: Any) -> pb.GetResponse:
        if request.sandbox_id == "missing":
            raise NotFound("nothing here")
        if request.sandbox_id == "reason":
            raise Unauthenticated("because")
        if request.sandbox_id == "defect":
            raise RuntimeError("defect")
        if request.sandbox_id == "hang":
            await asyncio.sleep(60)
        return pb.GetResponse(owner_id=request_id())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port() -> AsyncIterator[int]:
    server, number = create_server(SECRET), free_port()
    stubs.add_SandboxesServicer_to_server(Sandboxes(), server)  # type: ignore[no-untyped-call]
    await start_grpc(server, "127.0.0.1", number)
    yield number
    await server.stop(None)


async def _get(port: int, what: str, secret: str = SECRET, seconds: float = 5.0) -> pb.GetResponse:
    rpc = Rpc(f"127.0.0.1:{port},127.0.0.1:{port}", secret)
    try:
        stub = stubs.SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]
        answer: pb.GetResponse = await rpc.call(
            stub.Get, pb.GetRequest(sandbox_id=what), seconds=seconds
        )
        return answer
    finally:
        await rpc.close()


async def test_a_call_carries_the_request_id(port: int) -> None:
    accept_request_id("request-1")
    assert (await _get(port, "x")).owner_id == "request-1"


async def test_a_failure_comes_through_with_its_code(port: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(port, "missing")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert failure_code(caught.value) == "not_found"


async def test_a_refused_credential_is_unauthenticated(port: int) -> None:
    with pytest.raises((grpc.aio.AioRpcError, Unauthenticated)):
        await _get(port, "reason")


async def test_a_defect_is_internal(port: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(port, "defect")
    assert failure_code(caught.value) == "internal"


async def test_without_the_secret_nothing_is_answered(port: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(port, "x", secret=SECRET[::-1])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_deadline_that_passes_is_told(port: int) -> None:
    with pytest.raises(DeadlineExceeded, match="may have been done"):
        await _get(port, "hang", seconds=0.2)


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await _get(free_port(), "x")


async def test_health_is_answered_without_the_secret(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_port_in_use_ends_the_process_with_a_clear_line(port: int) -> None:
    with pytest.raises(SystemExit):
        await start_grpc(create_server(SECRET), "127.0.0.1", port)
