"""The story: one user's way from a key to a page served from a sandbox, and back to nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from infra.demo.dialect import Dialect
from infra.demo.rows import summary, table
from infra.engine import Docker
from insien import Client, NotFound, Process, Sandbox

SUM = "499999500000\n"
COUNTING = "n=0; while true; do echo line $n; n=$((n+1)); sleep 0.2; done"
PORT = 8000
PAGE_SECONDS = 20.0
GONE_SECONDS = 30.0


class Mismatch(Exception):
    """Something came out other than it must."""


Tell = Callable[[str, str], None]
"""Takes what was done and what came of it."""


@dataclass(frozen=True, slots=True)
class People:
    """Two users who know nothing of each other."""

    user: Client
    stranger: Client


def story(people: People, dialect: Dialect, tell: Tell) -> None:
    """All of it, in one template; raises Mismatch (or what the client raises)."""
    with (
        people.user.create(dialect.template) as sandbox,
        people.stranger.create(dialect.template) as other,
    ):
        tell(f"create a sandbox from {dialect.template!r}", sandbox.id)
        _compute(sandbox, dialect, tell)
        counting = sandbox.start(COUNTING)
        tell(f"in the background: {COUNTING}", f"process {counting.id}")
        _summarise(sandbox, dialect, tell)
        _serve(sandbox, dialect, tell)
        _still_there(sandbox, counting, tell)
        _apart(people, sandbox, other, tell)
    _nothing_left([sandbox.id, other.id], tell)


def expect(actual: object, wanted: object) -> None:
    """Mismatch unless they are equal."""
    if actual != wanted:
        raise Mismatch(f"{actual!r} instead of {wanted!r}")


def _compute(sandbox: Sandbox, dialect: Dialect, tell: Tell) -> None:
    result = sandbox.run(dialect.sum_of_a_million).check()
    tell(dialect.sum_of_a_million, result.stdout)
    expect(result.stdout, SUM)


def _summarise(sandbox: Sandbox, dialect: Dialect, tell: Tell) -> None:
    data = table()
    sandbox.files.write("sales.csv", data)
    size = sandbox.files.stat("sales.csv").size
    tell("upload sales.csv, 100,000 rows", f"{size:,} bytes")
    expect(size, len(data))
    sandbox.files.write(dialect.script_name, dialect.script)
    result = sandbox.run(dialect.run_script).check()
    tell(dialect.run_script, result.stdout)
    expect(result.stdout, "4 regions\n")
    got = sandbox.files.read("summary.csv")
    tell("download summary.csv", got.decode())
    expect(got, summary())


def _serve(sandbox: Sandbox, dialect: Dialect, tell: Tell) -> None:
    sandbox.start(dialect.serve)
    url = sandbox.expose(PORT).url
    tell(f"{dialect.serve} &", f"exposed as {url}")
    page = fetch(sandbox, url, "/summary.csv")
    tell(f"GET {url}/summary.csv", page.decode())
    expect(page, summary())


def fetch(sandbox: Sandbox, url: str, path: str) -> bytes:
    """A page through a preview URL, once the server in the sandbox listens.

    Connects to the API's address and names the preview host in `Host`, for not every resolver
    knows that names under `localhost` are this machine (RFC 6761 6.3).
    """
    host = httpx.URL(url)
    deadline = time.monotonic() + PAGE_SECONDS
    while True:
        answer = httpx.get(
            host.copy_with(host=_reachable(host.host), path=path),
            headers={"Host": host.netloc.decode()},
            timeout=PAGE_SECONDS,
            trust_env=False,
        )
        if answer.status_code != 502 or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    if answer.status_code != 200:
        raise Mismatch(f"GET {url}{path}: {answer.status_code} {answer.text}")
    return answer.content


def _reachable(host: str) -> str:
    return "127.0.0.1" if host.endswith(".localhost") else host


def _still_there(sandbox: Sandbox, counting: Process, tell: Tell) -> None:
    expect(sandbox.files.stat("sales.csv").size, len(table()))
    expect(counting.info().running, True)
    text = counting.read().text
    lines = text.splitlines()
    expect(lines, [f"line {number}" for number in range(len(lines))])
    tell("the file and the first process", f"both still there; {len(lines)} lines so far")


def _apart(people: People, mine: Sandbox, theirs: Sandbox, tell: Tell) -> None:
    for client, sandbox in ((people.stranger, mine), (people.user, theirs)):
        try:
            client.get(sandbox.id)
        except NotFound as error:
            expect(error.code, "sandbox_not_found")
        else:
            raise Mismatch(f"a stranger sees {sandbox.id}")
        expect(sandbox.id in {one.id for one in client.list()}, False)
    tell("another user asks for it", "404 sandbox_not_found, and the other way round")


def _nothing_left(ids: list[str], tell: Tell) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while (left := sandboxes_of_containers() & set(ids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    tell("destroy", "docker ps -a knows neither of the two")
    expect(left, set())


def sandboxes_of_containers() -> set[str]:
    """The sandbox ids of all containers on this machine's engine, stopped ones too."""
    found = Docker.from_environment().get("/containers/json", all="1")
    return {str(one["Labels"].get("insien.sandbox-id")) for one in found}
