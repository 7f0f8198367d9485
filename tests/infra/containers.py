"""Throw-away containers on the real engine, by the Docker CLI."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

LABEL = "insien.test=infra"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended; ``output`` is stdout and stderr together."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Container:
    """A running container; ``address`` is its own on its network."""

    name: str
    address: str

    def sh(self, command: str) -> Done:
        """Run a shell command in it."""
        return _docker("exec", self.name, "sh", "-c", command)

    def kill_and_start(self) -> None:
        """SIGKILL everything in it, then start it again."""
        for command in ("kill", "start"):
            done = _docker(command, self.name)
            assert done.code == 0, done.output


def run(image: str, command: Sequence[str], options: Sequence[str] = ()) -> Done:
    """Run a command in a container of its own, to the end."""
    return _docker("run", "--rm", "--label", LABEL, *options, image, *command)


@contextmanager
def running(
    image: str, command: Sequence[str] = (), options: Sequence[str] = ()
) -> Iterator[Container]:
    """A container that runs in the background, removed with its volumes at the end."""
    started = _docker("run", "--detach", "--label", LABEL, *options, image, *command)
    name = started.output.strip()
    assert started.code == 0, started.output
    try:
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        yield Container(name, _docker("inspect", "--format", template, name).output.strip())
    finally:
        _docker("rm", "--force", "--volumes", name)


def _docker(*arguments: str) -> Done:
    done = subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout)
