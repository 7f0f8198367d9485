"""The state machine, as data and under random acts."""

import pytest

from sandbox.repository.sandboxes import EVENT_OF_STATE
from sandbox.states import ENDED, HOLDS_QUOTA, SETTLED, TRANSIENT, TRANSITIONS, State, allowed


def test_every_state_says_where_it_leads() -> None:
    assert set(TRANSITIONS) == set(State) == set(EVENT_OF_STATE)


def test_every_state_that_is_not_an_end_can_fail() -> None:
    assert {state for state in State if allowed(state, State.FAILED)} == set(State) - ENDED


def test_nothing_comes_back_from_destroyed() -> None:
    assert TRANSITIONS[State.DESTROYED] == frozenset()
    assert TRANSITIONS[State.FAILED] == {State.DESTROYING}


def test_every_state_is_of_one_kind() -> None:
    assert sorted([*ENDED, *TRANSIENT, *SETTLED]) == sorted(State)
    assert State.WARM not in HOLDS_QUOTA


@pytest.mark.parametrize("state", sorted(set(State) - {State.DESTROYED}))
def test_every_sandbox_can_come_to_its_end(state: State) -> None:
    reached, wave = {state}, {state}
    while wave:
        wave = set().union(*(TRANSITIONS[each] for each in wave)) - reached
        reached |= wave
    assert State.DESTROYED in reached
