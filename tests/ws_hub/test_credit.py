"""Flow control of one stream."""

import pytest

from ws_hub.credit import MAX_ALLOWANCE_BYTES, Inbound, Outbound, Overrun


def test_more_than_the_credit_is_refused() -> None:
    window = Inbound(100)
    window.receive(100)
    with pytest.raises(Overrun):
        window.receive(1)


def test_consumed_bytes_are_granted_again_in_halves_of_a_window() -> None:
    window = Inbound(100)
    assert window.consume(49) == 0
    assert window.consume(1) == 50
    assert window.consume(49) == 0


def test_wider_window_is_granted_in_larger_portions() -> None:
    window = Inbound(100)
    window.widen(100)
    assert window.consume(99) == 0
    assert window.consume(1) == 100


def test_sender_takes_no_more_than_it_was_granted() -> None:
    allowance = Outbound(10)
    assert allowance.take(7) == 7
    assert allowance.take(7) == 3
    assert allowance.take(7) == 0
    allowance.grant(5)
    assert allowance.take(7) == 5


@pytest.mark.parametrize("amount", [0, MAX_ALLOWANCE_BYTES + 1, MAX_ALLOWANCE_BYTES])
def test_grant_out_of_range_is_refused(amount: int) -> None:
    with pytest.raises(Overrun):
        Outbound(10).grant(amount)
