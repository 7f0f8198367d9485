"""The states of a sandbox and the ways between them, as data.

pending ──► running ◄──► paused        warm: started, without an owner
   ▲  │        │            │          claimed: warm ──► pending ──► running
   │  └► warm ─┤            │
   └──────┘    ▼            ▼
            destroying ──► destroyed   failed: from every state that is not an end
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a sandbox stands."""

    PENDING = "pending"
    WARM = "warm"
    RUNNING = "running"
    PAUSED = "paused"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"
    FAILED = "failed"


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PENDING: frozenset({State.RUNNING, State.WARM, State.DESTROYING, State.FAILED}),
        State.WARM: frozenset({State.PENDING, State.DESTROYING, State.FAILED}),
        State.RUNNING: frozenset({State.PAUSED, State.DESTROYING, State.FAILED}),
        State.PAUSED: frozenset({State.RUNNING, State.DESTROYING, State.FAILED}),
        State.DESTROYING: frozenset({State.DESTROYED, State.FAILED}),
        State.DESTROYED: frozenset(),
        State.FAILED: frozenset({State.DESTROYING}),
    }
)
"""From each state to those that may follow; a failed sandbox may still be destroyed."""

ENDED = frozenset({State.DESTROYED, State.FAILED})
"""No container may exist."""
TRANSIENT = frozenset({State.PENDING, State.DESTROYING})
"""Somebody is at work; their lease says until when they must have been heard of."""
HOLDS_QUOTA = frozenset({State.PENDING, State.RUNNING, State.PAUSED, State.DESTROYING})
"""Counts against its owner's quota."""
SETTLED = frozenset({State.RUNNING, State.PAUSED, State.WARM})
"""A container must exist."""


def allowed(current: State, target: State) -> bool:
    """Whether a sandbox may go from one state to the other."""
    return target in TRANSITIONS[current]
