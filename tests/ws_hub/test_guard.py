"""What an agent may say on a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.agent.v1.agent_pb2 import (
    Attach,
    Credit,
    Data,
    End,
    Exec,
    FileInfo,
    FileList,
    FromAgent,
    ListFiles,
    ListProcesses,
    Open,
    Process,
    ProcessList,
    ReadFile,
    Started,
    StatFile,
    ToAgent,
    WriteFile,
)
from ws_hub.guard import ANSWERS, MAX_DATA_BYTES, StreamGuard, Violation

WINDOW = 1000


def take(guard: StreamGuard, frame: FromAgent) -> None:
    guard.received(frame, frame.WhichOneof("kind") or "")


def started(offset: int = 0) -> FromAgent:
    return FromAgent(started=Started(offset=offset))


def output(offset: int, size: int, channel: int = 1) -> FromAgent:
    return FromAgent(data=Data(bytes=b"x" * size, offset=offset, channel=channel))


def test_every_request_has_its_answers() -> None:
    assert set(ANSWERS) == {found.name for found in Open.DESCRIPTOR.oneofs[0].fields}


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([output(0, 1)], "data before started"),
        ([started(), started()], "started twice"),
        ([started(5), output(4, 1)], "offset 4 after 5"),
        ([started(), output(0, 10), output(9, 1)], "offset 9 after 10"),
        ([started(), output(0, WINDOW + 1)], "beyond its credit"),
        ([started(), output(0, 1, channel=3)], "channel 3"),
        ([started(), output(0, 0)], "data of 0 bytes"),
        ([started(), FromAgent(data=Data(bytes=b"x", channel=1, fin=True)), output(1, 1)], "fin"),
        ([FromAgent(file=FileInfo())], "file does not answer exec"),
    ],
)
def test_process_stream_that_lies_is_a_violation(frames: list[FromAgent], reason: str) -> None:
    guard = StreamGuard(Open(exec=Exec()), WINDOW)
    for frame in frames[:-1]:
        take(guard, frame)
    with pytest.raises(Violation, match=reason):
        take(guard, frames[-1])


def test_offsets_may_jump_forward_where_bytes_were_dropped() -> None:
    guard = StreamGuard(Open(attach=Attach()), WINDOW)
    take(guard, started(10))
    take(guard, output(500, 10))
    take(guard, FromAgent(end=End()))


def test_piece_larger_than_256_kib_is_a_violation() -> None:
    guard = StreamGuard(Open(read_file=ReadFile()), MAX_DATA_BYTES * 2)
    with pytest.raises(Violation, match="bytes"):
        take(guard, output(0, MAX_DATA_BYTES + 1))


def test_granted_credit_lets_more_in() -> None:
    guard = StreamGuard(Open(read_file=ReadFile()), WINDOW)
    take(guard, output(0, WINDOW))
    guard.sent(ToAgent(credit=Credit(bytes=1)))
    take(guard, output(WINDOW, 1))
    with pytest.raises(Violation):
        take(guard, output(WINDOW + 1, 1))


def test_credit_out_of_range_is_a_violation() -> None:
    guard = StreamGuard(Open(write_file=WriteFile()), WINDOW)
    guard.sent(ToAgent(data=Data(bytes=b"x" * WINDOW)))
    take(guard, FromAgent(credit=Credit(bytes=16 * 2**20)))
    with pytest.raises(Violation, match="credit"):
        take(guard, FromAgent(credit=Credit(bytes=1)))


def test_listing_is_bounded_over_all_its_frames() -> None:
    guard = StreamGuard(Open(list_files=ListFiles()), WINDOW)
    half = FromAgent(files=FileList(entries=[FileInfo()] * 6000))
    take(guard, half)
    with pytest.raises(Violation, match="entries"):
        take(guard, half)
    guard = StreamGuard(Open(list_processes=ListProcesses()), WINDOW)
    with pytest.raises(Violation, match="processes"):
        take(guard, FromAgent(processes=ProcessList(processes=[Process()] * 1001)))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_do_worse_than_a_violation(raw: bytes) -> None:
    guard = StreamGuard(Open(stat_file=StatFile()), WINDOW)
    frame = FromAgent()
    try:
        frame.ParseFromString(raw)
        take(guard, frame)
    except Violation:
        pass
    except Exception as error:  # noqa: BLE001  (the runtime's own error is the only other one)
        assert type(error).__name__ == "DecodeError"  # noqa: PT017
