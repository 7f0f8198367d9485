"""Every route of the served description that names a sandbox, ready to be asked."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

OF_A_SANDBOX = """
    DELETE /sandbox/{id}
    GET /sandbox/{id}/status
    POST /sandbox/{id}/extend
    POST /sandbox/{id}/pause
    POST /sandbox/{id}/resume
    POST /sandbox/{id}/destroy
    POST /sandbox/{id}/expose
    DELETE /sandbox/{id}/expose/{port}
    GET /sandbox/{id}/ports
    GET /sandbox/{id}/metrics
    GET /sandbox/{id}/events
    POST /sandbox/{id}/token
    POST /sandbox/{id}/exec
    GET /sandbox/{id}/processes
    GET /sandbox/{id}/processes/{pid}
    DELETE /sandbox/{id}/processes/{pid}
    GET /sandbox/{id}/processes/{pid}/output
    POST /sandbox/{id}/processes/{pid}/stdin
    POST /sandbox/{id}/processes/{pid}/signal
    GET /sandbox/{id}/files
    PUT /sandbox/{id}/files
    DELETE /sandbox/{id}/files
    GET /sandbox/{id}/files/stat
    GET /sandbox/{id}/files/list
    POST /sandbox/{id}/files/mkdir
    POST /sandbox/{id}/files/move
    POST /sandbox/{id}/files/copy
    POST /sandbox/{id}/files/chmod
    GET /sandbox/{id}/files/watch
    GET /sandbox/{id}/files/archive
    PUT /sandbox/{id}/files/archive
    GET /sandbox/{id}/proxy/{port}/{path}
"""
"""API.md's list: the description may have more, never less."""

BODIES: dict[str, dict[str, Any]] = {
    "extend": {"timeoutSeconds": 1},
    "expose": {"containerPort": 8000},
    "token": {},
    "exec": {"command": "echo broken-in > /tmp/broken-in"},
    "signal": {"signal": "SIGKILL"},
    "mkdir": {"path": "/tmp/broken-in"},
    "move": {"from": "/etc/hostname", "to": "/tmp/broken-in"},
    "copy": {"from": "/etc/hostname", "to": "/tmp/broken-in"},
    "chmod": {"path": "/etc/hostname", "mode": "0600"},
}


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str

    def send(self, api: httpx.Client, sandbox_id: str, process_id: str) -> httpx.Response:
        """A request that would do something, were it one's own sandbox."""
        path = self.path.replace("{id}", sandbox_id).replace("{pid}", process_id)
        path = re.sub(r"\{port\}", "8000", re.sub(r"\{path\}|\*", "", path))
        last = self.path.rsplit("/", 1)[1]
        params = {"path": "/tmp/broken-in"} if "/files" in path else {}
        arguments: dict[str, Any] = {"params": params}
        if self.method == "PUT" or last == "stdin":
            arguments |= {
                "content": b"x",
                "headers": {"Content-Type": "application/octet-stream"},
            }
        elif self.method in {"POST", "PATCH"}:
            arguments["json"] = BODIES.get(last, {})
        return api.request(self.method, path, **arguments)


def expected_routes() -> set[Route]:
    words = (line.split() for line in OF_A_SANDBOX.strip().splitlines())
    return {Route(method, path) for method, path in words}


def all_routes(api: httpx.Client) -> list[Route]:
    """What API.md lists and what is served: never none, whatever the description leaves out."""
    found = expected_routes() | {r for r in described_routes(api) if r.method != "HEAD"}
    return sorted(found, key=lambda route: (route.path, route.method))


def described_routes(api: httpx.Client) -> set[Route]:
    """All methods of all paths below /sandbox/{id}, parameters by the names used here."""
    paths = api.get("/openapi.json").json()["paths"]
    found = set()
    for path, operations in paths.items():
        if not path.startswith("/sandbox/{"):
            continue
        for method in operations.keys() & {"get", "put", "post", "delete", "patch", "head"}:
            found.add(Route(method.upper(), _named(path)))
    return found


def _named(path: str) -> str:
    names = iter(re.findall(r"\{(\w+)\}", path))
    next(names)
    named = re.sub(r"^/sandbox/\{\w+\}", "/sandbox/{id}", path)
    named = re.sub(r"/processes/\{\w+\}", "/processes/{pid}", named)
    return re.sub(r"/(expose|proxy)/\{\w+\}", r"/\1/{port}", named)


def nowhere() -> str:
    return str(uuid.uuid4())
