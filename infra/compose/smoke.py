"""What only compose can get wrong, tried through the public API from inside sandboxes.

    INSIEN_API_URL=… INSIEN_API_KEY=… python -m infra.compose.smoke

Sandboxes with and without a way out reach every hub replica on the agents' port, and nothing else
of the deployment: not the hub's other ports, no other service, not each other.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from insien import Client, Sandbox

AGENT_PORT, HUB_HTTP, HUB_GRPC = 3001, 8083, 9083
WEB_PORT = 8000
SERVICES = ("gateway", "auth", "sandbox", "postgres", "redis", "clerk")

# Prints {"address:port": connected}; refused at once, or nothing heard for 2 s.
PROBE = """
import json, socket, sys
found = {}
for target in sys.argv[1:]:
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 2).close()
        found[target] = True
    except OSError:
        found[target] = False
print(json.dumps(found))
"""


class Wrong(Exception):
    """Something is not as it should be; the text says what."""


def expect(what: str, found: object, wanted: object) -> None:
    """One line for each thing that holds."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r} instead of {wanted!r}")
    print(f"  {what}", flush=True)


def addresses(sandbox: Sandbox, name: str) -> list[str]:
    """IPv4 addresses of a name, as the sandbox sees them."""
    lines = sandbox.run(f"getent ahostsv4 {name}").stdout.splitlines()
    return sorted({line.split()[0] for line in lines})


def connects(sandbox: Sandbox, targets: list[str]) -> dict[str, bool]:
    """Which ``address:port`` take a TCP connection from the sandbox."""
    result = sandbox.exec("python3", ["-c", PROBE, *targets]).check()
    found: dict[str, bool] = json.loads(result.stdout)
    return found


def check_fence(sandbox: Sandbox, other: Sandbox, hubs: int) -> None:
    """The hub's agent port and nothing else of ours."""
    at = addresses(sandbox, "insien-hub")
    expect("every hub replica has an address", len(at), hubs)
    agent = [f"{address}:{AGENT_PORT}" for address in at]
    expect("the agents' port is open", connects(sandbox, agent), dict.fromkeys(agent, True))
    closed = [f"{address}:{port}" for address in at for port in (HUB_HTTP, HUB_GRPC)]
    closed += ["169.254.169.254:80"]
    closed += [f"{address}:{WEB_PORT}" for address in other.run("hostname -I").stdout.split()]
    expect("nothing else is", connects(sandbox, closed), dict.fromkeys(closed, False))


def check_names(sandbox: Sandbox) -> None:
    """Who is on a network with the hub sees the hub's name, and no other service's."""
    known = [name for name in SERVICES if addresses(sandbox, name)]
    expect("no other service has a name there", known, [])


def check_work(sandbox: Sandbox) -> None:
    """A command, a file of any bytes, a preview."""
    expect("a command", sandbox.run("echo $((6 * 7))").stdout, "42\n")
    data = bytes(range(256)) * 512
    sandbox.files.write("/tmp/data", data)
    expect("a file", sandbox.files.read("/tmp/data"), data)


def check_preview(sandbox: Sandbox) -> None:
    """A web server that was started in it answers at its public address."""
    sandbox.files.write("/tmp/web/index.html", "hello from inside")
    sandbox.start(f"cd /tmp/web && exec python3 -m http.server {WEB_PORT}")
    own = {f"127.0.0.1:{WEB_PORT}": True}
    deadline = time.monotonic() + 20
    while connects(sandbox, list(own)) != own and time.monotonic() < deadline:
        time.sleep(0.1)
    url = sandbox.expose(WEB_PORT).url
    # By the Host header: not every resolver knows that all names below localhost are this machine.
    request = urllib.request.Request(os.environ["INSIEN_API_URL"])
    request.add_header("Host", urlsplit(url).netloc)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    expect(f"a preview at {url}", _body(opener, request), b"hello from inside")


def _body(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> bytes:
    """503 is safe to repeat, as it says itself: a part may have been restarted just now."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with opener.open(request, timeout=20) as answer:
                body: bytes = answer.read()
            return body
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise Wrong(f"the preview answers {error.code}: {error.read()!r}") from error
        time.sleep(0.5)


def run(client: Client, hubs: int) -> None:
    """All of it; raises Wrong. No sandbox is left."""
    with client.create("default") as open_one, client.create("minimal") as bare:
        check_work(open_one)
        check_work(bare)
        check_preview(open_one)
        with client.create("default", network={"egress": "none"}) as closed_one:
            check_work(closed_one)
            check_fence(closed_one, open_one, hubs)
        with client.create("default") as neighbour:
            check_fence(neighbour, open_one, hubs)
            check_names(neighbour)


def main() -> int:
    """The number of hub replicas is the argument."""
    hubs = int(sys.argv[1]) if sys.argv[1:] else 1
    try:
        with Client() as client:
            run(client, hubs)
    except Wrong as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
