"""A stream as its user sees it, over an outlet that records."""

import asyncio

import pytest

from wire.agent.v1.agent_pb2 import Credit, Data, End, FileEvent, FromAgent, ToAgent
from ws_hub.stream import (
    MAX_QUEUED_BYTES,
    MAX_QUEUED_EVENTS,
    WINDOW_BYTES,
    Stream,
    StreamLost,
)


class Recorder:
    def __init__(self) -> None:
        self.frames: list[ToAgent] = []
        self.forgotten: list[int] = []

    def post(self, frame: ToAgent) -> None:
        self.frames.append(frame)

    async def write(self, frame: ToAgent) -> None:
        self.frames.append(frame)

    def forget(self, ident: int) -> None:
        self.forgotten.append(ident)


def deliver(stream: Stream, frame: FromAgent) -> None:
    stream.deliver(frame, frame.WhichOneof("kind") or "")


def data(raw: bytes, offset: int, channel: int = 1) -> FromAgent:
    return FromAgent(data=Data(bytes=raw, offset=offset, channel=channel))


async def test_what_arrived_before_a_loss_can_still_be_received() -> None:
    stream = Stream(1, Recorder())
    deliver(stream, data(b"a", 0))
    stream.lose("broke")
    assert (await stream.recv()).data.bytes == b"a"
    with pytest.raises(StreamLost, match="broke"):
        await stream.recv()


async def test_small_pieces_that_join_are_merged_while_nobody_reads() -> None:
    stream = Stream(1, Recorder())
    for offset in range(100):
        deliver(stream, data(b"x", offset))
    deliver(stream, data(b"y", 100, channel=2))
    first, second = await stream.recv(), await stream.recv()
    assert (first.data.offset, first.data.bytes) == (0, b"x" * 100)
    assert (second.data.offset, second.data.bytes) == (100, b"y")


async def test_reading_grants_credit_in_portions() -> None:
    outlet = Recorder()
    stream = Stream(1, outlet)
    for offset in range(0, WINDOW_BYTES, 65536):
        deliver(stream, data(b"x" * 65536, offset))
    for _ in range(4):
        await stream.recv()
    granted = [frame.credit.bytes for frame in outlet.frames]
    assert granted == [WINDOW_BYTES // 2, WINDOW_BYTES // 2]


async def test_flood_of_tiny_pieces_ends_this_stream_alone() -> None:
    outlet = Recorder()
    stream = Stream(1, outlet)
    offset = 0
    while not outlet.forgotten:
        deliver(stream, data(b"x", offset, channel=1 + offset % 2))
        offset += 1
        assert offset * 200 < 2 * MAX_QUEUED_BYTES
    assert outlet.frames[-1].HasField("cancel")
    for _ in range(offset):
        await stream.recv()
    with pytest.raises(StreamLost):
        await stream.recv()


async def test_events_beyond_the_bound_become_one_overflow() -> None:
    stream = Stream(1, Recorder())
    for number in range(MAX_QUEUED_EVENTS + 50):
        deliver(stream, FromAgent(file_event=FileEvent(type="created", path=str(number))))
    types = [(await stream.recv()).file_event.type for _ in range(MAX_QUEUED_EVENTS)]
    assert types.count("overflow") == 1
    deliver(stream, FromAgent(file_event=FileEvent(type="created", path="later")))
    assert (await stream.recv()).file_event.path == "later"


async def test_sending_waits_for_credit_and_stops_at_the_end() -> None:
    outlet = Recorder()
    stream = Stream(1, outlet)
    sending = asyncio.create_task(stream.send(b"x" * (WINDOW_BYTES + 5), fin=True))
    await asyncio.sleep(0)
    assert not sending.done()
    deliver(stream, FromAgent(credit=Credit(bytes=5)))
    assert await sending
    assert sum(len(frame.data.bytes) for frame in outlet.frames) == WINDOW_BYTES + 5
    assert [frame.data.fin for frame in outlet.frames] == [False, True]
    blocked = asyncio.create_task(stream.send(b"more"))
    await asyncio.sleep(0)
    deliver(stream, FromAgent(end=End(code="disk_full")))
    assert await blocked is False


@pytest.mark.parametrize("end", ["lose", "cancel"])
async def test_whoever_waits_learns_of_the_loss(end: str) -> None:
    stream = Stream(1, Recorder())
    await stream.send(b"x" * WINDOW_BYTES)
    waiting = [asyncio.create_task(stream.recv()), asyncio.create_task(stream.send(b"y"))]
    await asyncio.sleep(0)
    stream.lose("broke") if end == "lose" else stream.cancel()
    for found in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(found, StreamLost)


async def test_leaving_cancels_once_and_only_what_has_not_ended() -> None:
    outlet = Recorder()
    async with Stream(1, outlet) as stream:
        stream.cancel(kill=True)
    assert [frame.cancel.kill for frame in outlet.frames] == [True]
    outlet = Recorder()
    async with Stream(1, outlet) as stream:
        deliver(stream, FromAgent(end=End()))
    assert not outlet.frames
