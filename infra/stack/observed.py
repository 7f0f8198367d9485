"""What the supervisor last said about its processes (`run/state.json`), checked when read."""

import json
from dataclasses import dataclass, field
from typing import Any

from infra.stack.identity import Identity, boot_id
from infra.stack.layout import Layout


@dataclass(frozen=True, slots=True)
class ObservedProcess:
    identity: Identity | None
    """None while it is between two lives."""
    since: str | None
    restarts: int
    digest: str


@dataclass(frozen=True, slots=True)
class Observed:
    serial: str = ""
    rejected_serial: str = ""
    rejected_reason: str = ""
    this_boot: bool = False
    processes: dict[str, ObservedProcess] = field(default_factory=dict)


def read_state(layout: Layout) -> Observed:
    """The last state, or an empty one when there is none (or it is no JSON)."""
    try:
        data = json.loads(layout.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Observed()
    return Observed(
        serial=data["serial"],
        rejected_serial=data["rejected"].get("serial", ""),
        rejected_reason=data["rejected"].get("reason", ""),
        this_boot=data["boot"] == boot_id(),
        processes={name: _process(item) for name, item in data["processes"].items()},
    )


def _process(item: dict[str, Any]) -> ObservedProcess:
    identity = Identity(item["pid"], item["started"]) if item["pid"] else None
    return ObservedProcess(identity, item["since"], item["restarts"], item["digest"])
