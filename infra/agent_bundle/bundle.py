"""Build the bundle when its inputs have changed, and swap it in atomically."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.agent_bundle import container, packages
from infra.agent_bundle.entrypoint import ENTRYPOINT
from infra.agent_bundle.runtime import assemble, compile_tree
from infra.engine.state import REPOSITORY, cache_dir, run_dir, state_dir

AGENT = REPOSITORY / "agent" / "agent"
KEEP_SECONDS = 8 * 24 * 3600

Say = Callable[[str], None]


class BundleFailed(Exception):
    """The bundle could not be built; the text says what to do."""


def build(say: Say, refresh: bool = False, in_container: bool = False) -> Path:
    """The up-to-date bundle's path, ``<state>/agent``; built when any input has changed.

    ``refresh`` fetches the packages anew. ``in_container`` builds in a Debian container, as is done
    anyway on machines that are not Debian themselves.
    """
    link = state_dir() / "agent"
    with _one_builder():
        if in_container or not packages.available_here():
            version = _in_container(say, refresh)
        else:
            version = _here(say, refresh)
        _swap(link, version)
        _forget_old(version)
    return link


def build_into(out: Path, say: Say) -> str:
    """Build here, as plain files into the folder ``out`` (as for a volume); its version."""
    with _one_builder():
        version = _here(say, refresh=False)
    shutil.copytree(_versions() / version, out, symlinks=True, dirs_exist_ok=True)
    return version


def current_version() -> str | None:
    """The version that new sandboxes get; None before the first build."""
    try:
        return (state_dir() / "agent" / "VERSION").read_text().strip()
    except OSError:
        return None


def _here(say: Say, refresh: bool) -> str:
    debs = packages.fetch(refresh)
    runtime = _digest([path.name.encode() for path in debs], _recipe())
    version = _digest([runtime.encode()], _tree(AGENT))[:16]
    target = _versions() / version
    if (target / "VERSION").exists():
        say(f"agent bundle {version} is up to date")
        return version
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_versions(), prefix=".new-") as folder:
        new = Path(folder) / "bundle"
        shutil.copytree(_runtime(runtime, debs), new, copy_function=_link)
        _add_agent(new)
        (new / "entrypoint.json").write_text(json.dumps({"argv": list(ENTRYPOINT)}) + "\n")
        (new / "VERSION").write_text(f"{version}\n")
        new.chmod(0o755)
        new.rename(target)
    say(f"built agent bundle {version} in {time.monotonic() - start:.1f} s")
    return version


def _runtime(digest: str, debs: list[Path]) -> Path:
    """The bundle without the agent; kept, since the agent changes more often."""
    target = cache_dir() / f"runtime-{digest[:16]}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="runtime-new-") as folder:
            unpacked, out = Path(folder) / "root", Path(folder) / "out"
            packages.unpack(debs, unpacked)
            assemble(unpacked, out)
            for old in cache_dir().glob("runtime-????????????????"):
                shutil.rmtree(old)
            out.rename(target)
    return target


def _add_agent(new: Path) -> None:
    """Copy the package; without one yet, the bundle is a Python and nothing else."""
    if AGENT.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "py.typed")
        shutil.copytree(AGENT, new / "lib/agent", ignore=ignored)
        for path in (new / "lib/agent").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        compile_tree(new, "beside", "lib/agent")


def _in_container(say: Say, refresh: bool) -> str:
    sources = _digest([], [*_recipe(), *_tree(AGENT)])[:16]
    for path in _versions().glob("*/SOURCES"):
        if path.read_text() == sources and not refresh:
            say(f"agent bundle {path.parent.name} is up to date")
            return path.parent.name
    with tempfile.TemporaryDirectory(dir=_versions(), prefix=".new-") as folder:
        try:
            new = container.build(Path(folder), say)
        except container.NoContainer as error:
            raise BundleFailed(
                f"the agent's Python comes from Debian {packages.CODENAME}: this machine is none, "
                f"and a container of it cannot be had: {error}"
            ) from error
        (new / "SOURCES").write_text(sources)
        version = (new / "VERSION").read_text().strip()
        shutil.rmtree(_versions() / version, ignore_errors=True)
        new.rename(_versions() / version)
    return version


def _swap(link: Path, version: str) -> None:
    new = link.with_name(f".agent-{os.getpid()}")
    new.symlink_to(Path("agents") / version)
    new.replace(link)


def _forget_old(current: str) -> None:
    """Delete versions that were replaced long ago; the time counts from when they were current."""
    os.utime(_versions() / current)
    for path in _versions().iterdir():
        if path.name != current and time.time() - path.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _recipe() -> list[bytes]:
    return _tree(Path(__file__).parent)


def _tree(folder: Path) -> list[bytes]:
    """Names and contents of the Python sources below a folder."""
    parts = []
    for path in sorted(folder.rglob("*.py")):
        parts += [str(path.relative_to(folder)).encode(), path.read_bytes()]
    return parts


def _digest(*groups: Iterable[bytes]) -> str:
    content = hashlib.sha256()
    for group in groups:
        for part in group:
            content.update(f"{len(part)}:".encode() + part)
    return content.hexdigest()


def _link(source: str, target: str) -> None:
    os.link(source, target)


def _versions() -> Path:
    path = state_dir() / "agents"
    path.mkdir(exist_ok=True)
    return path


@contextmanager
def _one_builder() -> Iterator[None]:
    with (run_dir() / "agent-bundle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
