"""The command line as a person runs it: a process, its output, its exit code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from insien import Client, Result
from insien.cli import main
from insien.cli.running import exit_code
from tests.sdk.conftest import Served
from tests.sdk.fake_api import KEY, MISSING

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(served: Served, capfd: pytest.CaptureFixture[str]) -> Cli:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["--api-url", served.url, "--api-key", KEY, *words])
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_create_list_status_destroy(cli: Cli) -> None:
    code, out, _ = cli("create", "--template", "minimal", "--timeout", "60", "--env", "A=1")
    sandbox = out.strip()
    assert code == 0
    assert sandbox in cli("list", "--status", "running")[1]
    assert "template   minimal" in cli("status", sandbox)[1]
    assert cli("destroy", sandbox)[:2] == (0, f"{sandbox}\n")
    assert "destroyed (user)" in cli("status", sandbox)[1]


def test_json_has_the_fields_of_the_api(cli: Cli) -> None:
    made = json.loads(cli("create", "--json", "--metadata", "a=b")[1])
    assert made["metadata"] == {"a": "b"}
    assert made["expiresAt"] == "2030-01-02T03:04:05Z"
    assert [json.loads(line)["id"] for line in cli("list", "--json")[1].splitlines()] == [
        made["id"]
    ]
    exposed = json.loads(cli("expose", "--json", made["id"], "8000")[1])
    assert exposed == {
        "port": 8000,
        "access": "public",
        "url": "http://8000-x.localhost",
        "token": None,
    }
    assert json.loads(cli("templates", "--json")[1])["languages"] == ["python"]


def test_run_ends_as_the_command_ended(cli: Cli, client: Client) -> None:
    sandbox = client.create().id
    assert cli("run", sandbox, "--", "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")
    assert cli("run", sandbox, "--", "echo", "a  b", "--json") == (0, "a  b --json\n", "")
    code, out, _ = cli("run", "--json", sandbox, "--", "echo x; exit 4")
    assert (code, json.loads(out)["stdout"]) == (4, "x\n")
    assert cli("run", sandbox, "--", "kill -9 $$")[0] == 128 + signal.SIGKILL
    assert cli("run", "--cwd", "/", "--user", "root", "--env", "A=2", sandbox, "--", "echo $A$PWD")[
        1
    ] == ("2/\n")
    assert exit_code(Result("p", None, "SIGKILL", b"", b"", timed_out=True)) == 124


def test_run_rm_leaves_nothing(cli: Cli, served: Served) -> None:
    assert cli("run", "--rm", "--env", "A=1", "--", "exit 5")[0] == 5
    (made,) = served.api.sandboxes.values()
    assert made["status"] == "destroyed"


def test_processes_and_their_logs(cli: Cli, client: Client) -> None:
    sandbox = client.create().id
    process = cli("run", "-d", sandbox, "--", "echo hello; sleep 0.1; echo end")[1].strip()
    assert cli("logs", "-f", sandbox, process)[1] == "hello\nend\n"
    assert cli("logs", sandbox, process)[1] == "hello\nend\n"
    assert json.loads(cli("logs", "--json", sandbox, process)[1])["nextOffset"] == 10
    assert "exit 0" in cli("ps", sandbox)[1]


def test_files_go_in_and_out(cli: Cli, client: Client, tmp_path: Path) -> None:
    sandbox = client.create().id
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("data\n")
    assert "5 bytes" in cli("put", "--mode", "0600", sandbox, str(source), "x")[1]
    assert cli("get", sandbox, "x", str(target))[0] == 0
    assert target.read_text() == "data\n"
    assert cli("get", sandbox, "x", "-")[1] == "data\n"
    code, _, err = cli("put", sandbox, str(tmp_path / "none"), "x")
    assert (code, "No such file" in err) == (1, True)


def test_ports_and_templates(cli: Cli, client: Client) -> None:
    sandbox = client.create().id
    assert cli("expose", sandbox, "8000")[1] == "http://8000-x.localhost\n"
    assert "X-Insien-Token: secret" in cli("expose", "--private", sandbox, "9000")[1]
    assert "port 8000  http://8000-x.localhost (public)" in cli("status", sandbox)[1]
    assert "python" in cli("templates")[1]


def test_failures_are_one_line_on_stderr(cli: Cli) -> None:
    code, out, err = cli("status", MISSING)
    assert (code, out) == (1, "")
    assert err.startswith("insien: It is sandbox_not_found.")
    assert cli("run", MISSING, "--", "true")[0] == 125
    assert "  template: no such template" in cli("create", "--template", "wrong")[2]


@pytest.mark.parametrize(
    "words",
    [
        ["run", "x"],
        ["run", "--", "true"],
        ["run", "--rm", "x", "--", "y"],
        ["create", "--env", "A"],
    ],
)
def test_wrong_usage(cli: Cli, words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli(*words)
    assert end.value.code == 2


def test_standard_input_and_interruption(served: Served, client: Client) -> None:
    sandbox = client.create().id
    env = os.environ | {"INSIEN_API_URL": served.url, "INSIEN_API_KEY": KEY}
    insien = [str(Path(sys.executable).with_name("insien"))]
    piped = subprocess.run(
        [*insien, "run", "-i", sandbox, "--", "wc -c"],
        input=b"12345",
        env=env,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert piped.stdout.split() == [b"5"]
    with subprocess.Popen(
        [*insien, "run", sandbox, "--", "echo ready; exec sleep 60"],
        env=env,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
    assert all(process.ended for process in served.api.processes.values())


def test_a_reader_that_leaves_is_no_error(served: Served, client: Client) -> None:
    for _ in range(3):
        client.create()
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as nobody:
        env = os.environ | {"INSIEN_API_URL": served.url, "INSIEN_API_KEY": KEY}
        insien = str(Path(sys.executable).with_name("insien"))
        done = subprocess.run(
            [insien, "list"],
            env=env,
            stdout=nobody,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")
