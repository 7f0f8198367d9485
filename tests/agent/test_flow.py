"""Credit, backoff, logs and holds: the numbers, without I/O."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Violation
from agent.link.backoff import Backoff
from agent.link.credit import GRANT_LIMIT, ReceiveWindow, SendWindow
from agent.processes.hold import LAG_BYTES, STUCK_SECONDS, Reader, held_until
from agent.processes.output import Budget, OutputLog


@given(st.lists(st.integers(1, 1000), max_size=50), st.integers(100, 5000))
def test_what_is_consumed_is_granted_again(sizes: list[int], window: int) -> None:
    receive, send = ReceiveWindow(window), SendWindow(window)
    for size in sizes:
        size = min(size, send.left)
        send.take(size)
        receive.receive(size)
        if grant := receive.consume(size):
            send.add(grant)
        assert send.left > window // 2


def test_credit_is_bounded_both_ways() -> None:
    for bad in (0, GRANT_LIMIT + 1, GRANT_LIMIT):
        with pytest.raises(Violation):
            SendWindow(1).add(bad)
    with pytest.raises(ValueError, match="credit"):
        SendWindow(1).take(2)
    window = ReceiveWindow(10)
    window.receive(10)
    with pytest.raises(Violation):
        window.receive(1)
    window.widen(5)
    window.receive(5)


def test_backoff_doubles_to_ten_seconds_and_starts_anew_after_a_steady_connection() -> None:
    backoff = Backoff(lambda: 1.0)
    delays = [backoff.next() for _ in range(10)]
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10])
    backoff.worked(1)
    assert backoff.next() == 10
    backoff.worked(6)
    assert backoff.next() == pytest.approx(0.1)
    assert Backoff(lambda: 0.0).next() == 0


writes = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=3000)))


@given(writes, st.integers(1, 20_000), st.integers(1, 5000), st.data())
@settings(max_examples=100, deadline=None)
def test_log_is_the_end_of_what_was_written(
    chunks: list[tuple[int, bytes]], limit: int, step: int, data: st.DataObject
) -> None:
    log = OutputLog(Budget(), limit)
    for channel, chunk in chunks:
        log.append(channel, chunk)
    whole = b"".join(chunk for _, chunk in chunks)
    channels = b"".join(bytes([channel]) * len(chunk) for channel, chunk in chunks)
    assert log.next == len(whole)
    at = data.draw(st.integers(0, log.next))
    while (piece := log.read(at, step)) is not None:
        channel, offset, got = piece
        assert offset == max(at, log.first)
        assert got == whole[offset : offset + len(got)]
        assert set(channels[offset : offset + len(got)]) == {channel}
        at = offset + len(got)
    assert max(at, log.first) == log.next


def test_log_keeps_no_more_than_its_limit_and_the_last_record() -> None:
    log = OutputLog(Budget(), 100_000)
    for _ in range(1000):
        log.append(1, b"x")
        log.append(2, b"y")
    assert log.cost <= 100_000
    log.append(1, bytes(65536))
    log.append(1, bytes(65536))
    assert log.cost <= 100_000 + 65536 + 160
    assert log.read(0, 10) is not None


def test_ended_logs_go_first_the_oldest_ended_before_the_others() -> None:
    budget = Budget(10_000)
    logs = [OutputLog(budget) for _ in range(4)]
    for log in logs:
        log.append(1, bytes(2000))
    budget.end(logs[2])
    budget.end(logs[0])
    logs[1].append(2, bytes(2000))
    assert [log.first for log in logs] == [0, 0, 2000, 0]
    logs[1].append(1, bytes(2000))
    assert [log.first for log in logs] == [2000, 0, 2000, 0]
    logs[1].append(2, bytes(4000))
    assert logs[1].first > 0
    assert logs[3].first == 0
    budget.leave(logs[3])
    assert logs[3].first == logs[3].next


def test_follower_holds_the_process_only_while_it_gets_on() -> None:
    reader = Reader(0, now=0)
    assert held_until([reader], LAG_BYTES - 1, 0) == 0
    assert held_until([], LAG_BYTES, 0) == 0
    assert held_until([reader], LAG_BYTES, 1) == STUCK_SECONDS
    assert held_until([reader], LAG_BYTES, STUCK_SECONDS) == 0
    reader.moved(10, now=5)
    assert held_until([reader], LAG_BYTES + 10, 5.5) == 5 + STUCK_SECONDS
    idle = Reader(100, now=0)
    idle.written(100, now=50)
    assert held_until([idle], LAG_BYTES + 100, 51) == 50 + STUCK_SECONDS
    idle.written(200, now=60)
    assert idle.moved_at == 50
