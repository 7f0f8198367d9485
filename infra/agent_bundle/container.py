"""Build the bundle in a Debian container, for machines that are not Debian themselves."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from infra.engine import Docker, DockerError
from infra.engine.state import REPOSITORY
from infra.images import BuildFailed, ensure_bases

# Found by the kind of its work, should one ever be left behind.
LABELS = {"insien.role": "agent-bundle"}
COMMAND = ["python3", "-m", "infra.agent_bundle", "build", "--out", "/bundle"]


class NoContainer(Exception):
    """No engine, no Debian image, or the build in it failed; the text says which."""


def build(folder: Path, say: Callable[[str], None]) -> Path:
    """Build in a container and bring the result into ``folder``; the path of it."""
    docker = Docker.from_environment()
    try:
        image = ensure_bases(docker, ["python"], say)["python"]
        say(f"building the agent bundle in a container of {image}")
        created = docker.post("/containers/create", _configuration(image))
        identifier = created["Id"]
        try:
            _run(docker, identifier)
            _extract(docker, identifier, folder)
        finally:
            docker.delete(f"/containers/{identifier}", force="1", v="1")
    except (DockerError, BuildFailed) as error:
        raise NoContainer(str(error)) from error
    return folder / "bundle"


def _configuration(image: str) -> dict[str, object]:
    return {
        "Image": image,
        "Cmd": COMMAND,
        "Env": ["INSIEN_STATE_DIR=/state"],
        "WorkingDir": "/source",
        "Labels": LABELS,
        "Tty": True,
    }


def _run(docker: Docker, identifier: str) -> None:
    for _ in docker.upload("PUT", f"/containers/{identifier}/archive?path=/", _sources()):
        pass
    docker.post(f"/containers/{identifier}/start")
    ended = docker.call("POST", f"/containers/{identifier}/wait", timeout=None)
    if ended["StatusCode"] != 0:
        query = urlencode({"stdout": "1", "stderr": "1", "tail": "20"})
        log = b"".join(docker.download(f"/containers/{identifier}/logs?{query}"))
        raise NoContainer(log.decode(errors="replace"))


def _sources() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for top in ("infra", "agent/agent"):
            for path in sorted((REPOSITORY / top).rglob("*.py")):
                tar.add(path, f"source/{path.relative_to(REPOSITORY)}")
    return buffer.getvalue()


def _extract(docker: Docker, identifier: str, folder: Path) -> None:
    data = b"".join(docker.download(f"/containers/{identifier}/archive?path=/bundle"))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder, filter="tar")
