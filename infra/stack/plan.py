"""What should run: processes as plain data, handed from the commands to the supervisor."""

import hashlib
import json
import signal
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

PARTS = ("gateway", "auth", "sandbox", "ws-hub", "clerk", "postgres", "redis")

DOWN_PATIENCE = 8.0
"""Seconds: `down` waits no longer for any one process, however long it may drain otherwise."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a shared listening socket is bound."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of one part. Two specs with one digest need no restart between them."""

    part: str
    index: int
    """From 1; the n of `<part>-<n>`."""
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    listen: dict[str, Address] = field(default_factory=dict)
    """Variable name (LISTEN_FD) to the shared socket whose descriptor it shall carry."""
    binds: tuple[Address, ...] = ()
    """Ports that it binds by itself; here so that a conflict is told before anything starts."""
    stop_order: int = 0
    """`down` stops low numbers first and waits for them."""
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 8.0
    """How long it may take to stop before SIGKILL."""
    death_signal: int = signal.SIGKILL
    """What the kernel sends it when the supervisor dies."""

    @property
    def name(self) -> str:
        return f"{self.part}-{self.index}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that should run. `serial` tells whether the supervisor has seen this very plan."""

    processes: tuple[ProcessSpec, ...] = ()
    base_env: dict[str, str] = field(default_factory=dict)
    """Below every process's own variables; a change here restarts nothing."""
    serial: str = ""
    patience: float = 600.0
    """Most seconds that a process which this plan no longer has is given to stop."""

    def addresses(self) -> set[Address]:
        return {address for spec in self.processes for address in spec.listen.values()}

    def by_name(self) -> dict[str, ProcessSpec]:
        return {spec.name: spec for spec in self.processes}

    def merged(self, newer: Iterable[ProcessSpec]) -> "Plan":
        """This plan with some processes added or replaced."""
        return replace(
            self, processes=tuple((self.by_name() | {s.name: s for s in newer}).values())
        )

    def only(self, parts: set[str]) -> "Plan":
        return replace(self, processes=tuple(s for s in self.processes if s.part in parts))

    def numbered(self) -> "Plan":
        return replace(self, serial=uuid.uuid4().hex)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def plan_from_json(text: str) -> Plan:
    data = json.loads(text)
    return Plan(
        processes=tuple(_spec(item) for item in data["processes"]),
        base_env=dict(data["base_env"]),
        serial=data["serial"],
        patience=data["patience"],
    )


def _spec(data: dict[str, Any]) -> ProcessSpec:
    listen = {name: Address(**address) for name, address in data.pop("listen").items()}
    binds = tuple(Address(**address) for address in data.pop("binds"))
    return ProcessSpec(**{**data, "argv": tuple(data["argv"]), "listen": listen, "binds": binds})
