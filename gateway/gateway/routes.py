"""The route table: which path goes where, who may take it, how long it lasts, what it counts as.

A path matches segment by segment and byte by byte. A parameter is letters, digits, `-` and `_`
only: nothing that is encoded, doubled or dotted can name a route, so nothing can reach another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Upstream = Literal["auth", "sandbox", "hub", "gateway"]
Credential = Literal["either", "session", "none"]
"""A key or a person's session; a session only; nobody needs one."""
Limit = Literal["key", "create", "webhook", "none"]
"""Which limits a request counts against; a webhook counts only when its signature is refused."""

READ = "sandbox:read"
WRITE = "sandbox:write"
ANY_SCOPE = "*"
NO_SCOPE = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `deadline` is in seconds until the head of the answer is there, 0 for none (the service has its
    own). `scope` empty needs none, `*` any one.
    """

    method: str
    path: str
    upstream: Upstream
    credential: Credential = "either"
    scope: str = NO_SCOPE
    deadline: float = 30
    limit: Limit = "key"


def _people(method: str, path: str) -> Route:
    return Route(method, path, "auth", "session")


def _sandbox(method: str, path: str, deadline: float = 30) -> Route:
    return Route(method, path, "sandbox", "either", READ if method == "GET" else WRITE, deadline)


def _hub(method: str, path: str, deadline: float = 60) -> Route:
    return Route(method, path, "hub", "either", READ if method == "GET" else WRITE, deadline)


def _own(path: str) -> Route:
    return Route("GET", path, "gateway", "none", limit="none")


CLIENT_PATH = "/client/{id}"
PROXY_PATH = "/sandbox/{id}/proxy/{port}/*"
PROXY_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ROUTES: tuple[Route, ...] = (
    # The gateway's own.
    _own("/health"),
    _own("/openapi.json"),
    _own("/docs"),
    # People and their keys.
    _people("GET", "/api/users/me"),
    _people("PATCH", "/api/users/me"),
    _people("GET", "/api/keys"),
    _people("POST", "/api/keys"),
    _people("DELETE", "/api/keys/{id}"),
    _people("POST", "/api/keys/{id}/rotate"),
    _people("GET", "/api/audit"),
    Route("POST", "/api/webhooks/clerk", "auth", "none", limit="webhook"),
    # Sandboxes. Create waits for the machine.
    Route("POST", "/sandbox/create", "sandbox", "either", WRITE, 150, "create"),
    _sandbox("GET", "/sandbox"),
    _sandbox("GET", "/api/templates"),
    _sandbox("GET", "/api/limits"),
    _sandbox("DELETE", "/sandbox/{id}", 60),
    _sandbox("POST", "/sandbox/{id}/destroy", 60),
    _sandbox("GET", "/sandbox/{id}/status"),
    _sandbox("POST", "/sandbox/{id}/extend"),
    _sandbox("POST", "/sandbox/{id}/pause"),
    _sandbox("POST", "/sandbox/{id}/resume"),
    _sandbox("POST", "/sandbox/{id}/expose"),
    _sandbox("DELETE", "/sandbox/{id}/expose/{port}"),
    _sandbox("GET", "/sandbox/{id}/ports"),
    _sandbox("GET", "/sandbox/{id}/metrics"),
    _sandbox("GET", "/sandbox/{id}/events"),
    _sandbox("POST", "/sandbox/{id}/token"),
    # Commands. A command ends when it ends: the hub knows its timeout.
    _hub("POST", "/sandbox/{id}/exec", 0),
    _hub("GET", "/sandbox/{id}/processes"),
    _hub("GET", "/sandbox/{id}/processes/{pid}"),
    _hub("DELETE", "/sandbox/{id}/processes/{pid}"),
    _hub("GET", "/sandbox/{id}/processes/{pid}/output"),
    _hub("POST", "/sandbox/{id}/processes/{pid}/stdin", 0),
    _hub("POST", "/sandbox/{id}/processes/{pid}/signal"),
    # Files. An upload lasts as long as its bytes come.
    _hub("GET", "/sandbox/{id}/files"),
    _hub("PUT", "/sandbox/{id}/files", 0),
    _hub("DELETE", "/sandbox/{id}/files"),
    _hub("GET", "/sandbox/{id}/files/stat"),
    _hub("GET", "/sandbox/{id}/files/list"),
    _hub("POST", "/sandbox/{id}/files/mkdir"),
    _hub("POST", "/sandbox/{id}/files/move"),
    _hub("POST", "/sandbox/{id}/files/copy", 300),
    _hub("POST", "/sandbox/{id}/files/chmod"),
    _hub("GET", "/sandbox/{id}/files/watch"),
    _hub("GET", "/sandbox/{id}/files/archive"),
    _hub("PUT", "/sandbox/{id}/files/archive", 0),
    # The client socket (an upgrade), and previews by path: `*` is the app's own path.
    Route("GET", CLIENT_PATH, "gateway", "either", WRITE),
    *(Route(method, PROXY_PATH, "gateway", "either", ANY_SCOPE, 0) for method in PROXY_METHODS),
)

_PARAMETER = re.compile(rb"[A-Za-z0-9_-]{1,128}")


@dataclass(slots=True)
class _Node:
    literals: dict[bytes, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: "dict[str, Route] | None" = None
    routes: dict[str, Route] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """The routes of a path by method, and its parameters in order, the app's path last."""

    routes: dict[str, Route]
    parameters: Sequence[bytes]

    @property
    def allow(self) -> str:
        """What `Allow` says: the methods, with HEAD wherever there is GET, and OPTIONS."""
        methods = {*self.routes, "OPTIONS"} | ({"HEAD"} if "GET" in self.routes else set())
        return ", ".join(sorted(methods))


class RouteTable:
    """The table as a tree of segments."""

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.encode().split(b"/")[1:]:
            if segment == b"*":
                node.rest = {**(node.rest or {}), route.method: route}
                return
            if segment.startswith(b"{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.routes[route.method] = route

    def find(self, path: bytes) -> Match | None:
        """The routes of a raw path, None when it is nobody's."""
        node = self._root
        parameters: list[bytes] = []
        segments = path.split(b"/")
        for index in range(1, len(segments)):
            segment = segments[index]
            if node.rest is not None:
                parameters.append(b"/" + b"/".join(segments[index:]))
                return Match(node.rest, parameters)
            child = node.literals.get(segment)
            if child is None:
                child = node.parameter
                if child is None or not _PARAMETER.fullmatch(segment):
                    return None
                parameters.append(segment)
            node = child
        if node.rest is not None and not node.routes:
            return Match(node.rest, [*parameters, b"/"])
        return Match(node.routes, parameters) if node.routes else None
