"""What survives a connection that breaks, a server that restarts, an answer that is late."""

import itertools
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from insien import (
    AsyncClient,
    Client,
    ConnectionLost,
    InsienError,
    RateLimited,
    ServerError,
    Unavailable,
)
from insien.core.following import Following
from insien.core.retry import Retry
from insien.errors import BY_STATUS, Problem, error_class
from tests.sdk.conftest import Served
from tests.sdk.fake_api import KEY, problem
from tests.sdk.fake_processes import event
from tests.support.servers import free_port

LINES = "".join(f"line {number}\n" for number in range(2000))
PRINT_LINES = "for n in $(seq 0 1999); do echo line $n; done"
CUTS = [[1], [150], [400], [3000, 500, 1, 9000], [20_000]]


@pytest.mark.parametrize("cuts", CUTS)
def test_broken_streams_lose_and_double_nothing(
    client: Client, served: Served, cuts: list[int]
) -> None:
    sandbox_id = client.create().id
    with Client(served.url, KEY, retry_seconds=10) as fresh:
        served.relay.cuts.extend(cuts)
        stream = fresh.create(idempotency_key=_key_of(served, sandbox_id)).stream(PRINT_LINES)
        assert "".join(chunk.text for chunk in stream) == LINES
    assert stream.dropped == 0
    assert len(served.api.processes) == 1


@pytest.mark.parametrize("cuts", CUTS)
async def test_broken_async_streams_lose_and_double_nothing(
    served: Served, cuts: list[int]
) -> None:
    async with AsyncClient(served.url, KEY, retry_seconds=10) as fresh:
        served.relay.cuts.extend(cuts)
        stream = (await fresh.create()).stream(PRINT_LINES)
        assert "".join([chunk.text async for chunk in stream]) == LINES
    assert len(served.api.processes) == 1
    assert len(served.api.sandboxes) == 1


def _key_of(served: Served, sandbox_id: str) -> str:
    return next(key for key, made in served.api.created.items() if made == sandbox_id)


def test_a_lost_answer_makes_no_second_sandbox_and_no_second_process(served: Served) -> None:
    for _ in range(2):
        served.relay.cuts.append(10)
        with Client(served.url, KEY) as client:
            sandbox = client.create(idempotency_key="one")
    served.relay.cuts.append(10)
    with Client(served.url, KEY) as client:
        sandbox = client.get(sandbox.id)
        assert sandbox.run("echo once").stdout == "once\n"
    assert len(served.api.sandboxes) == 1
    assert len(served.api.processes) == 1


def test_what_must_not_happen_twice_is_not_sent_twice(client: Client, served: Served) -> None:
    sandbox = client.create()
    process = sandbox.start("cat")
    with Client(served.url, KEY) as fresh:
        same = fresh.create(idempotency_key=_key_of(served, sandbox.id)).process(process.id)
        served.relay.break_next_answer()
        with pytest.raises(ConnectionLost):
            same.stdin("x", close=True)
    assert process.wait().stdout == "x"


def test_unavailable_is_tried_again_until_it_is_well(client: Client, served: Served) -> None:
    served.api.faults.extend([lambda: problem(503, "unavailable", retry_after=0.1)] * 3)
    assert client.templates()
    assert len(served.api.requests) == 4


def test_waiting_ends(served: Served) -> None:
    served.api.faults.extend([lambda: problem(503, "capacity", retry_after=5)] * 3)
    with Client(served.url, KEY, retry_seconds=1) as client, pytest.raises(Unavailable) as error:
        client.templates()
    assert error.value.retry_after == 5
    assert len(served.api.requests) == 1


def test_a_limit_is_told_and_not_waited_for(client: Client, served: Served) -> None:
    served.api.faults.append(lambda: problem(429, "quota_exceeded", retry_after=7))
    with pytest.raises(RateLimited) as error:
        client.create()
    assert (error.value.retry_after, error.value.code) == (7.0, "quota_exceeded")
    assert len(served.api.requests) == 1


def test_an_answer_that_is_no_problem_document(client: Client, served: Served) -> None:
    served.api.faults.append(lambda: PlainTextResponse("<html>", 500))
    with pytest.raises(ServerError) as error:
        client.templates()
    assert (error.value.code, error.value.detail) == ("http_500", "Internal Server Error")


def test_nobody_there(client: Client) -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}", KEY, retry_seconds=0.2) as lonely,
        pytest.raises(ConnectionLost, match="No answer"),
    ):
        lonely.templates()
    with Client("nonsense://here", KEY) as lonely, pytest.raises(ConnectionLost):
        lonely.templates()


def test_a_download_that_breaks_starts_again(
    client: Client, served: Served, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 1000
    sandbox = client.create()
    sandbox.files.write("big", data)
    served.relay.cuts.extend([100_000, 5])
    with Client(served.url, KEY) as fresh:
        fresh.create(idempotency_key=_key_of(served, sandbox.id)).files.download(
            "big", tmp_path / "big"
        )
    assert (tmp_path / "big").read_bytes() == data
    assert not (tmp_path / "big.part").exists()


def test_chunks_that_overlap_are_trimmed_and_gaps_are_counted() -> None:
    following = Following("s", "p", offset=4)
    encoded = {"offset": 0, "data": "MDEyMzQ1"}  # 012345
    assert [c.data for c in following.feed(event("stdout", encoded))] == [b"45"]
    assert following.feed(event("stdout", encoded)) == []
    later = event("stderr", {"offset": 10, "data": "eHk="})
    assert [(c.offset, c.stream) for c in following.feed(later)] == [(10, "stderr")]
    assert (following.dropped, following.next_offset) == (4, 12)
    with pytest.raises(httpx.RemoteProtocolError):
        following.check_ended()
    with pytest.raises(httpx.RemoteProtocolError, match="agent away"):
        following.feed(event("error", {"error": "agent away"}))


def test_events_are_found_however_the_bytes_are_cut() -> None:
    stream = b": hello\n" + event("stdout", {"offset": 0, "data": "aGk="}) + event("exit", {})
    for size in range(1, len(stream)):
        following = Following("s", "p")
        pieces = (stream[start : start + size] for start in range(0, len(stream), size))
        chunks = itertools.chain.from_iterable(map(following.feed, pieces))
        assert [chunk.data for chunk in chunks] == [b"hi"]
        assert following.ended == {}


def test_waits_grow_and_begin_anew_after_success() -> None:
    now = 0.0
    retry = Retry(3.0, repeatable=True, clock=lambda: now)
    lost = httpx.ReadError("gone")
    assert retry.after(lost) <= 0.1
    assert retry.after(lost) <= 0.2
    now = 10.0
    with pytest.raises(ConnectionLost):
        retry.after(lost)
    retry.succeeded()
    assert retry.after(lost) <= 0.1


def test_every_status_has_its_class() -> None:
    for status, kind in BY_STATUS.items():
        assert error_class(status) is kind
        assert isinstance(kind(Problem("d", "c", status)), InsienError)
    assert error_class(418).__name__ == "Invalid"
    assert error_class(599) is ServerError
