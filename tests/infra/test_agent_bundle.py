"""The agent's Python in images that have none, built once for each state of its inputs."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.agent_bundle import ENTRYPOINT, MOUNT, build, current_version
from infra.agent_bundle.bundle import KEEP_SECONDS
from infra.agent_bundle.elf import NotElf, interpreter_of
from infra.agent_bundle.entrypoint import interpreter
from infra.agent_bundle.packages import inside
from infra.engine import Docker
from infra.engine.state import REPOSITORY
from tests.infra.containers import Done, run

NEEDED = (
    "asyncio, json, struct, os, signal, pty, termios, fcntl, tarfile, gzip, zlib, hashlib, base64, "
    "tempfile, shutil, stat, pwd, grp, ctypes, select, socket, subprocess, logging, dataclasses, "
    "enum, uuid, secrets, hmac, random, contextlib, typing, traceback, resource, mmap, inspect"
)
AGENT_RSS_KIB = 30 * 1024


def quiet(_text: str) -> None:
    return None


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The folder behind the link, as Docker resolves it."""
    return build(quiet).resolve()


@pytest.fixture(scope="session")
def empty_image(docker: Docker) -> str:
    """An image with nothing in it: no shell, no library."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    path = "/images/create?fromSrc=-&repo=insien/test-empty&tag=1"
    for _ in docker.upload("POST", path, buffer.getvalue()):
        pass
    return "insien/test-empty:1"


def python(bundle: Path, image: str, code: str, options: Sequence[str] = ()) -> Done:
    mount = ("--volume", f"{bundle}:{MOUNT}:ro")
    return run(image, [*interpreter(), "-c", code], (*mount, *options))


def test_it_runs_where_there_is_only_busybox(bundle: Path, images: dict[str, str]) -> None:
    done = python(bundle, images["minimal"], "import sys; print(sys.version_info[:2], sys.path)")
    assert done.output.startswith("(3, 11) [")
    assert all(path.startswith(MOUNT) for path in json.loads(done.output[8:].replace("'", '"')))


def test_it_runs_where_there_is_nothing_at_all(bundle: Path, empty_image: str) -> None:
    code = f"import {NEEDED}; print(hashlib.sha256(b'').hexdigest()[:6], zlib.crc32(b'a'))"
    done = python(bundle, empty_image, code, ("--read-only", "--user", "4711"))
    assert done.output == "e3b0c4 3904355907\n"


def test_it_uses_no_library_of_the_image(bundle: Path, images: dict[str, str]) -> None:
    code = f"import {NEEDED}; print(open('/proc/self/maps').read())"
    done = python(bundle, images["default"], code)
    mapped = {line.split()[-1] for line in done.output.splitlines() if ".so" in line}
    assert f"{MOUNT}/so/libc.so.6" in mapped
    assert {name for name in mapped if not name.startswith(MOUNT)} == set()


def test_modules_in_the_working_folder_are_not_imported(
    bundle: Path, images: dict[str, str]
) -> None:
    """A sandbox's owner may leave a json.py where the agent starts."""
    script = "echo 'print(\"hijacked\")' > /tmp/json.py; cd /tmp; PYTHONPATH=/tmp exec "
    command = " ".join(interpreter()) + " -c 'import json; print(json.__file__)'"
    mount = ("--volume", f"{bundle}:{MOUNT}:ro")
    done = run(images["minimal"], ["sh", "-c", script + command], mount)
    assert done.output == f"{MOUNT}/lib/python3.11/json/__init__.pyc\n"


def test_names_and_users_are_resolved_without_the_images_help(
    bundle: Path, empty_image: str
) -> None:
    code = "import socket; print(socket.getaddrinfo('localhost', 80)[0][4][1])"
    assert python(bundle, empty_image, code).output == "80\n"


def test_an_idle_event_loop_fits_the_agents_memory(bundle: Path, empty_image: str) -> None:
    code = (
        f"import {NEEDED}\n"
        "async def main():\n"
        "    print(next(l for l in open('/proc/self/status') if l.startswith('VmRSS')))\n"
        "asyncio.run(main())"
    )
    assert int(python(bundle, empty_image, code).output.split()[1]) < AGENT_RSS_KIB * 2 // 3


def test_every_module_of_the_library_is_compiled(bundle: Path) -> None:
    library = bundle / "lib/python3.11"
    assert not list(library.rglob("*.py"))
    assert (library / "asyncio/base_events.pyc").is_file()
    # PEP 552: flags 1 say that the source is not looked at.
    assert (library / "os.pyc").read_bytes()[4:8] == b"\1\0\0\0"


def test_the_entry_point_can_be_read_by_other_programs(bundle: Path) -> None:
    told = json.loads((bundle / "entrypoint.json").read_text())
    assert told == {"argv": list(ENTRYPOINT)}
    assert ENTRYPOINT[0] == f"{MOUNT}/ld.so"
    assert ENTRYPOINT[-2] == "-c"


def test_it_is_readable_by_every_user(bundle: Path) -> None:
    for path in (bundle, *bundle.rglob("*")):
        wanted = 0o555 if path.is_dir() else 0o444
        assert path.stat().st_mode & wanted == wanted


def test_unchanged_inputs_build_nothing(bundle: Path) -> None:
    said: list[str] = []
    before = bundle.stat().st_ino
    assert build(said.append).resolve().stat().st_ino == before
    assert said == [f"agent bundle {current_version()} is up to date"]


def tool(state: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.agent_bundle", "build", *options],
        cwd=REPOSITORY,
        env={**os.environ, "INSIEN_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_a_build_in_a_container_gives_the_same_bundle(tmp_path: Path) -> None:
    built = tool(tmp_path, "--in-container")
    assert built.returncode == 0, built.stderr
    bundle = build(quiet).resolve()
    assert (tmp_path / "agent/VERSION").read_text() == (bundle / "VERSION").read_text()
    theirs, ours = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.pyc")}
        for root in ((tmp_path / "agent").resolve(), bundle)
    )
    assert theirs == ours
    assert "is up to date" in tool(tmp_path, "--in-container").stdout


def test_a_replaced_version_stays_for_the_sandboxes_that_run_on_it(tmp_path: Path) -> None:
    recent, ancient = tmp_path / "agents/recent", tmp_path / "agents/ancient"
    for folder, age in ((recent, KEEP_SECONDS / 2), (ancient, KEEP_SECONDS * 2)):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
    (tmp_path / "agent").symlink_to("agents/recent")
    assert tool(tmp_path).returncode == 0
    assert recent.is_dir()
    assert not ancient.exists()
    version = (tmp_path / "agent/VERSION").read_text().strip()
    assert (tmp_path / "agent").readlink() == Path("agents") / version


def test_out_writes_plain_files(tmp_path: Path) -> None:
    done = tool(tmp_path / "state", "--out", str(tmp_path / "volume"))
    assert done.returncode == 0, done.stderr
    built = next((tmp_path / "state/agents").glob("*/VERSION"))
    assert (tmp_path / "volume/VERSION").read_text() == built.read_text()
    assert (tmp_path / "volume/ld.so").stat().st_mode & 0o111
    assert not (tmp_path / "volume").is_symlink()


def test_a_link_in_the_packages_does_not_lead_to_the_builders_own_files(tmp_path: Path) -> None:
    """Debian's loader is an absolute link: followed blindly, it was the loader of the machine."""
    for folder in ("lib", "lib64"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lib/real").write_text("")
    (tmp_path / "lib/ld.so").symlink_to("real")
    (tmp_path / "lib64/ld.so").symlink_to("/lib/ld.so")
    assert inside(tmp_path, "/lib64/ld.so") == tmp_path / "lib/real"


def test_the_loader_is_read_from_the_program_itself(tmp_path: Path) -> None:
    loader = interpreter_of(Path("/bin/true").resolve())
    assert Path(loader).exists()
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(NotElf):
        interpreter_of(script)
