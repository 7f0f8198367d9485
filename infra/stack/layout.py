"""The state directory: where each file of one stack lives."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one state directory (`.insien/` unless INSIEN_STATE_DIR says otherwise)."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.env"

    @property
    def dev_env(self) -> Path:
        return self.root / "dev.env"

    @property
    def clerk_state(self) -> Path:
        return self.root / "clerk.json"

    @property
    def agent_bundle(self) -> Path:
        """Written by infra.agent_bundle."""
        return self.root / "agent"

    @property
    def plan(self) -> Path:
        """What should run; written by the commands, read by the supervisor. Holds secrets."""
        return self.run / "plan.json"

    @property
    def state(self) -> Path:
        """What runs; written by the supervisor, read by the commands."""
        return self.run / "state.json"

    @property
    def supervisor_lock(self) -> Path:
        """Held (flock) by the supervisor for as long as it lives; its text is the pid."""
        return self.run / "supervisor.lock"

    @property
    def command_lock(self) -> Path:
        """Held by the command that is changing the stack: one at a time."""
        return self.run / "command.lock"

    def pid_file(self, process: str) -> Path:
        return self.run / f"{process}.pid"

    def log_file(self, process: str) -> Path:
        return self.log / f"{process}.log"

    def prepare(self) -> None:
        """Make the directories. Those holding secrets are closed one by one, not the whole."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(exist_ok=True)
        self.log.mkdir(mode=0o700, exist_ok=True)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file in one step, so that no reader ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    temporary.replace(path)
