"""sandbox.v1.Sandboxes over real gRPC."""

from uuid import uuid4

import grpc
import pytest

from kit.rpc import Rpc, failure_code
from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import Running, eventually, person
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc


async def get(running: Running, sandbox_id: str) -> sandbox_pb2.GetResponse:
    request = sandbox_pb2.GetRequest(sandbox_id=sandbox_id)
    return await running.rpc.call(running.grpc.Get, request, seconds=5)


async def test_get_says_what_others_need(running: Running) -> None:
    sandbox_id = await running.api.created(timeoutSeconds=600)
    found = await get(running, sandbox_id)
    assert found.owner_id == running.api.caller.user_id
    assert found.state == "running"
    assert found.generation == 2
    assert (found.user, found.workdir) == ("user", "/home/user")
    assert found.disk_bytes == 64 * 1024 * 1024
    assert found.expires_at_ms > 0
    await running.api("DELETE", f"/sandbox/{sandbox_id}")
    found = await get(running, sandbox_id)
    assert (found.state, found.reason, found.generation) == ("destroyed", "requested", 4)


@pytest.mark.parametrize("sandbox_id", [str(uuid4()), "", "x"])
async def test_what_does_not_exist_is_not_found(running: Running, sandbox_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(running, sandbox_id)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert failure_code(caught.value) == "sandbox_not_found"


async def test_touch_notes_activity(running: Running) -> None:
    sandbox_id = await running.api.created()
    await running.database.execute(
        "UPDATE sandbox.sandboxes SET active_at = now() - interval '1 hour'"
    )
    request = sandbox_pb2.TouchRequest(sandbox_ids=[sandbox_id, "x", str(uuid4())])
    await running.rpc.call(running.grpc.Touch, request, seconds=5)
    idle = await running.database.fetchval(
        "SELECT extract(epoch FROM now() - active_at) FROM sandbox.sandboxes"
    )
    assert idle < 60


async def test_all_of_a_users_sandboxes_go_with_the_account(
    running: Running, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    mine = [await running.api.created() for _ in range(3)]
    other = running.api.as_(person())
    theirs = await other.created()
    request = sandbox_pb2.DestroyOwnedRequest(
        user_id=running.api.caller.user_id, reason="user_deleted"
    )
    answer = await running.rpc.call(running.grpc.DestroyOwned, request, seconds=5)
    assert answer.count == 3
    for sandbox_id in mine:
        status = await running.api.reaches(sandbox_id, "destroyed")
        assert status["reason"] == "user_deleted"
    assert [str(key) for key in runtime.containers] == [theirs]

    async def told() -> bool:
        return set(hub.disconnected) == set(mine)

    await eventually(told)
    again = await running.rpc.call(running.grpc.DestroyOwned, request, seconds=5)
    assert again.count == 0


async def test_a_user_that_is_no_uuid_is_refused(running: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.rpc.call(
            running.grpc.DestroyOwned, sandbox_pb2.DestroyOwnedRequest(user_id="x"), seconds=5
        )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_nobody_without_the_secret_is_answered(running: Running) -> None:
    rpc = Rpc(f"127.0.0.1:{running.settings.grpc_port}", "another-secret-0123456789-abcdef")
    stub = sandbox_pb2_grpc.SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rpc.call(stub.Get, sandbox_pb2.GetRequest(sandbox_id=str(uuid4())), seconds=5)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    await rpc.close()
