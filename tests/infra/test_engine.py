"""Finding an engine, saying so when there is none, and leaving alone what is not ours."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.engine import Docker, DockerError
from infra.engine.debian import Archive, archives, is_debian, release
from infra.engine.state import REPOSITORY


def engine(command: str, state: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.engine", command],
        cwd=REPOSITORY,
        env={**os.environ, "INSIEN_STATE_DIR": str(state), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_ensure_finds_the_engine_that_runs_and_starts_no_other(
    docker: Docker, tmp_path: Path
) -> None:
    done = engine("ensure", tmp_path)
    assert done.returncode == 0
    assert f"Docker answers at {docker.host}" in done.stdout
    assert not (tmp_path / "run/dockerd-1.pid").exists()


def test_a_configured_engine_that_is_silent_is_named_and_none_is_installed(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/none.sock"
    done = engine("ensure", tmp_path, DOCKER_HOST=address)
    assert done.returncode == 1
    assert address in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_address_of_an_unknown_kind_is_refused_in_words() -> None:
    with pytest.raises(DockerError, match="not unix or tcp"):
        Docker("ssh://somewhere").get("/version")


def test_stop_leaves_an_engine_alone_that_it_did_not_start(docker: Docker, tmp_path: Path) -> None:
    done = engine("stop", tmp_path)
    assert done.returncode == 0
    assert "nothing to stop" in done.stdout
    assert docker.answers()


def test_stop_spares_a_process_that_has_inherited_the_pid(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        try:
            (tmp_path / "run/dockerd-1.pid").write_text(f"{bystander.pid}\n")
            assert engine("stop", tmp_path).returncode == 0
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_errors_of_the_engine_carry_status_and_reason(docker: Docker) -> None:
    with pytest.raises(DockerError) as caught:
        docker.get("/containers/no-such-container/json")
    assert caught.value.status == 404
    assert "no-such-container" in caught.value.message


def test_deleting_what_is_not_there_is_no_error(docker: Docker) -> None:
    docker.delete("/containers/no-such-container")


def test_an_engine_that_accepts_and_never_answers_is_given_up(tmp_path: Path) -> None:
    done = threading.Event()

    class Mute(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            done.wait(30)

    with HTTPServer(("127.0.0.1", 0), Mute) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert not Docker(f"tcp://127.0.0.1:{server.server_port}").answers(timeout=0.2)
        done.set()
        server.shutdown()
        thread.join()


DEB822 = """
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
# a comment: with a colon

Types: deb deb-src
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main contrib

Types: deb
URIs: http://other.test/tools
Suites: nodistro
Components: main

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no
"""
ONE_LINE = """
# deb http://commented.test/debian bookworm main
deb [signed-by=/k.gpg arch=amd64] http://mirror.test/security bookworm-security main
deb http://mirror.test/debian bookworm main contrib
deb-src http://mirror.test/debian bookworm main
deb http://vendor.test/apt bookworm stable
"""


@pytest.mark.parametrize(
    ("name", "text", "updates"),
    [
        ("sources.list.d/debian.sources", DEB822, ("bookworm", "bookworm-updates")),
        ("sources.list", ONE_LINE, ("bookworm",)),
    ],
)
def test_debian_archives_are_read_from_both_forms_of_sources(
    tmp_path: Path, name: str, text: str, updates: tuple[str, ...]
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    assert archives("bookworm", tmp_path) == [
        Archive("http://mirror.test/debian", updates),
        Archive("http://mirror.test/security", ("bookworm-security",)),
    ]


def test_debian_is_told_by_os_release(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nNAME="Debian GNU/Linux"\n')
    assert release(tmp_path) == {"ID": "debian", "NAME": "Debian GNU/Linux"}
    assert release(tmp_path / "nowhere") == {}
    assert is_debian() == (release().get("ID") == "debian")
